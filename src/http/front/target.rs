//! The host of a request. A request that two readers could understand differently is refused, because a proxy before the
//! server may be one of them.

use http::header::HOST;
use http::request::Parts;
use http::uri::Authority;
use http::{HeaderValue, Version};

use crate::http::head::CutTarget;
use crate::http::problem::Problem;

/// Checks that the request names one host (RFC 9112 section 3.2, RFC 9113 section 8.3.1). HTTP/1.0 may name none.
///
/// # Errors
/// 400: it names none, two, or something that is not a host. Or its target has a fragment.
pub(super) fn check(parts: &Parts) -> Result<(), Problem> {
    let mut fields = parts.headers.get_all(HOST).iter();
    let (field, second) = (fields.next(), fields.next());
    let is_cut = parts.extensions.get::<CutTarget>().is_some();
    let target = parts.uri.authority();
    let wrong = if is_cut {
        Some("the target has a `#`, which ends a target: write it as %23")
    } else if second.is_some() {
        Some("the request has two Host headers: send one")
    } else if field.is_some_and(|field| !is_host(field)) || target.is_some_and(|target| !is_bare(target)) {
        Some(
            "the Host is not a host name or IP address with an optional port: send the one of the server's URL",
        )
    } else if field.zip(target).is_some_and(|(field, target)| !is_same(field, target)) {
        Some("the Host header and the target name different hosts: send the one of the server's URL in both")
    } else if field.is_none() && (target.is_none() || parts.version == Version::HTTP_11) {
        (parts.version > Version::HTTP_10)
            .then_some("the request has no Host: send the one of the server's URL")
    } else {
        None
    };
    wrong.map_or(Ok(()), |detail| Err(Problem::bad_request(detail)))
}

fn is_host(field: &HeaderValue) -> bool {
    field.to_str().ok().and_then(|text| text.parse().ok()).is_some_and(|host| is_bare(&host))
}

/// Returns true for a host name or an address with an optional port, and nothing else.
fn is_bare(authority: &Authority) -> bool {
    let host = authority.host();
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    let port = authority.as_str().strip_prefix(host);
    let is_port = |port: &str| port.is_empty() || port.parse::<u16>().is_ok() && !port.starts_with('+');
    !host.is_empty()
        && (host.starts_with('[') || host.bytes().all(is_name))
        && port.is_some_and(|port| port.strip_prefix(':').map_or(port.is_empty(), is_port))
}

fn is_same(field: &HeaderValue, target: &Authority) -> bool {
    field.as_bytes().eq_ignore_ascii_case(target.as_str().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(version: Version, target: &str, hosts: &[&str]) -> Result<(), String> {
        let mut request = http::Request::builder().version(version).uri(target);
        for host in hosts {
            request = request.header(HOST, *host);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        check(&parts).map_err(|problem| problem.detail)
    }

    #[test]
    fn one_host_is_needed() {
        for hosts in [&[][..], &["a", "a"], &["a", "b"]] {
            assert!(checked(Version::HTTP_11, "/", hosts).is_err(), "{hosts:?}");
        }
        for good in ["gate", "gate.test:8443", "192.0.2.1:1", "[2001:db8::1]:8443", "[::1]", "gate:"] {
            assert_eq!(checked(Version::HTTP_11, "/", &[good]), Ok(()), "{good}");
        }
        assert_eq!(checked(Version::HTTP_10, "/", &[]), Ok(()));
        assert!(checked(Version::HTTP_10, "/", &["a", "b"]).is_err());
        assert!(checked(Version::HTTP_2, "/", &[]).is_err());
        assert_eq!(checked(Version::HTTP_2, "/", &["gate"]), Ok(()));
        assert_eq!(checked(Version::HTTP_2, "https://gate/", &[]), Ok(()));
    }

    #[test]
    fn a_malformed_host_is_refused() {
        let wrong = [
            "",
            " ",
            "a b",
            "a/b",
            "a,b",
            "user@gate",
            "gate:x",
            "gate:99999",
            "gate:+1",
            "http://gate",
            ":1",
        ];
        for host in wrong {
            assert!(checked(Version::HTTP_11, "/", &[host]).is_err(), "{host:?}");
        }
        assert!(checked(Version::HTTP_2, "https://user@gate/", &[]).is_err());
    }

    #[test]
    fn target_and_host_agree() {
        for version in [Version::HTTP_11, Version::HTTP_2] {
            assert_eq!(checked(version, "https://gate:1/", &["GATE:1"]), Ok(()));
            assert!(checked(version, "https://gate:1/", &["gate:2"]).is_err());
            assert!(checked(version, "https://gate/", &["other"]).is_err());
        }
        assert!(checked(Version::HTTP_11, "https://gate/", &[]).is_err());
    }
}
