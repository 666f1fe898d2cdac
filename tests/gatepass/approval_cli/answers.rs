//! Answers to a host that may wait: codes of other keys, expired enrollments, a fleet without room.

use gatepass::clock::SystemClock;
use gatepass::id::EnrollmentId;
use serde_json::{Value, json};

use super::{World, ended, enroll};
use crate::support::Process;
use crate::support::authority::token_of;
use crate::support::gateway::{Gateway, Mode, page};

fn problem(status: &str, code: &str) -> Mode {
    let number = status.split(' ').next().unwrap().parse::<u16>().unwrap();
    let body = json!({ "type": format!("urn:gatepass:problem:{code}"), "title": "Title", "status": number,
        "detail": "nobody decided", "code": code });
    page(status, &[], "application/problem+json", &body.to_string())
}

fn waits(code: &str) -> Mode {
    let id = EnrollmentId::generate(SystemClock::now());
    let body = json!({ "enrollment_id": id, "state": "waiting", "code": code, "expires_at": "2100-01-01T00:00:00Z" });
    page("202 Accepted", &["retry-after: 15"], "application/json", &body.to_string())
}

/// A person must not approve another machine's key for this host.
#[tokio::test(flavor = "multi_thread")]
async fn a_code_of_another_key_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let mut gateway = Gateway::bind().await;
    let server = Process::start(&dir.path().join("data"), &["--external-url", &gateway.url]).await;
    gateway.open(&server.data_dir, server.url.strip_prefix("https://").unwrap().parse().unwrap());
    let token = token_of(&server.admin().post("/api/v1/enrollment-tokens", &json!({})).await.json);
    gateway.set(waits("AAAAAAAA"));
    let (code, said) = ended(&mut enroll(&dir.path().join("certs"), &token));
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("has the code AAAAAAAA") && said.contains("nobody may approve it"), "{said}");
    gateway.set(problem("410 Gone", "enrollment_expired"));
    let expired = ended(enroll(&dir.path().join("certs"), &token).args(["--wait", "1h"]));
    assert_eq!(expired.0, Some(75), "{}", expired.1);
    assert!(expired.1.contains("run the same command again for a new enrollment"), "{}", expired.1);
    gateway.set(Mode::Pass);
    let (code, said) = ended(&mut enroll(&dir.path().join("certs"), &token));
    assert_eq!(code, Some(0), "{said}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_fleet_is_tried_again_later() {
    let world = World::new().await;
    let admin = world.server.admin();
    let order = json!({ "max_uses": Value::Null });
    let token = token_of(&admin.post("/api/v1/enrollment-tokens", &order).await.json);
    let (code, said) = ended(&mut enroll(&world.certs("first"), &token));
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(admin.put("/api/v1/capacity", &json!({ "node_limit": 1 })).await.status, 200);
    let (code, said) = ended(&mut enroll(&world.certs("second"), &token));
    assert_eq!(code, Some(75), "{said}");
    assert!(said.contains("node_limit_exceeded"), "{said}");
    world.server.stop().await;
}
