//! A name with several addresses, some of them silent: a host reaches the server at once (RFC 8305).

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::net::{TcpListener, TcpSocket};

use crate::support::served::{Served, complaint, gatepass, run};

/// A listener that answers no connection: its queue is full.
fn silent(address: SocketAddr) -> (TcpListener, Vec<TcpStream>) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(address).unwrap();
    let (listener, patience) = (socket.listen(0).unwrap(), Duration::from_millis(100));
    let queue = std::iter::from_fn(|| TcpStream::connect_timeout(&address, patience).ok()).collect();
    (listener, queue)
}

/// The server's listener, from the file for its own machine.
fn listener(data: &Path) -> SocketAddr {
    let local: Value = serde_json::from_slice(&fs::read(data.join("keys/local.json")).unwrap()).unwrap();
    local["address"].as_str().unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn silent_addresses_delay_no_enrollment() {
    let dir = tempfile::tempdir().unwrap();
    let (data, hosts) = (dir.path().join("data"), dir.path().join("hosts"));
    let mut serve = gatepass();
    serve.args(["serve", "--listen", "127.0.0.9:0", "--external-url", "https://gate.test:8443"]);
    serve.arg("--data-dir").arg(&data);
    let server = Served::start(serve);
    let good = listener(&data);
    // The resolver prefers the addresses that are closest to this machine's own, 127.0.0.1.
    let others = ["127.0.0.1", "127.0.0.2"].map(|ip| SocketAddr::new(ip.parse().unwrap(), good.port()));
    let _silent = others.map(silent);
    fs::write(&hosts, "127.0.0.1 gate.test\n127.0.0.2 gate.test\n127.0.0.9 gate.test\n").unwrap();

    let minted = run(gatepass().args(["token", "create", "--quiet", "--data-dir"]).arg(&data));
    assert!(minted.status.success(), "{}", complaint(&minted));
    let mut enroll = gatepass();
    enroll.args(["enroll", "--server", &format!("https://gate.test:{}", good.port())]);
    enroll.arg("--cert-dir").arg(dir.path().join("certs"));
    // The names of this machine are its own in mounts of its own.
    let mut unshare = Command::new("unshare");
    let script = "mount --bind \"$0\" /etc/hosts && exec \"$@\"";
    unshare.args(["--user", "--map-root-user", "--mount", "sh", "-c", script]).arg(hosts);
    unshare.arg(enroll.get_program()).args(enroll.get_args());
    let token = String::from_utf8(minted.stdout).unwrap();
    let began = Instant::now();
    let enrolled = run(unshare.env("GATEPASS_TOKEN", token));
    assert!(enrolled.status.success(), "{}", complaint(&enrolled));
    assert!(!complaint(&enrolled).contains("has not seen"), "{}", complaint(&enrolled));
    let took = began.elapsed();
    assert!(took > Duration::from_millis(500), "the silent addresses were not tried: {took:?}");
    assert!(server.stop().success());
}
