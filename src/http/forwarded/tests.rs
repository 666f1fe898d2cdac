//! The certificate of a request, by its sender and its headers.

use super::*;

const PROXY: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1));
const STRANGER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

fn proxies(header: &str) -> TrustedProxies {
    TrustedProxies::new(vec!["10.0.0.0/8".parse().unwrap()], header)
}

fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        headers.append(*name, value.parse().unwrap());
    }
    headers
}

/// The certificate in `lines` from a proxy that uses `header`.
fn passed(header: &str, lines: &[(&'static str, &str)]) -> ShownCertificate {
    ShownCertificate::by(
        &proxies(header),
        PROXY,
        &headers(lines),
        Some(&Arc::new(b"the proxy's own".to_vec())),
    )
}

#[test]
fn the_connection_speaks_for_itself_alone() {
    let (own, by) = (Arc::new(b"own".to_vec()), |address, lines: &[_], own: &_| {
        ShownCertificate::by(&proxies(ENVOY_HEADER), address, &headers(lines), Some(own))
    });
    assert_eq!(by(STRANGER, &[], &own), ShownCertificate::Own(Arc::clone(&own)));
    for mark in MARKS {
        assert_eq!(
            by(STRANGER, &[(mark, "x")], &own),
            ShownCertificate::Nothing,
            "{mark}: it asks for somebody else"
        );
    }
    assert_eq!(by(PROXY, &[], &own), ShownCertificate::Nothing, "a proxy's certificate is not its client's");
    let nobody = ShownCertificate::by(
        &TrustedProxies::default(),
        PROXY,
        &headers(&[(ENVOY_HEADER, "Cert=AAAA")]),
        None,
    );
    assert_eq!(nobody, ShownCertificate::Nothing, "without configuration nobody is believed");
}

#[test]
fn a_stranger_passes_nothing() {
    let forged = headers(&[(ENVOY_HEADER, "Cert=AAAA")]);
    assert_eq!(
        ShownCertificate::by(&proxies(ENVOY_HEADER), STRANGER, &forged, None),
        ShownCertificate::Nothing
    );
    let forged = headers(&[("x-client-cert", "AAAA")]);
    assert_eq!(
        ShownCertificate::by(&proxies("x-client-cert"), STRANGER, &forged, None),
        ShownCertificate::Nothing
    );
}

#[test]
fn only_the_configured_header_counts() {
    let both = [(ENVOY_HEADER, "Cert=AAAA"), ("x-client-cert", "AQEB")];
    assert_eq!(passed(ENVOY_HEADER, &both), ShownCertificate::Passed(vec![0, 0, 0]));
    assert_eq!(passed("X-Client-Cert", &both), ShownCertificate::Passed(vec![1, 1, 1]));
    assert_eq!(passed("x-other", &both), ShownCertificate::Nothing);
}

#[test]
fn the_last_element_counts_and_lines_stand_alone() {
    let lines = [(ENVOY_HEADER, "Cert=AAAA"), (ENVOY_HEADER, "Hash=0;Cert=AAAA,Hash=1;Cert=AQEB")];
    assert_eq!(passed(ENVOY_HEADER, &lines), ShownCertificate::Passed(vec![1, 1, 1]));
    let lines = [("x-client-cert", "AAAA"), ("x-client-cert", "AQEB")];
    assert_eq!(passed("x-client-cert", &lines), ShownCertificate::Unreadable);
    assert_eq!(
        passed("x-client-cert", &[("x-client-cert", "AQEB,AAAA")]),
        ShownCertificate::Passed(vec![1, 1, 1])
    );
}

#[test]
fn pem_and_bare_base64_are_read_and_nothing_else() {
    let pem = "-----BEGIN%20CERTIFICATE-----%0AAQEB%0A-----END%20CERTIFICATE-----%0A";
    assert_eq!(passed("x-client-cert", &[("x-client-cert", pem)]), ShownCertificate::Passed(vec![1, 1, 1]));
    assert_eq!(
        passed("x-client-cert", &[("x-client-cert", "AQEB%2F%2F%2F%2F")]),
        ShownCertificate::Passed(vec![1, 1, 1, 255, 255, 255])
    );
    assert_eq!(
        passed("x-client-cert", &[("x-client-cert", "")]),
        ShownCertificate::Nothing,
        "nginx, without a certificate"
    );
    for wrong in ["(null)", "%ff", &format!("{pem}{pem}"), &pem.replace("CERTIFICATE", "PUBLIC%20KEY")] {
        assert_eq!(
            passed("x-client-cert", &[("x-client-cert", wrong)]),
            ShownCertificate::Unreadable,
            "{wrong}"
        );
    }
    for wrong in ["Hash=1", "Cert=\"x", "Cert=(null)"] {
        assert_eq!(passed(ENVOY_HEADER, &[(ENVOY_HEADER, wrong)]), ShownCertificate::Unreadable, "{wrong}");
    }
}
