//! The servers that the gate runs: nginx, HAProxy, PostgreSQL and Envoy.

use std::io::Write as _;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::process::Signal;

use super::running::{Program, Setting};
use crate::outside::proxy::{envoy, find_program, nginx};
use crate::outside::tool;

pub(super) const NGINX: Program = Program {
    name: "nginx",
    section: "nginx",
    version: ("nginx", "-v"),
    start: |setting| {
        let lines = setting.lines("/etc/nginx/conf.d/jobs.conf");
        let port = format!("listen 127.0.0.1:{}", setting.port);
        vec![nginx(setting.at, &lines.replace("listen 443", &port))]
    },
    reload: Some(Signal::HUP),
    list: None,
    admits: https,
};

pub(super) const HAPROXY: Program = Program {
    name: "HAProxy",
    section: "HAProxy",
    version: ("haproxy", "-v"),
    start: |setting| vec![haproxy(setting, &setting.lines("/etc/haproxy/haproxy.cfg"), ":443")],
    // The master process starts new workers.
    reload: Some(Signal::USR2),
    list: None,
    admits: https,
};

pub(super) const ENVOY: Program = Program {
    name: "Envoy",
    section: "Envoy",
    version: ("envoy", "--version"),
    start: start_envoy,
    reload: None,
    list: None,
    admits: https,
};

pub(super) const POSTGRESQL: Program = Program {
    name: "PostgreSQL",
    section: "PostgreSQL",
    version: ("psql", "--version"),
    start: start_postgres,
    reload: Some(Signal::HUP),
    list: None,
    admits: connects_to_postgres,
};

/// Returns true if a GET with the certificate of `host` is answered with success.
pub(super) fn https(setting: &Setting<'_>, host: &str) -> bool {
    let (chain, key) = identity(setting, host);
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--fail", "--max-time", "60", "--output", "/dev/null"]);
    curl.args(["--cacert", &setting.trust("server.pem"), "--cert", &chain, "--key", &key]);
    tool::run(curl.arg(format!("https://localhost:{}/", setting.port)), "").good
}

/// The files of a host: certificate and chain, key.
pub(super) fn identity(setting: &Setting<'_>, host: &str) -> (String, String) {
    (setting.at.arg(&format!("{host}-full.pem")), setting.at.arg(&format!("{host}.key")))
}

/// HAProxy with these lines, which listen on `address`.
pub(super) fn haproxy(setting: &Setting<'_>, lines: &str, address: &str) -> Child {
    let own = ["server.pem", "server.key"].map(|name| std::fs::read_to_string(setting.trust(name)).unwrap());
    let own = setting.file("server.pem", &own.concat());
    let lines = lines.replace("/etc/haproxy/server.pem", &own);
    let lines = lines.replace(&format!("bind {address}"), &format!("bind 127.0.0.1:{}", setting.port));
    let timeouts = "defaults\n  timeout client 60s\n  timeout connect 60s\n  timeout server 60s\n";
    let config = setting.file("haproxy.cfg", &format!("{timeouts}{lines}"));
    setting.run(Command::new(find_program("haproxy")).args(["-W", "-f", &config]))
}

fn start_envoy(setting: &Setting<'_>) -> Vec<Child> {
    let hosts = setting.file("hosts.yaml", &setting.lines("/etc/envoy/hosts.yaml"));
    let socket = indented(8, &setting.lines("/etc/envoy/envoy.yaml, in filter_chains"));
    let filter = indented(12, &setting.lines("/etc/envoy/envoy.yaml, in http_filters"));
    let text = format!(
        r#"node: {{ id: jobs, cluster: jobs }}
static_resources:
  listeners:
  - address: {{ socket_address: {{ address: 127.0.0.1, port_value: {} }} }}
    filter_chains:
      -
{socket}
        filters:
        - name: envoy.filters.network.http_connection_manager
          typed_config:
            "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
            stat_prefix: jobs
            route_config:
              virtual_hosts:
              - name: jobs
                domains: ["*"]
                routes: [{{ match: {{ prefix: "/" }}, direct_response: {{ status: 200 }} }}]
            http_filters:
{filter}
            - name: envoy.filters.http.router
              typed_config:
                "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router
"#,
        setting.port
    );
    vec![envoy(setting.at, &text.replace("/etc/envoy/hosts.yaml", &hosts))]
}

fn indented(columns: usize, text: &str) -> String {
    let lines = text.lines().map(|line| format!("{}{line}", " ".repeat(columns)));
    lines.collect::<Vec<_>>().join("\n")
}

fn start_postgres(setting: &Setting<'_>) -> Vec<Child> {
    let data = setting.path("data");
    own_postgres(setting, &setting.path(""));
    let user = ["--username=postgres", "--auth=trust", "--no-sync", "--locale=C", "--pgdata", &data];
    if !Path::new(&data).exists() {
        tool::run(postgres(setting, "initdb").args(user), "").expect_good();
        let mut single = postgres(setting, "postgres");
        tool::run(single.args(["--single", "-D", &data, "postgres"]), "create role jobs login\n")
            .expect_good();
    }
    let add = |name: &str, text: &str| {
        let mut file = std::fs::File::options().append(true).open(format!("{data}/{name}")).unwrap();
        writeln!(file, "{text}").unwrap();
    };
    let port = setting.port;
    add("postgresql.conf", &setting.lines("postgresql.conf"));
    add("postgresql.conf", &format!("port = {port}\nunix_socket_directories = ''\nfsync = off"));
    // Without the lines of before, only those of the page admit a user over the network.
    std::fs::write(format!("{data}/pg_hba.conf"), setting.lines("pg_hba.conf")).unwrap();
    add("pg_ident.conf", &setting.lines("pg_ident.conf"));
    vec![setting.run(postgres(setting, "postgres").args(["-D", &data]))]
}

/// A program of PostgreSQL, which refuses to run as root.
fn postgres(setting: &Setting<'_>, name: &str) -> Command {
    let mut command = Command::new(newest_postgres().map_or_else(|| name.into(), |bin| bin.join(name)));
    if let Some((user, group)) = postgres_user() {
        command.uid(user).gid(group);
    }
    command.current_dir(setting.at.path(""));
    command
}

/// The directory of the newest version that Debian has installed.
fn newest_postgres() -> Option<PathBuf> {
    let found = std::fs::read_dir("/usr/lib/postgresql").ok()?.map(|entry| entry.unwrap().path().join("bin"));
    found.filter(|bin| bin.join("initdb").exists()).max()
}

/// The user and group `postgres`, if this is root.
fn postgres_user() -> Option<(u32, u32)> {
    if !rustix::process::geteuid().is_root() {
        return None;
    }
    let id = |flag| {
        let said = tool::run(Command::new("id").args([flag, "postgres"]), "");
        if !said.good {
            tool::missing("initdb", "this is root, and there is no user postgres");
        }
        said.out.trim().parse().unwrap()
    };
    Some((id("-u"), id("-g")))
}

/// Gives the user of PostgreSQL `directory` and the server's key.
fn own_postgres(setting: &Setting<'_>, directory: &str) {
    let Some((user, group)) = postgres_user() else { return };
    let key = setting.trust("server.key");
    for path in [directory, &key] {
        chown(path, Some(user), Some(group)).unwrap();
    }
}

fn connects_to_postgres(setting: &Setting<'_>, host: &str) -> bool {
    let (chain, key) = identity(setting, host);
    let (port, root) = (setting.port, setting.trust("server.pem"));
    let target = format!(
        "host=localhost port={port} user=jobs dbname=postgres sslmode=verify-full sslrootcert={root} \
         sslcert={chain} sslkey={key}"
    );
    let mut psql = Command::new("psql");
    psql.args([&target, "--no-psqlrc", "--no-align", "--tuples-only", "--command", "select 40 + 2"]);
    tool::run(psql.stdin(Stdio::null()), "").out.trim() == "42"
}
