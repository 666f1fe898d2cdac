//! Hosts and administrators behind an HTTP proxy: TLS from end to end through it, and never to this machine.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::json;

use crate::support::Process;
use crate::support::authority::{PASSWORD, token_of};
use crate::support::process::gatepass;
use crate::support::tunnel::{Answering, TunnelProxy};

/// The name in the URL of the server. Only the proxy knows its address.
const URL: &str = "https://gate.test:8443";

async fn server(dir: &Path) -> Process {
    std::fs::create_dir_all(dir).unwrap();
    Process::start(&dir.join("data"), &["--external-url", URL]).await
}

fn address(server: &Process) -> SocketAddr {
    server.url.strip_prefix("https://").unwrap().parse().unwrap()
}

async fn token(server: &Process) -> String {
    token_of(&server.admin().post("/api/v1/enrollment-tokens", &json!({ "max_uses": null })).await.json)
}

/// A command of a host behind the proxy.
fn behind(proxy: &str, cert_dir: &Path, args: &[&str]) -> Command {
    let mut command = gatepass();
    command.args(args).arg("--cert-dir").arg(cert_dir).env("HTTPS_PROXY", proxy);
    command
}

fn run(command: &mut Command) -> (Output, String) {
    let output = command.output().unwrap();
    let said = [output.stdout.as_slice(), &output.stderr].concat();
    (output, String::from_utf8(said).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_lives_behind_a_proxy() {
    let dir = tempfile::tempdir().unwrap();
    let (server, certs) = (server(dir.path()).await, dir.path().join("certs"));
    let token = token(&server).await;
    let proxy = TunnelProxy::start(Answering::Tunnel(address(&server)));
    let variable = format!("http://us%40er:hunter2@{}", proxy.address);
    for args in [["enroll"].as_slice(), &["renew"], &["status"], &["leave", "--yes"]] {
        let seen = proxy.heads().len();
        let (output, said) = run(behind(&variable, &certs, args).env("GATEPASS_TOKEN", &token));
        assert!(output.status.success(), "{args:?}: {said}");
        assert!(!said.contains("hunter2"), "{said}");
        assert!(proxy.heads().len() > seen, "{args:?} went another way");
    }
    for head in proxy.heads() {
        assert!(head.starts_with("CONNECT gate.test:8443 HTTP/1.1\r\nHost: gate.test:8443\r\n"), "{head}");
        assert!(head.contains("\r\nProxy-Authorization: Basic dXNAZXI6aHVudGVyMg==\r\n"), "{head}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_works_behind_a_proxy() {
    let dir = tempfile::tempdir().unwrap();
    let server = server(dir.path()).await;
    let proxy = TunnelProxy::start(Answering::Tunnel(address(&server)));
    let root = server.root.to_string();
    let mut list = gatepass();
    list.args(["token", "list", "--server", URL, "--ca-fingerprint", &root])
        .env("GATEPASS_PASSWORD", PASSWORD);
    let (output, said) = run(list.env("all_proxy", proxy.address.to_string()));
    assert!(output.status.success(), "{said}");
    assert_eq!(proxy.heads().len(), 1);

    let (output, said) = run(list.env("NO_PROXY", "gate.test"));
    assert!(!output.status.success() && proxy.heads().len() == 1, "the exception was not heeded: {said}");
    assert!(!said.contains("through the proxy"), "{said}");
    list.env_remove("NO_PROXY").env("all_proxy", "socks5://127.0.0.1:1").env("GATEPASS_SERVER", &server.url);
    let (_, said) = run(&mut list);
    assert!(said.contains("all_proxy") && said.contains("is reached without a proxy"), "{said}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn this_machine_is_reached_without_proxy() {
    let dir = tempfile::tempdir().unwrap();
    let server = Process::start(&dir.path().join("data"), &[]).await;
    let proxy = TunnelProxy::start(Answering::Text("HTTP/1.1 500 Broken\r\n\r\n"));
    let variable = format!("http://{}", proxy.address);
    let mut enroll = behind(&variable, &dir.path().join("certs"), &["enroll"]);
    let (output, said) = run(enroll.env("GATEPASS_TOKEN", token(&server).await));
    assert!(output.status.success(), "{said}");
    let mut list = gatepass();
    list.args(["token", "list", "--data-dir"]).arg(&server.data_dir).env("HTTPS_PROXY", &variable);
    let (output, said) = run(&mut list);
    assert!(output.status.success(), "{said}");
    server.stop().await;

    let named = self::server(&dir.path().join("named")).await;
    let mut list = gatepass();
    list.args(["token", "list", "--data-dir"]).arg(&named.data_dir).env("HTTPS_PROXY", &variable);
    let (output, said) = run(&mut list);
    assert!(output.status.success(), "the local credential took the proxy: {said}");
    assert!(proxy.heads().is_empty(), "{:?}", proxy.heads());
    named.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_that_fails_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let (server, certs) = (server(dir.path()).await, dir.path().join("certs"));
    let token = token(&server).await;
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let answering = |text| TunnelProxy::start(Answering::Text(text)).address;
    for (proxy, why) in [
        (nobody, "refused"),
        (answering("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n"), "407"),
        (answering("HTTP/1.1 403 Forbidden\r\n\r\n"), "403"),
        (answering("SSH-2.0-OpenSSH_9.9\r\n\r\n"), "not answer as an HTTP proxy"),
    ] {
        let variable = format!("http://user:hunter2@{proxy}");
        let (output, said) = run(behind(&variable, &certs, &["enroll"]).env("GATEPASS_TOKEN", &token));
        assert!(!output.status.success(), "{said}");
        assert!(said.contains(why) && said.contains(&format!("{proxy} (HTTPS_PROXY)")), "{why}: {said}");
        assert!(said.contains("gate.test:8443") && !said.contains("hunter2"), "{said}");
    }
    let (output, said) =
        run(behind("socks5://127.0.0.1:1", &certs, &["enroll"]).env("GATEPASS_TOKEN", &token));
    assert!(!output.status.success() && said.contains("HTTPS_PROXY") && said.contains("SOCKS"), "{said}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_cannot_pose_as_the_authority() {
    let dir = tempfile::tempdir().unwrap();
    let (server, certs) = (server(dir.path()).await, dir.path().join("certs"));
    let other = self::server(&dir.path().join("other")).await;
    let proxy = TunnelProxy::start(Answering::Tunnel(address(&other)));
    let variable = proxy.address.to_string();
    let (output, said) =
        run(behind(&variable, &certs, &["enroll"]).env("GATEPASS_TOKEN", token(&server).await));
    assert!(!output.status.success(), "{said}");
    assert!(said.contains("not the pinned authority") && said.contains("through the proxy"), "{said}");
    other.stop().await;
    server.stop().await;
}
