//! nginx, Envoy and Caddy pass the callers that the authority admits, with their identity.

use std::time::Instant;

use serde_json::{Value, json};

use super::proxy::{AUDIENCE, Kind, Proxy};
use super::rotations::STAGES;
use super::served::Served;

fn start(kind: Kind) -> (Served, Proxy) {
    let at = kind.authority();
    let proxy = Proxy::start(kind, &at);
    (at, proxy)
}

/// The example with parts replaced.
fn changed(kind: Kind, changes: &[(&str, &str)]) -> String {
    let mut text = kind.example();
    for (from, to) in changes {
        assert!(text.contains(from), "{from}");
        text = text.replace(from, to);
    }
    text
}

/// A token with the role that the examples ask for; its id too.
fn good(at: &Served) -> (String, String) {
    at.mint_service(AUDIENCE, &["proxy", "allocator"])
}

fn lets_a_good_token_through(kind: Kind) {
    let (at, proxy) = start(kind);
    let (id, token) = good(&at);
    for path in ["/", "/jobs/7?role=director&audience=https://other.example.org"] {
        let passed = proxy.curl_as(&token, path, &[]);
        assert_eq!(passed.status, 200, "{kind:?} {path}: {passed:?}\n{}", at.text("proxy.log"));
        assert!(passed.body.starts_with(&format!("get {path} ")), "{passed:?}");
        assert_eq!(passed.received("x-gatepass-subject"), Some(id.as_str()), "{passed:?}");
        assert_eq!(passed.received("x-gatepass-roles"), Some("proxy,allocator"), "{passed:?}");
        assert_eq!(passed.received("x-gatepass-host"), None, "{passed:?}");
        assert_eq!(passed.received("authorization"), None, "the service needs no token: {passed:?}");
    }
    let body = "x".repeat(100_000);
    let sent = proxy.curl_as(&token, "/jobs", &["--data-binary", &body]);
    assert_eq!(sent.status, 200, "{sent:?}");
    assert!(sent.body.contains("the body: 100000"), "{sent:?}");
}

fn refuses_everything_else(kind: Kind) {
    let (at, proxy) = start(kind);
    let nobody = proxy.curl("/", &[]);
    assert_eq!(nobody.status, 401, "{kind:?}: {nobody:?}");
    assert!(nobody.head.contains("www-authenticate: bearer"), "{nobody:?}");

    let (_, without_role) = at.mint_service(AUDIENCE, &["proxy"]);
    assert_eq!(proxy.curl_as(&without_role, "/", &[]).status, 403, "{kind:?}");
    assert_eq!(proxy.curl_as(&without_role, "/?role=proxy", &[]).status, 403, "{kind:?}");

    let (_, of_another) = at.mint_service("https://other.example.org", &["allocator"]);
    let enrollment = at.mint(&json!({ "roles": ["allocator"] }));
    let (_, good) = good(&at);
    let mut tampered = good.clone();
    tampered.replace_range(good.len() - 8..good.len() - 4, "AAAA");
    for (what, token) in [
        ("the token of another service", of_another.as_str()),
        ("an enrollment token", &enrollment),
        ("a tampered token", &tampered),
        ("no token at all", "a.b.c"),
    ] {
        for path in ["/", "/?audience=https://other.example.org"] {
            assert_eq!(proxy.curl_as(token, path, &[]).status, 401, "{kind:?}, {what}, {path}");
        }
    }
    assert_eq!(proxy.curl_as(&good, "/", &[]).status, 200, "{kind:?}");
}

fn refuses_a_revoked_token_at_once(kind: Kind) {
    let (at, proxy) = start(kind);
    let ((id, gone), (_, stays)) = (good(&at), good(&at));
    assert_eq!(proxy.curl_as(&gone, "/", &[]).status, 200, "{kind:?}");
    let begun = Instant::now();
    at.revoke_service(&id);
    let revoked = begun.elapsed();
    let refused = proxy.curl_as(&gone, "/", &[]);
    assert_eq!(refused.status, 401, "{kind:?}: {refused:?}");
    println!("{kind:?}: revoked after {revoked:?}, refused after {:?}", begun.elapsed());
    assert_eq!(proxy.curl_as(&stays, "/", &[]).status, 200, "{kind:?}");
}

fn knows_hosts_by_their_certificates(kind: Kind) {
    let (at, proxy) = start(kind);
    let host = at.enroll("host");
    let id = host["host_id"].as_str().unwrap();
    let (certificate, key) = (at.arg("host-full.pem"), at.arg("host.key"));
    let as_host = ["--cert", certificate.as_str(), "--key", key.as_str()];
    let passed = proxy.curl("/", &as_host);
    assert_eq!(passed.status, 200, "{kind:?}: {passed:?}\n{}", at.text("proxy.log"));
    for name in ["x-gatepass-subject", "x-gatepass-host"] {
        assert_eq!(passed.received(name), Some(id), "{kind:?}: {passed:?}");
    }
    assert_eq!(passed.received("x-gatepass-roles"), Some("allocator,proxy"), "{passed:?}");

    let revoked = at.admin("DELETE", &format!("/api/v1/hosts/{id}"), &Value::Null);
    assert_eq!(revoked.status, 200, "{}", revoked.body);
    let refused = proxy.curl("/", &as_host);
    assert!([401, 403].contains(&refused.status), "{kind:?}: {refused:?}");
}

/// The certificate in the form that this proxy passes it in, and under which name.
fn as_passed(kind: Kind, pem: &str) -> String {
    let escaped = pem.replace('\n', "%0A").replace(' ', "%20").replace('+', "%2B").replace('/', "%2F");
    match kind {
        Kind::Nginx | Kind::Caddy => format!("X-Client-Cert: {escaped}"),
        Kind::Envoy => format!("X-Forwarded-Client-Cert: Hash=00;Cert=\"{escaped}\""),
    }
}

fn believes_no_claim_of_a_client(kind: Kind) {
    let (at, proxy) = start(kind);
    at.enroll("host");
    let certificate = as_passed(kind, &at.text("host.pem"));
    let claims =
        ["X-Gatepass-Subject", "X-Gatepass-Roles", "X-Gatepass-Host"].map(|name| format!("{name}: director"));
    let mut args = vec!["--header", &certificate];
    for claim in &claims {
        args.extend(["--header", claim]);
    }
    // A caller without a credential has no identity, whatever it claims.
    assert_eq!(proxy.curl("/", &args).status, 401, "{kind:?}");
    let (id, token) = good(&at);
    let passed = proxy.curl_as(&token, "/", &args);
    assert_eq!(passed.status, 200, "{kind:?}: {passed:?}");
    assert_eq!(passed.received("x-gatepass-subject"), Some(id.as_str()), "{passed:?}");
    assert_eq!(passed.received("x-gatepass-host"), None, "{passed:?}");
    assert!(!passed.body.contains("director"), "{kind:?}: {passed:?}");
}

fn alone_may_pass_certificates(kind: Kind) {
    let at = kind.authority();
    at.enroll("host");
    let certificate = as_passed(kind, &at.text("host.pem"));
    let ask = |from: &str| {
        at.curl("/api/v1/authorize?role=allocator", &["--interface", from, "--header", &certificate], "")
            .status
    };
    assert_eq!(ask("127.0.0.2"), 401, "{kind:?}: a stranger's word");
    assert_eq!(ask("127.0.0.1"), 204, "{kind:?}: the proxy's word");
}

fn lets_nobody_in_while_the_authority_is_away(kind: Kind) {
    let (mut at, proxy) = start(kind);
    let (_, token) = good(&at);
    assert_eq!(proxy.curl_as(&token, "/", &[]).status, 200, "{kind:?}");
    at.stop();
    let refused = proxy.curl_as(&token, "/", &[]);
    assert!((500..600).contains(&refused.status), "{kind:?}: {refused:?}");
    assert_eq!(refused.received("x-gatepass-subject"), None, "{refused:?}");
}

fn works_with_the_first_root_after_rotations(kind: Kind) {
    let at = kind.authority();
    for (number, stage) in STAGES.into_iter().enumerate() {
        stage.enter(&at);
        // A new process has no connection from before.
        let proxy = Proxy::start(kind, &at);
        let (_, token) = good(&at);
        let passed = proxy.curl_as(&token, "/", &[]);
        assert_eq!(passed.status, 200, "{kind:?} {stage:?}: {passed:?}\n{}", at.text("proxy.log"));
        let name = format!("host-{number}");
        at.enroll(&name);
        let (certificate, key) = (at.arg(&format!("{name}-full.pem")), at.arg(&format!("{name}.key")));
        let passed = proxy.curl("/", &["--cert", &certificate, "--key", &key]);
        assert_eq!(passed.status, 200, "{kind:?} {stage:?}: {passed:?}\n{}", at.text("proxy.log"));
    }
}

mod nginx {
    use super::Kind::Nginx;

    #[test]
    fn nginx_passes_a_valid_token_with_its_subject() {
        super::lets_a_good_token_through(Nginx);
    }

    #[test]
    fn nginx_passes_on_why_a_request_is_refused() {
        super::refuses_everything_else(Nginx);
    }

    #[test]
    fn nginx_refuses_a_revoked_token_at_once() {
        super::refuses_a_revoked_token_at_once(Nginx);
    }

    #[test]
    fn nginx_passes_a_host_until_it_is_revoked() {
        super::knows_hosts_by_their_certificates(Nginx);
    }

    #[test]
    fn nginx_drops_claimed_identities() {
        super::believes_no_claim_of_a_client(Nginx);
    }

    #[test]
    fn nginxs_certificate_header_counts_only_from_the_proxy() {
        super::alone_may_pass_certificates(Nginx);
    }

    #[test]
    fn nginx_works_with_the_first_root_after_rotations() {
        super::works_with_the_first_root_after_rotations(Nginx);
    }

    #[test]
    fn nginx_lets_nobody_in_while_the_authority_is_away() {
        super::lets_nobody_in_while_the_authority_is_away(Nginx);
    }

    /// A proxy that presents a host certificate of its own asks `whoami` here, which accepts one. A request without a
    /// forwarding header would pass as the proxy's.
    #[test]
    fn nginx_marks_every_request_as_forwarded() {
        let at = Nginx.authority();
        at.enroll("proxy");
        let (certificate, key) = (at.arg("proxy-full.pem"), at.arg("proxy.key"));
        let name = "proxy_ssl_name gate.example.org;";
        let own = format!("{name} proxy_ssl_certificate {certificate}; proxy_ssl_certificate_key {key};");
        let authorize = "/api/v1/authorize?role=allocator&audience=https://jobs.example.org";
        let mark = "proxy_set_header X-Forwarded-For $remote_addr;";
        for (kept, status) in [(mark, 401), ("", 200)] {
            let changes = [(name, own.as_str()), (authorize, "/api/v1/whoami"), (mark, kept)];
            let proxy = super::Proxy::start_with(Nginx, &at, &super::changed(Nginx, &changes));
            let nobody = proxy.curl("/", &[]);
            assert_eq!(nobody.status, status, "{kept}: {nobody:?}\n{}", at.text("proxy.log"));
        }
    }

    #[test]
    fn nobody_reaches_the_authority_through_nginxs_inner_location() {
        let (at, proxy) = super::start(Nginx);
        let (_, token) = super::good(&at);
        assert_eq!(proxy.curl_as(&token, "/_gatepass", &[]).status, 404);
    }
}

mod envoy {
    use super::Kind::Envoy;

    #[test]
    fn envoy_passes_a_valid_token_with_its_subject() {
        super::lets_a_good_token_through(Envoy);
    }

    #[test]
    fn envoy_passes_on_why_a_request_is_refused() {
        super::refuses_everything_else(Envoy);
    }

    #[test]
    fn envoy_refuses_a_revoked_token_at_once() {
        super::refuses_a_revoked_token_at_once(Envoy);
    }

    #[test]
    fn envoy_passes_a_host_until_it_is_revoked() {
        super::knows_hosts_by_their_certificates(Envoy);
    }

    #[test]
    fn envoy_drops_claimed_identities() {
        super::believes_no_claim_of_a_client(Envoy);
    }

    #[test]
    fn envoys_certificate_header_counts_only_from_the_proxy() {
        super::alone_may_pass_certificates(Envoy);
    }

    #[test]
    fn envoy_works_with_the_first_root_after_rotations() {
        super::works_with_the_first_root_after_rotations(Envoy);
    }

    #[test]
    fn envoy_lets_nobody_in_while_the_authority_is_away() {
        super::lets_nobody_in_while_the_authority_is_away(Envoy);
    }
}

mod caddy {
    use super::Kind::Caddy;

    #[test]
    fn caddy_passes_a_valid_token_with_its_subject() {
        super::lets_a_good_token_through(Caddy);
    }

    #[test]
    fn caddy_passes_on_why_a_request_is_refused() {
        super::refuses_everything_else(Caddy);
    }

    #[test]
    fn caddy_refuses_a_revoked_token_at_once() {
        super::refuses_a_revoked_token_at_once(Caddy);
    }

    #[test]
    fn caddy_passes_a_host_until_it_is_revoked() {
        super::knows_hosts_by_their_certificates(Caddy);
    }

    #[test]
    fn caddy_drops_claimed_identities() {
        super::believes_no_claim_of_a_client(Caddy);
    }

    #[test]
    fn caddys_certificate_header_counts_only_from_the_proxy() {
        super::alone_may_pass_certificates(Caddy);
    }

    #[test]
    fn caddy_works_with_the_first_root_after_rotations() {
        super::works_with_the_first_root_after_rotations(Caddy);
    }

    #[test]
    fn caddy_lets_nobody_in_while_the_authority_is_away() {
        super::lets_nobody_in_while_the_authority_is_away(Caddy);
    }

    /// Caddy replaces the placeholder of a missing certificate by the placeholder's own text.
    #[test]
    fn caddys_placeholder_is_not_a_certificate() {
        let at = Caddy.authority();
        let example = super::changed(
            Caddy,
            &[("X-Client-Cert {client_certificate}", "X-Client-Cert {tls_client_certificate_der_base64}")],
        );
        let proxy = super::Proxy::start_with(Caddy, &at, &example);
        let nobody = proxy.curl("/", &[]);
        assert_eq!(nobody.status, 401, "{nobody:?}");
        assert!(nobody.head.contains("www-authenticate: bearer realm=\"gatepass\"\r\n"), "{nobody:?}");
        let (_, token) = super::good(&at);
        assert_eq!(proxy.curl_as(&token, "/", &[]).status, 200);
        at.enroll("host");
        let (certificate, key) = (at.arg("host-full.pem"), at.arg("host.key"));
        assert_eq!(proxy.curl("/", &["--cert", &certificate, "--key", &key]).status, 200);
    }
}
