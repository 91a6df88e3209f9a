//! What comes before anything is believed: nothing of a request is parsed before its signature is verified
//! (H6, through the door), and a request that comes again is kept once (H3).

use bytes::Bytes;
use http::StatusCode;
use http_body_util::Full;

use super::{ENROLLED, Open, URL, live};
use crate::support::corpus;

#[tokio::test]
async fn nothing_is_parsed_before_its_signature_is_verified() {
    let open = Open::new().await;
    let mut client = open.client();
    let body = corpus::body(&live(ENROLLED, 1), URL, "");
    let signed = client.batch(Bytes::from(body.clone()));
    // Among them are bodies that are no JSON at all: whoever can't sign is told nothing of what is wrong.
    let bits = (0..body.len() * 8).step_by(37);
    let mut tried = 0;
    for bit in bits {
        let mut flipped = body.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let mut request = http::Request::new(Full::new(Bytes::from(flipped)));
        *request.uri_mut() = signed.uri().clone();
        *request.method_mut() = signed.method().clone();
        *request.headers_mut() = signed.headers().clone();
        let answer = client.send(request).await.unwrap();
        assert_eq!((answer.status, &*answer.kind()), (StatusCode::UNAUTHORIZED, "signature"), "bit {bit}");
        tried += 1;
    }
    assert!(tried > 100, "{tried}");
    assert_eq!(client.post(body).await.accepted()["accepted"], 1, "the whole one is taken");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_request_a_thousand_times_at_once_is_kept_once() {
    let open = Open::new().await;
    let event = live(ENROLLED, 1);
    let body = Bytes::from(corpus::body(&event, URL, ""));
    // Byte for byte one request, and the same event under requests of their own.
    let signed = open.client().batch(body.clone());
    let senders: Vec<_> = (0..20)
        .map(|n| {
            let (mut client, body) = (open.client(), body.clone());
            let (uri, headers) = (signed.uri().clone(), signed.headers().clone());
            tokio::spawn(async move {
                let (mut accepted, mut duplicate) = (0, 0);
                for _ in 0..50 {
                    let mut request = http::Request::post(uri.clone()).body(Full::new(body.clone())).unwrap();
                    *request.headers_mut() = headers.clone();
                    let request = if n % 2 == 0 { request } else { client.batch(body.clone()) };
                    let answer = client.send(request).await.unwrap().json();
                    accepted += answer["accepted"].as_u64().unwrap();
                    duplicate += answer["duplicate"].as_u64().unwrap();
                }
                (accepted, duplicate)
            })
        })
        .collect();
    let (mut accepted, mut duplicate) = (0, 0);
    for sender in senders {
        let (new, again) = sender.await.unwrap();
        accepted += new;
        duplicate += again;
    }
    assert_eq!((accepted, duplicate), (1, 999));
    let trace = open.trace(&event[0].id.to_string()).await.unwrap();
    assert_eq!(trace.deliveries.len(), 1);
}
