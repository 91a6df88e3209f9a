//! Who may ask what of the operator's listener. A web page that a person has open can send requests to
//! loopback too (DNS rebinding, forged forms), so: only known `Host` names, no CORS, reading changes
//! nothing, and changing needs POST, JSON and a token that a page can't know.

use std::net::IpAddr;

use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderMap};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::config::SecretText;

/// How a connection came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// Over TCP, where a browser may have been tricked.
    Tcp,
    /// Over a Unix socket: the file's mode says who may, and no browser can.
    Unix,
}

/// Whether the `Host` is one that we are called by.
#[must_use]
pub(super) fn knows_host(headers: &HeaderMap, way: Way, hosts: &[String]) -> bool {
    if way == Way::Unix {
        return true;
    }
    let mut values = headers.get_all(HOST).iter();
    let (Some(host), None) = (values.next(), values.next()) else { return false };
    let Ok(host) = host.to_str() else { return false };
    let name = name_of(host);
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
        || hosts.iter().any(|known| known.eq_ignore_ascii_case(name) || known.eq_ignore_ascii_case(host))
}

/// The host without its port and brackets.
fn name_of(host: &str) -> &str {
    if let Some(rest) = host.strip_prefix('[') {
        return rest.split(']').next().unwrap_or_default();
    }
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    }
}

/// What a request's token comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shown {
    /// The right one.
    Right,
    /// None, or a wrong one.
    Wrong,
    /// The configuration has no token, so none can be right.
    NotConfigured,
}

/// Compares the bearer token in constant time. Digests are compared, so that not even the length shows.
#[must_use]
pub(super) fn token(headers: &HeaderMap, token: Option<&SecretText>) -> Shown {
    let Some(token) = token else { return Shown::NotConfigured };
    let shown = headers
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, shown)| shown.trim());
    let Some(shown) = shown else { return Shown::Wrong };
    let equal = Sha256::digest(shown.as_bytes()).ct_eq(&Sha256::digest(token.expose().as_bytes()));
    if bool::from(equal) { Shown::Right } else { Shown::Wrong }
}

/// Whether the body is said to be JSON: a form of a web page can't say so without asking first.
#[must_use]
pub(super) fn is_json(headers: &HeaderMap) -> bool {
    headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(http::HeaderName, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect()
    }

    #[test]
    fn only_names_that_we_are_called_by_are_answered() {
        let hosts = ["sidecar.internal".to_owned()];
        for (host, known) in [
            ("localhost", true),
            ("LOCALHOST:9080", true),
            ("127.0.0.1:9080", true),
            ("127.0.0.2", true),
            ("[::1]:9080", true),
            ("sidecar.internal", true),
            ("sidecar.internal:9080", true),
            ("evil.example", false),
            ("localhost.evil.example", false),
            ("127.0.0.1.evil.example:9080", false),
            ("10.0.0.1:9080", false),
            ("", false),
            ("localhost:9080@evil.example", false),
        ] {
            assert_eq!(knows_host(&headers(&[(HOST, host)]), Way::Tcp, &hosts), known, "{host:?}");
        }
        assert!(!knows_host(&HeaderMap::new(), Way::Tcp, &hosts));
        assert!(knows_host(&HeaderMap::new(), Way::Unix, &hosts));
        let mut twice = headers(&[(HOST, "localhost")]);
        twice.append(HOST, "evil.example".parse().unwrap());
        assert!(!knows_host(&twice, Way::Tcp, &hosts));
    }

    #[test]
    fn a_token_is_right_or_not() {
        let right = SecretText::new("0123456789abcdef01234567");
        for (value, shown) in [
            ("Bearer 0123456789abcdef01234567", Shown::Right),
            ("bearer 0123456789abcdef01234567", Shown::Right),
            ("Bearer 0123456789abcdef0123456", Shown::Wrong),
            ("Bearer ", Shown::Wrong),
            ("Basic 0123456789abcdef01234567", Shown::Wrong),
            ("0123456789abcdef01234567", Shown::Wrong),
        ] {
            assert_eq!(token(&headers(&[(AUTHORIZATION, value)]), Some(&right)), shown, "{value}");
        }
        assert_eq!(token(&HeaderMap::new(), Some(&right)), Shown::Wrong);
        assert_eq!(token(&headers(&[(AUTHORIZATION, "Bearer ")]), None), Shown::NotConfigured);
    }

    #[test]
    fn a_form_is_not_json() {
        for (kind, json) in [
            ("application/json", true),
            ("Application/JSON; charset=utf-8", true),
            ("text/plain", false),
            ("application/x-www-form-urlencoded", false),
            ("application/jsonp", false),
        ] {
            assert_eq!(is_json(&headers(&[(CONTENT_TYPE, kind)])), json);
        }
    }
}
