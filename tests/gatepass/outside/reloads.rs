//! nginx serves with a host's certificate, and the hook of each renewal reloads it: no request is refused.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::{Child, Command};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use gatepass::host_certificate::HostPeer;
use gatepass::id::Serial;
use rustls::pki_types::ServerName;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::proxy::{free_port, run, stop};
use super::served::Served;
use super::tool;
use crate::support::eventually;
use crate::support::process::gatepass;
use crate::support::wire::connector;

/// The DNS name of the host.
const NAME: &str = "web.example.org";
/// Renewals, each with a reload.
const RENEWALS: usize = 8;
/// Clients that ask all the time.
const CLIENTS: usize = 4;

const NGINX: &str = "daemon off; pid PATH/nginx.pid; error_log stderr; worker_processes 2; events {} http { access_log off;
    client_body_temp_path PATH; proxy_temp_path PATH; fastcgi_temp_path PATH; uwsgi_temp_path PATH; scgi_temp_path PATH;
    server { listen 127.0.0.1:PORT ssl; ssl_certificate HOST/fullchain.pem; ssl_certificate_key HOST/host.key;
    location / { return 200 ok; } } }";

/// nginx with the files of the host. Dropping it stops it.
struct Nginx(Child);

impl Drop for Nginx {
    fn drop(&mut self) {
        stop(&mut self.0);
    }
}

fn enroll(at: &Served) -> String {
    let token = at.mint(&json!({ "dns_names": [NAME] }));
    let host = at.arg("host");
    let mut enroll = gatepass();
    enroll.args(["enroll", "--cert-dir", &host, "--name", NAME, "--token", &token]);
    tool::run(&mut enroll, "").expect_good();
    host
}

/// One request over a new connection. Returns the serial number of the presented certificate.
async fn ask(tls: &TlsConnector, port: u16) -> std::io::Result<Serial> {
    let tcp = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
    let mut stream = tls.connect(ServerName::try_from(NAME).unwrap(), tcp).await?;
    let leaf = HostPeer::parse(&stream.get_ref().1.peer_certificates().unwrap()[0]).unwrap();
    stream
        .write_all(format!("GET / HTTP/1.1\r\nhost: {NAME}\r\nconnection: close\r\n\r\n").as_bytes())
        .await?;
    let mut answer = String::new();
    // nginx may close without a farewell of TLS.
    let ended = stream.read_to_string(&mut answer).await;
    match answer.starts_with("HTTP/1.1 200") && answer.ends_with("ok") {
        true => Ok(leaf.serial),
        false => Err(ended.err().unwrap_or_else(|| std::io::Error::other(answer))),
    }
}

/// Asks until `done`. Returns the serial numbers of all certificates.
async fn client(tls: TlsConnector, port: u16, done: Arc<AtomicBool>) -> (usize, BTreeSet<String>) {
    let (mut requests, mut seen) = (0, BTreeSet::new());
    while !done.load(Ordering::SeqCst) {
        let serial = ask(&tls, port).await.unwrap_or_else(|error| panic!("request {requests}: {error}"));
        seen.insert(serial.to_string());
        requests += 1;
    }
    (requests, seen)
}

fn renew(host: &str, pid_file: &Path) -> String {
    let mut renew = gatepass();
    renew.args(["renew", "-o", "json", "--cert-dir", host, "--signal", "HUP", "--pid-file"]).arg(pid_file);
    let shown: serde_json::Value = serde_json::from_str(&tool::run(&mut renew, "").expect_good()).unwrap();
    shown["serial"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn nginx_refuses_no_request_over_renewals() {
    let at = Served::start();
    let (host, port) = (enroll(&at), free_port());
    let folder = at.arg("").trim_end_matches('/').to_owned();
    let text = NGINX.replace("PATH", &folder).replace("HOST", &host).replace("PORT", &port.to_string());
    let text = if rustix::process::geteuid().is_root() { format!("user root; {text}") } else { text };
    let configuration = at.file("nginx.conf", &text);
    let mut nginx = Command::new("nginx");
    nginx.env("PATH", "/usr/sbin:/usr/bin:/bin").args(["-p", &folder, "-c", &configuration]);
    let _nginx = Nginx(run(&at, &mut nginx));

    let roots = std::fs::read(at.path("host/root.pem")).unwrap();
    let tls = connector(&roots, "http/1.1");
    eventually("nginx answers", async || ask(&tls, port).await.ok()).await;
    let done = Arc::new(AtomicBool::new(false));
    let clients =
        (0..CLIENTS).map(|_| tokio::spawn(client(tls.clone(), port, done.clone()))).collect::<Vec<_>>();
    let pid_file = at.path("nginx.pid");
    for _ in 0..RENEWALS {
        let serial = renew(&host, &pid_file);
        eventually("nginx presents the new certificate", async || {
            (ask(&tls, port).await.unwrap().to_string() == serial).then_some(())
        })
        .await;
    }
    done.store(true, Ordering::SeqCst);
    for client in clients {
        let (requests, seen) = client.await.unwrap();
        assert!(requests > RENEWALS && seen.len() > RENEWALS / 2, "{requests} requests, {seen:?}");
    }
}
