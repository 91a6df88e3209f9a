//! D8. Goal: a spool that can't be opened, or that goes away, is one clear line, a documented exit code and an
//! untouched file; and never do two processes write to one. Method: the real binary, one way of being wrong at a time.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use super::harness;
use super::posts::{Load, Told, errors, topic};
use super::volume::Volume;
use crate::support::sidecar::Sidecar;

/// A folder with a configuration whose spool lies where `spool` says.
struct Case {
    dir: tempfile::TempDir,
    spool: PathBuf,
}

impl Case {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        Sidecar::with_topics(dir.path(), "http://127.0.0.1:9", &topic());
        let spool = dir.path().join("spool/spool.db");
        Self { dir, spool }
    }

    fn at(spool: &Path) -> Self {
        let case = Self::new();
        let config = case.dir.path().join("config.toml");
        let text = fs::read_to_string(&config).unwrap();
        let text = text.replace(&case.spool.display().to_string(), &spool.display().to_string());
        fs::write(config, text).unwrap();
        Self { spool: spool.into(), ..case }
    }

    /// With a file at the spool's place.
    fn holding(bytes: &[u8]) -> Self {
        let case = Self::new();
        fs::create_dir_all(case.spool.parent().unwrap()).unwrap();
        fs::write(&case.spool, bytes).unwrap();
        case
    }

    /// Runs it to its end, under other words if there are any.
    fn run(&self, under: &[&str]) -> Output {
        let mut words: Vec<&str> = under.to_vec();
        words.extend(["timeout", "60", Sidecar::program(), "run", "--config"]);
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).arg(self.dir.path().join("config.toml"));
        command
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .env("RUST_BACKTRACE", "0");
        command.output().unwrap()
    }

    /// It must end with this code and these words in one line, and leave the file as it is.
    #[track_caller]
    fn ends(&self, under: &[&str], code: i32, words: &[&str]) {
        let before = fs::read(&self.spool).ok();
        let output = self.run(under);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{said}");
        let line = said.lines().find(|line| words.iter().all(|word| line.contains(word)));
        assert!(line.is_some(), "{words:?} not in one line of\n{said}");
        assert!(!said.contains("panicked"), "{said}");
        if before.as_ref().is_some_and(|bytes| !bytes.is_empty()) {
            assert!(before == fs::read(&self.spool).ok(), "the file was changed: {said}");
        }
    }
}

/// A spool that was closed in order.
fn closed() -> (Case, Sidecar) {
    let case = Case::new();
    let mut sidecar = Sidecar::with_topics(case.dir.path(), "http://127.0.0.1:9", &topic());
    sidecar.start();
    let begun = Instant::now();
    while !super::posts::not_ready(&sidecar).is_empty() {
        assert!(begun.elapsed() < Duration::from_secs(20), "{}", sidecar.log());
        std::thread::sleep(Duration::from_millis(20));
    }
    (case, sidecar)
}

#[test]
fn each_wrong_place_of_a_spool_is_one_line_and_a_code_and_changes_nothing() {
    // Others' files.
    Case::holding(b"a letter to my aunt, which is longer than a hundred bytes and so can't be taken for a new file of ours. Yours.").ends(&[], 78, &["is not a spool of this program", "left as it is"]);
    let foreign = Case::holding(b"");
    rusqlite::Connection::open(&foreign.spool).unwrap().execute_batch("create table aunt(letter)").unwrap();
    foreign.ends(&[], 78, &["is not a spool of this program"]);

    // A second process beside the first; then a file of a version to come.
    let (case, mut first) = closed();
    case.ends(&[], 75, &["another process holds the spool", "stop it first"]);
    assert!(first.terminate().0.success());
    rusqlite::Connection::open(&case.spool).unwrap().pragma_update(None, "user_version", 99).unwrap();
    case.ends(&[], 78, &["version 99", "run the version that made it"]);

    // Places where no file can be.
    let folder = Case::new();
    fs::create_dir_all(&folder.spool).unwrap();
    folder.ends(&[], 69, &["spool.db", "directory"]);
    let below = Case::new();
    fs::write(below.dir.path().join("spool"), "no folder").unwrap();
    below.ends(&[], 69, &["spool.db", "Not a directory"]);
    Case::at(Path::new("file:spool.db?mode=memory")).ends(&[], 78, &["spool.path"]);

    // Too little of what a process may have.
    let few = Case::new();
    let output = few.run(&["prlimit", "--nofile=9"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(matches!(output.status.code(), Some(1 | 69 | 70)), "{:?} {said}", output.status);
    assert!(!said.contains("panicked"), "{said}");
}

#[test]
fn a_spool_of_another_user_is_refused() {
    let case = Case::holding(b"");
    let status = Command::new("chown").args(["-R", "65534:65534"]).arg(case.dir.path()).status();
    let able = status.is_ok_and(|s| s.success()) && Command::new("setpriv").arg("--version").output().is_ok();
    if !able {
        harness::skip("root and setpriv", "D8, a spool of another user");
        return;
    }
    assert!(Command::new("chown").arg("0:0").arg(&case.spool).status().unwrap().success());
    fs::set_permissions(&case.spool, fs::Permissions::from_mode(0o600)).unwrap();
    let other = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
    if case.run(&other).status.code() == Some(126) {
        println!(
            "SKIPPED: the binary lies where others may not run it; unproven: D8, a spool of another user"
        );
        return;
    }
    case.ends(&other, 69, &["spool.db", "Permission denied"]);
}

#[test]
fn a_disk_that_takes_nothing_at_the_start_is_told() {
    let Some(volume) = Volume::ext4(24, &["-N", "32"], "D8, full and read-only disks") else { return };
    let case = Case::at(&volume.at.join("spool/spool.db"));
    volume.fill();
    let output = case.run(&[]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(matches!(output.status.code(), Some(69 | 70)), "{:?} {said}", output.status);
    assert!(said.contains("No space left") || said.contains("disk is full"), "{said}");
    volume.clear();
    let _ = fs::remove_dir_all(volume.at.join("spool"));
    let made = (0..64).take_while(|n| fs::File::create(volume.at.join(format!("f{n}"))).is_ok()).count();
    assert!(made > 0);
    case.ends(&[], 69, &["spool", "No space left"]);
    (0..made).for_each(|n| fs::remove_file(volume.at.join(format!("f{n}"))).unwrap());
    assert!(volume.remount("ro"));
    case.ends(&[], 69, &["spool", "Read-only file system"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_becomes_read_only_and_a_spool_that_vanishes_cost_no_202() {
    let Some(volume) = Volume::ext4(24, &[], "D8, a disk that becomes read-only") else { return };
    let dir = tempfile::tempdir().unwrap();
    let mut sidecar = Sidecar::with_topics(dir.path(), "http://127.0.0.1:9", &topic());
    let spool = volume.holds_the_spool_of(&sidecar);
    sidecar.start();
    sidecar.ready().await;
    let mut load = Load::new(&sidecar);
    load.kept(10, Duration::from_secs(10)).await;
    // What a disk with errors does by itself (errors=remount-ro); asked for, it is refused while files are open.
    let aborted =
        Command::new("mount").args(["-o", "remount,abort"]).arg(&volume.at).status().unwrap().success()
            || Command::new("xfs_io")
                .args(["-x", "-c", "shutdown"])
                .arg(&volume.at)
                .status()
                .is_ok_and(|s| s.success());
    assert!(aborted, "the disk could not be made to fail");
    let kept = load.kept_so_far();
    let begun = Instant::now();
    let code = loop {
        let told = load.post(5).await;
        assert!(told != Told::Kept, "a 202 on a disk that takes nothing");
        if let Some(status) = sidecar.ended() {
            break status.code();
        }
        assert!(
            begun.elapsed() < Duration::from_secs(20),
            "it neither ended nor went on: {}",
            errors(&sidecar)
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert_eq!(code, Some(70), "{}", errors(&sidecar));
    assert!(errors(&sidecar).contains("exit 70"), "{}", errors(&sidecar));
    println!("read-only: exit 70 after {:?}, {kept} kept", begun.elapsed());
    assert!(spool.exists());

    // Taken away while it is in use: what is written then would be found by nobody.
    let dir = tempfile::tempdir().unwrap();
    let mut sidecar = Sidecar::with_topics(dir.path(), "http://127.0.0.1:9", &topic());
    sidecar.start();
    sidecar.ready().await;
    let mut load = Load::new(&sidecar);
    load.kept(10, Duration::from_secs(10)).await;
    fs::rename(dir.path().join("spool"), dir.path().join("elsewhere")).unwrap();
    assert!(load.post(5).await != Told::Kept, "a 202 into a file that nobody will find");
    let begun = Instant::now();
    let status = loop {
        if let Some(status) = sidecar.ended() {
            break status;
        }
        assert!(begun.elapsed() < Duration::from_secs(15), "{}", sidecar.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert_eq!(status.code(), Some(70), "{}", sidecar.log());
    assert!(errors(&sidecar).contains("taken away or replaced"), "{}", errors(&sidecar));
    // Put back, it goes on with all that was kept.
    fs::rename(dir.path().join("elsewhere"), dir.path().join("spool")).unwrap();
    sidecar.start();
    sidecar.ready().await;
    let status = sidecar.ask(&["status"]);
    assert_eq!(status["door"]["parts"][0]["counts"][1], 10, "{}", status["door"]);
    load.kept(1, Duration::from_secs(10)).await;
}
