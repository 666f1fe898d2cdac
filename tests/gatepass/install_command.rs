//! `gatepass install-command` and its route: the texts of `examples/`, filled in for the server.

use serde_json::Value;

use crate::support::Running;
use crate::support::process::gatepass;

const URL: (&str, &str) = ("server.install_url", "https://files.test/gatepass");
const CHART: (&str, &str) = ("server.chart", "oci://registry.test/charts/gatepass");

/// The output of `gatepass install-command` for this server.
async fn printed(at: &Running, arguments: &[&str]) -> String {
    let mut command = gatepass();
    command.arg("install-command").args(arguments).arg("--data-dir").arg(at.data_dir());
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let (out, err) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    if output.status.success() { out } else { panic!("{out}{err}") }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_install_command_begins_with_the_binary() {
    let at = Running::start_with(&[URL, CHART]).await;
    let shell = printed(&at, &["--for", "vm", "--cluster", "c-9", "--label", "it's new"]).await;
    let first = shell.lines().next().unwrap();
    assert!(first.contains("curl") && first.contains("https://files.test/gatepass"), "{shell}");
    assert!(
        shell.contains("gatepass enroll --install-service --cluster c-9 --label 'it'\\''s new';"),
        "{shell}"
    );
    let helm = printed(&at, &["--for", "kubernetes", "--cluster", "c-9"]).await;
    assert!(helm.contains("helm install gatepass oci://registry.test/charts/gatepass "), "{helm}");
    assert!(helm.contains("create secret generic gatepass-token"), "{helm}");

    let json = printed(&at, &["--for", "cloud-init", "-o", "json"]).await;
    let answer = serde_json::from_str::<Value>(&json).unwrap();
    let query = "/api/v1/install-command?for=cloud-init";
    assert_eq!(at.admin().get(query).await.json, answer);
    assert_eq!(answer["for"], "cloud-init");
    assert!(answer["text"].as_str().unwrap().starts_with("#cloud-config\n"), "{json}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unset_url_asks_for_the_binary() {
    let at = Running::start().await;
    for kind in ["vm", "cloud-init", "ansible"] {
        let text = printed(&at, &["--for", kind]).await;
        assert!(text.contains("this server has no install_url"), "{text}");
        assert!(!text.contains("files.example.org") && !text.contains("edge-1"), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_install_command_that_cannot_work_is_refused() {
    let at = Running::start().await;
    for (query, field) in [
        ("for=kubernetes", "cluster"),
        ("for=windows", "for"),
        ("cluster=a%20b", "cluster"),
        ("label=%00", "label"),
        ("colour=red", "colour"),
    ] {
        let refused = at.admin().get(&format!("/api/v1/install-command?{query}")).await;
        assert_eq!((refused.status, refused.code()), (400, "invalid_request"), "{}", refused.text);
        assert!(refused.text.contains(field), "{}", refused.text);
    }
    assert_eq!(at.stranger().get("/api/v1/install-command").await.status, 401);
}
