//! `gatepass enroll --api-key-out`: the key in a file beside the identity.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use serde_json::json;

use crate::support::Process;
use crate::support::authority::token_of;
use crate::support::process::gatepass;

/// Enrolls with a file for the key, and returns exit code and output.
fn enroll(certs: &Path, key_file: &Path, token: &str) -> (i32, String) {
    let mut command = gatepass();
    command.args(["enroll", "--cert-dir"]).arg(certs).arg("--api-key-out").arg(key_file);
    let output = command.env("GATEPASS_TOKEN", token).output().unwrap();
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    (output.status.code().unwrap(), said)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_enrolled_host_has_its_key_in_a_file() {
    let dir = tempfile::tempdir().unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o700)).unwrap();
    let server = Process::start(&dir.path().join("data"), &[]).await;
    let terms = json!({ "name": "edge", "roles": ["proxy"], "api_key_credential": true });
    let token = token_of(&server.admin().post("/api/v1/policies", &terms).await.json["first_token"]);
    let (certs, file) = (dir.path().join("certs"), dir.path().join("app.key"));

    let (code, said) = enroll(&certs, &dir.path().join("missing/app.key"), &token);
    assert!(code == 1 && said.contains("create the directory"), "{code}: {said}");
    let (code, said) = enroll(&certs, &file, &token);
    assert_eq!(code, 0, "{said}");
    let text = fs::read_to_string(&file).unwrap();
    let key = text.strip_suffix('\n').unwrap();
    assert!(!said.contains(key), "the key is in the file alone");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o7777, 0o600);
    let shown = server.stranger().bearer(key).get("/api/v1/whoami").await;
    assert_eq!(shown.status, 200, "{}", shown.text);
    assert_eq!(enroll(&certs, &file, &token).0, 0, "already enrolled");
    assert_eq!(fs::read_to_string(&file).unwrap(), text);

    fs::remove_file(&file).unwrap();
    let (code, said) = enroll(&certs, &file, &token);
    assert!(code == 1 && said.contains("gatepass host reenroll"), "{code}: {said}");
    server.stop().await;
}
