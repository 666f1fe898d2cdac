//! The servers that the gate does not install, each measured by the test of its name.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command};

use rustix::process::Signal;

use super::gate::{haproxy, https, identity};
use super::measure;
use super::running::{Program, Setting};
use super::thief::steal;
use crate::outside::proxy::{Kind, caddy, filled, find_program, free_port};
use crate::outside::served::{PASSWORD, eventually};
use crate::outside::tool;

/// The title of the scripts that list hosts.
const LIST: &str = "By a timer, with a profile of `gatepass login` whose API key may read hosts.";

const APACHE: Program = Program {
    name: "Apache",
    section: "Apache",
    version: ("apache2", "-v"),
    start: start_apache,
    // A graceful restart.
    reload: Some(Signal::USR1),
    list: None,
    admits: https,
};

const CADDY: Program = Program {
    name: "Caddy",
    section: "Caddy",
    version: ("caddy", "version"),
    start: start_caddy,
    reload: None,
    list: None,
    admits: https,
};

const ASKING_CADDY: Program = Program {
    name: "Caddy with forward authentication",
    section: "Caddy",
    version: ("caddy", "version"),
    start: start_asking_caddy,
    reload: None,
    list: None,
    admits: https,
};

const ETCD: Program = Program {
    name: "etcd",
    section: "etcd",
    version: ("etcd", "--version"),
    start: start_etcd,
    reload: None,
    list: Some(list_in_etcd),
    admits: writes_to_etcd,
};

const MOSQUITTO: Program = Program {
    name: "mosquitto",
    section: "mosquitto",
    version: ("mosquitto", "-h"),
    start: start_mosquitto,
    reload: Some(Signal::HUP),
    list: Some(list_in_mosquitto),
    admits: publishes,
};

const REDIS: Program = Program {
    name: "Redis",
    section: "Redis",
    version: ("redis-server", "--version"),
    start: |setting| {
        let lines = setting.lines("/etc/redis/redis.conf");
        let lines = lines.replace("tls-port 6379", &format!("tls-port {}", setting.port));
        vec![redis(setting, &lines)]
    },
    reload: None,
    list: None,
    admits: pings,
};

const REDIS_BEHIND_HAPROXY: Program = Program {
    name: "Redis behind HAProxy",
    section: "HAProxy",
    version: ("redis-server", "--version"),
    start: |setting| {
        let port = free_port();
        let lines = setting.lines("/etc/haproxy/haproxy.cfg, in front of Redis");
        let lines = lines.replace("127.0.0.1:6379", &format!("127.0.0.1:{port}"));
        let redis = redis(setting, &format!("port {port}\n"));
        vec![haproxy(setting, &lines, ":6380"), redis]
    },
    reload: Some(Signal::USR2),
    list: None,
    admits: pings,
};

const OPENVPN: Program = Program {
    name: "OpenVPN",
    section: "OpenVPN",
    version: ("openvpn", "--version"),
    start: start_openvpn,
    reload: None,
    list: None,
    admits: opens_tunnel,
};

fn start_apache(setting: &Setting<'_>) -> Vec<Child> {
    let modules = ["mpm_event", "authz_core", "ssl", "proxy", "proxy_http"];
    let modules =
        modules.map(|name| format!("LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so\n"));
    let own = setting.path("").trim_end_matches('/').to_owned();
    let address = format!("127.0.0.1:{}", setting.port);
    let lines = setting.lines("/etc/apache2/sites-available/jobs.conf").replace("*:443", &address);
    let config = format!(
        "ServerRoot {own}\nServerName localhost\nPidFile {own}/pid\nErrorLog {}\n\
         DefaultRuntimeDir {own}\nMutex file:{own} default\nUser www-data\nGroup www-data\n\
         Listen {address}\n{}{lines}",
        setting.at.arg("proxy.log"),
        modules.concat()
    );
    let config = setting.file("apache2.conf", &config);
    vec![setting.run(Command::new(find_program("apache2")).args(["-DFOREGROUND", "-f", &config]))]
}

fn start_caddy(setting: &Setting<'_>) -> Vec<Child> {
    let lines = setting.lines("/etc/caddy/Caddyfile");
    let lines = lines.replace("jobs.example.org {", &format!("https://localhost:{} {{", setting.port));
    vec![caddy(setting.at, &lines)]
}

/// Caddy as in the example, which trusts the first root too.
fn start_asking_caddy(setting: &Setting<'_>) -> Vec<Child> {
    std::fs::copy(setting.trust("root.pem"), setting.at.path("root.pem")).unwrap();
    vec![caddy(setting.at, &filled(&Kind::Caddy.example(), setting.at, setting.service, setting.port))]
}

fn start_etcd(setting: &Setting<'_>) -> Vec<Child> {
    let lines = setting.lines("/etc/default/etcd");
    let client = format!("https://localhost:{}", setting.port);
    let lines =
        lines.replace("https://0.0.0.0:2379", &client).replace("https://etcd.example.org:2379", &client);
    let peer = format!("http://localhost:{}", free_port());
    let mut etcd = Command::new("etcd");
    etcd.args(["--name=one", "--data-dir", &setting.path("data"), "--listen-peer-urls", &peer]);
    etcd.args(["--initial-advertise-peer-urls", &peer, "--initial-cluster", &format!("one={peer}")]);
    etcd.envs(lines.lines().filter_map(|line| line.split_once('=')));
    vec![setting.run(&mut etcd)]
}

/// The variables with which etcdctl calls the server as a host.
fn etcdctl(setting: &Setting<'_>, host: &str) -> [(&'static str, String); 6] {
    let (chain, key) = identity(setting, host);
    [
        ("ETCDCTL_API", "3".to_owned()),
        ("ETCDCTL_ENDPOINTS", format!("https://localhost:{}", setting.port)),
        ("ETCDCTL_CACERT", setting.trust("server.pem")),
        ("ETCDCTL_CERT", chain),
        ("ETCDCTL_KEY", key),
        ("ETCDCTL_COMMAND_TIMEOUT", "10s".to_owned()),
    ]
}

fn list_in_etcd(setting: &Setting<'_>) {
    // The first host may be revoked later.
    let host = if setting.at.path("live-1.pem").exists() { "live-1" } else { "live-0" };
    let variables = etcdctl(setting, host);
    let mut variables = variables.iter().map(|(name, value)| (*name, value.as_str())).collect::<Vec<_>>();
    if !Path::new(&setting.path("once")).exists() {
        script(setting, &setting.lines("Once.").replace("user add root", "user add root:secret"), &variables);
        setting.file("once", "");
    }
    variables.push(("ETCDCTL_USER", "root:secret"));
    script(setting, &setting.lines(LIST), &variables);
}

/// Runs a script of the page as an administrator of the authority.
fn script(setting: &Setting<'_>, text: &str, variables: &[(&str, &str)]) {
    let gatepass = Path::new(env!("CARGO_BIN_EXE_gatepass")).parent().unwrap().display();
    let text = format!("PATH={gatepass}:$PATH\n{text}");
    let mut bash = Command::new("bash");
    bash.args(["-euo", "pipefail", "-c", &text]).envs(variables.iter().copied());
    bash.env("GATEPASS_SERVER", &setting.at.url).env("GATEPASS_CA", setting.at.root());
    bash.env("GATEPASS_USER", "admin").env("GATEPASS_PASSWORD", PASSWORD);
    tool::run(&mut bash, "").expect_good();
}

fn writes_to_etcd(setting: &Setting<'_>, host: &str) -> bool {
    let mut put = Command::new("etcdctl");
    put.envs(etcdctl(setting, host)).args(["put", "jobs/1", "done"]);
    tool::run(&mut put, "").out.trim() == "OK"
}

fn start_mosquitto(setting: &Setting<'_>) -> Vec<Child> {
    list_in_mosquitto(setting);
    let lines = setting.lines("/etc/mosquitto/conf.d/jobs.conf");
    let lines = lines.replace("/etc/mosquitto/jobs.acl", &setting.path("jobs.acl"));
    let lines = lines.replace("listener 8883", &format!("listener {} 127.0.0.1", setting.port));
    let config = setting.file("mosquitto.conf", &format!("user root\n{lines}"));
    vec![setting.run(Command::new(find_program("mosquitto")).args(["-c", &config]))]
}

fn list_in_mosquitto(setting: &Setting<'_>) {
    let lines = setting.lines(LIST).replace("/etc/mosquitto/", &setting.path(""));
    // The test sends the signal of a reload to its own process.
    script(setting, &lines.replace("systemctl reload mosquitto", ""), &[]);
}

fn publishes(setting: &Setting<'_>, host: &str) -> bool {
    let (chain, key) = identity(setting, host);
    let mut publish = Command::new("mosquitto_pub");
    publish.args(["--host", "localhost", "--port", &setting.port.to_string(), "--protocol-version", "5"]);
    publish.args(["--cafile", &setting.trust("server.pem"), "--cert", &chain, "--key", &key]);
    publish.args(["--qos", "1", "--topic", "jobs/1", "--message", "done"]);
    let said = tool::run(&mut publish, "");
    // A refused message is only a warning.
    said.good && !said.err.contains("Not authorized")
}

fn redis(setting: &Setting<'_>, lines: &str) -> Child {
    let config = setting.file("redis.conf", &format!("bind 127.0.0.1\nsave \"\"\n{lines}"));
    setting.run(Command::new("redis-server").arg(config))
}

fn pings(setting: &Setting<'_>, host: &str) -> bool {
    let (chain, key) = identity(setting, host);
    let mut ping = Command::new("redis-cli");
    ping.args(["-h", "localhost", "-p", &setting.port.to_string(), "--tls"]);
    ping.args(["--cacert", &setting.trust("server.pem"), "--cert", &chain, "--key", &key, "ping"]);
    tool::run(&mut ping, "").out.trim() == "PONG"
}

fn start_openvpn(setting: &Setting<'_>) -> Vec<Child> {
    let script = setting.file("allocator", &setting.lines("/etc/openvpn/allocator"));
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
    let lines = setting.lines("/etc/openvpn/server/jobs.conf").replace("/etc/openvpn/allocator", &script);
    let lines = lines.replace("port 1194", &format!("local 127.0.0.1\nport {}", setting.port));
    let config = setting.file("server.conf", &lines);
    vec![setting.run(Command::new(find_program("openvpn")).args(["--config", &config]))]
}

fn opens_tunnel(setting: &Setting<'_>, host: &str) -> bool {
    let (chain, key) = identity(setting, host);
    let log = setting.path("client.log");
    drop(std::fs::remove_file(&log));
    let mut client = Command::new(find_program("openvpn"));
    client.args(["--client", "--nobind", "--dev", "null", "--ifconfig-noexec", "--route-noexec"]);
    client.args(["--proto", "tcp-client", "--remote", "127.0.0.1", &setting.port.to_string(), "--log", &log]);
    client.args(["--tls-exit", "--connect-retry-max", "1", "--ca", &setting.trust("server.pem")]);
    let mut client = setting.run(client.args(["--cert", &chain, "--key", &key]));
    let opened = eventually("the tunnel to open, or the client to end", || {
        let opened =
            std::fs::read_to_string(&log).is_ok_and(|log| log.contains("Initialization Sequence Completed"));
        let ended = client.try_wait().unwrap().is_some();
        (opened || ended).then_some(opened)
    });
    // It may have ended already.
    let _ = client.kill();
    drop(client.wait());
    opened
}

#[test]
fn apache_admits_hosts_as_the_page_says() {
    measure(&[&APACHE]);
}

#[test]
fn caddy_admits_hosts_as_the_page_says() {
    measure(&[&CADDY]);
}

#[test]
fn caddy_asks_the_authority_as_the_page_says() {
    measure(&[&ASKING_CADDY]);
}

#[test]
fn etcd_admits_hosts_as_the_page_says() {
    measure(&[&ETCD]);
}

#[test]
fn mosquitto_admits_hosts_as_the_page_says() {
    measure(&[&MOSQUITTO]);
}

#[test]
fn redis_admits_hosts_as_the_page_says() {
    measure(&[&REDIS, &REDIS_BEHIND_HAPROXY]);
}

#[test]
fn openvpn_admits_hosts_as_the_page_says() {
    measure(&[&OPENVPN]);
}

#[test]
fn other_servers_refuse_certificates_of_a_revoked_issuing_ca() {
    assert_eq!(steal(&[&APACHE, &MOSQUITTO, &OPENVPN, &REDIS_BEHIND_HAPROXY]), [false; 4]);
}

#[test]
fn etcd_admits_certificates_of_a_revoked_issuing_ca() {
    assert_eq!(steal(&[&ETCD]), [true], "the page says so");
}
