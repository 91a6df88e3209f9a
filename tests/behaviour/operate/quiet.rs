//! A wrong sender must not fill the log.

use super::Watched;
use crate::support::client::{Endpoint, Outcome, SigningClient};
use crate::support::sidecar::SOURCE;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refusals_of_one_kind_have_ten_lines_a_minute_and_then_a_count() {
    let mut watched = Watched::new(|text| text).await;
    let wrong = "whsec_YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXoxMjM0NTY=";
    let endpoint = Endpoint::Unix(watched.sidecar.dir.join("in.sock"));
    let mut client = SigningClient::new(endpoint, SOURCE, wrong);
    for _ in 0..60 {
        let outcome = client.post(b"[]".to_vec()).await;
        assert!(matches!(outcome, Outcome::Refused(status, _) if status == 401));
    }
    let line = "moodle_sns_refusals_total{kind=\"signature\"} 60";
    assert!(watched.get("/metrics").body.lines().any(|l| l == line), "{}", watched.get("/metrics").body);
    watched.sidecar.terminate();
    let log = watched.sidecar.log();
    let lines = |part: &str| log.lines().filter(|line| line.contains(part)).count();
    assert_eq!(lines("a request was refused"), 10, "{log}");
    assert_eq!(lines("\"left_out\":50"), 1, "{log}");
}
