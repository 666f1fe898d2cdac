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

/// The certificate of a request from `address` with `lines`, on a connection with a certificate.
fn shown(header: &str, address: IpAddr, lines: &[(&'static str, &str)]) -> ShownCertificate {
    ShownCertificate::Own(own()).of_request(&proxies(header), address, &headers(lines))
}

/// The certificate in `lines` from a proxy that uses `header`.
fn passed(header: &str, lines: &[(&'static str, &str)]) -> ShownCertificate {
    shown(header, PROXY, lines)
}

/// The certificate of the connection.
fn own() -> Arc<Vec<u8>> {
    Arc::new(b"own".to_vec())
}

#[test]
fn a_forwarding_header_takes_the_connections_certificate() {
    assert_eq!(shown(ENVOY_HEADER, STRANGER, &[]), ShownCertificate::Own(own()));
    assert_eq!(shown(ENVOY_HEADER, PROXY, &[]), ShownCertificate::ProxyHost(own()));
    for mark in
        MARKS.into_iter().chain(["x-forwarded-for", "x-forwarded-tls-client-cert", ENVOY_HEADER, "x-own"])
    {
        for address in [STRANGER, PROXY] {
            assert_eq!(
                shown("x-own", address, &[(mark, "")]),
                ShownCertificate::Forwarder,
                "{mark} {address}"
            );
        }
    }
    for address in [STRANGER, PROXY] {
        let nothing = ShownCertificate::Nothing;
        let of = |lines| nothing.clone().of_request(&proxies(ENVOY_HEADER), address, &headers(lines));
        assert_eq!([of(&[]), of(&[("via", "x")])], [nothing.clone(), nothing.clone()]);
    }
}

#[test]
fn each_kind_of_route_accepts_its_own_certificates() {
    let kinds = [
        (ShownCertificate::Nothing, [false, false, false]),
        (ShownCertificate::Forwarder, [false, false, false]),
        (ShownCertificate::Own(own()), [true, true, true]),
        (ShownCertificate::ProxyHost(own()), [true, false, false]),
        (ShownCertificate::Passed(vec![0]), [false, false, true]),
        (ShownCertificate::Unreadable, [false, false, true]),
    ];
    for (shown, expected) in kinds {
        let accepted = [shown.of_host().is_some(), shown.of_service().is_some(), shown.is_shown()];
        assert_eq!(accepted, expected, "{shown:?}");
    }
}

#[test]
fn a_stranger_passes_nothing() {
    for (header, line) in [(ENVOY_HEADER, "Cert=AAAA"), ("x-client-cert", "AAAA"), ("x-own", "AAAA")] {
        let forged = headers(&[(header, line)]);
        let shown = ShownCertificate::Nothing.of_request(&proxies(header), STRANGER, &forged);
        assert_eq!(shown, ShownCertificate::Nothing, "{header}");
    }
    let forged = headers(&[(ENVOY_HEADER, "Cert=AAAA")]);
    let shown = ShownCertificate::Nothing.of_request(&TrustedProxies::default(), PROXY, &forged);
    assert_eq!(shown, ShownCertificate::Nothing, "without configuration nobody is believed");
}

#[test]
fn only_the_configured_header_counts() {
    let both = [(ENVOY_HEADER, "Cert=AAAA"), ("x-client-cert", "AQEB")];
    assert_eq!(passed(ENVOY_HEADER, &both), ShownCertificate::Passed(vec![0, 0, 0]));
    assert_eq!(passed("X-Client-Cert", &both), ShownCertificate::Passed(vec![1, 1, 1]));
    assert_eq!(passed("x-other", &both), ShownCertificate::Forwarder);
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
    for nothing in ["", "{http.request.tls.client.certificate_der_base64}"] {
        assert_eq!(
            passed("x-client-cert", &[("x-client-cert", nothing)]),
            ShownCertificate::Forwarder,
            "a client without a certificate, behind nginx and Caddy"
        );
    }
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
