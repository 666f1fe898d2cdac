//! The servers of `docs/use-with.md` run with the lines of that page, through rotations of the CA. Each trusts the first
//! root alone. The page's table has what they did.

mod gate;
#[cfg(feature = "outside-all")]
mod on_demand;
pub(super) mod page;
mod running;
mod thief;

use std::fs::Permissions;
use std::ops::Range;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use page::{Row, check, version};
use running::{Program, Running, trust};

use super::echo;
use super::proxy::{Kind, certify, find_program};
use super::rotations::STAGES;
use super::served::{Served, eventually};
use super::tool;

/// The programs of the table, in its order.
const NAMES: [&str; 12] = [
    "nginx",
    "HAProxy",
    "PostgreSQL",
    "Envoy",
    "Apache",
    "Caddy",
    "Caddy with forward authentication",
    "etcd",
    "mosquitto",
    "Redis",
    "Redis behind HAProxy",
    "OpenVPN",
];

/// The hosts of the table, each with the answer to each stage.
const HOSTS: [&str; 4] = ["enrolled before", "enrolled after the rotation", "revoked", "without the role"];

#[test]
fn servers_admit_hosts_as_the_page_says() {
    measure(&[&gate::NGINX, &gate::HAPROXY, &gate::POSTGRESQL, &gate::ENVOY]);
}

#[test]
fn every_server_of_the_page_was_measured() {
    let clients = super::stack::Stack::ALL.map(|stack| stack.name().to_owned());
    let expected = NAMES.map(str::to_owned).into_iter().chain(clients).collect::<Vec<_>>();
    assert_eq!(page::programs(), expected);
}

#[test]
fn a_resumed_session_admits_no_revoked_host() {
    let at = Served::start();
    let service = echo::start();
    prepare(&at);
    enroll(&at, 0);
    refresh(&at);
    let programs = [&gate::NGINX, &gate::HAPROXY, &gate::ENVOY];
    let servers = programs.map(|program| Running::start(program, &at, &service));
    for server in &servers {
        let name = server.program().name;
        let (new, resumed) = (server.session("gone-0", "-sess_out"), server.session("gone-0", "-sess_in"));
        assert!(new.contains("HTTP/1.1 200"), "{name}: {new}");
        assert!(resumed.contains("HTTP/1.1 200"), "{name}: {resumed}");
    }
    revoke_under(&at, &servers, 0);
    for server in &servers {
        let said = server.session("gone-0", "-sess_in");
        assert!(!said.contains("HTTP/1.1 200"), "{}: {said}", server.program().name);
    }
}

/// Runs `programs` through all stages and compares each answer with the page.
fn measure(programs: &[&'static Program]) {
    // A proxy may ask it for the host of a certificate.
    let at = Kind::Caddy.authority();
    let service = echo::start();
    prepare(&at);
    for number in 1..STAGES.len() {
        at.enroll(&format!("late-{number}"));
    }
    let mut servers = Vec::new();
    let mut tables = programs.iter().map(|_| HOSTS.map(|_| Vec::new())).collect::<Vec<_>>();
    for (number, stage) in STAGES.into_iter().enumerate() {
        stage.enter(&at);
        enroll(&at, number);
        refresh(&at);
        servers.iter().for_each(Running::reload);
        if servers.is_empty() {
            servers.extend(programs.iter().map(|program| Running::start(program, &at, &service)));
        }
        revoke_under(&at, &servers, number);
        for (server, table) in servers.iter().zip(&mut tables) {
            for (answers, hosts) in table.iter_mut().zip(hosts(number)) {
                answers.push(answer(server, &hosts));
            }
        }
    }
    check("server", &rows(programs, tables));
}

/// The files of every server, below `trust`.
fn prepare(at: &Served) {
    // Some servers have users of their own.
    std::fs::set_permissions(at.path(""), Permissions::from_mode(0o711)).unwrap();
    std::fs::create_dir(at.path("trust")).unwrap();
    certify(at);
    for (from, to) in [("data/root.pem", "root.pem"), ("jobs.pem", "server.pem"), ("jobs.key", "server.key")]
    {
        std::fs::copy(at.path(from), trust(at, to)).unwrap();
    }
}

/// The three hosts of a stage.
fn enroll(at: &Served, stage: usize) {
    at.enroll(&format!("live-{stage}"));
    at.enroll(&format!("gone-{stage}"));
    at.enroll_as(&format!("bare-{stage}"), &["proxy"]);
}

/// Runs the page's `gatepass crl`, which pins the first root; returns true if the file changed.
fn refresh(at: &Served) -> bool {
    let read = || std::fs::read_to_string(trust(at, "crl.pem")).ok();
    let before = read();
    let line =
        page::block("Files of a server", "From a timer.").replace("/etc/ssl/gatepass", &at.arg("trust"));
    let line = line.replace("https://gate.example.org:8443", &at.url);
    // Each test reloads its servers with a signal.
    let line = line.replace(" --exec \"systemctl reload nginx\"", "");
    let line = line.replace("gatepass crl", concat!(env!("CARGO_BIN_EXE_gatepass"), " crl"));
    tool::run(Command::new("bash").args(["-euc", &line]), "").expect_good();
    read() != before
}

/// Fetches the CRLs, and reloads the servers after a change.
fn reload_changed(at: &Served, servers: &[Running<'_>]) {
    if refresh(at) {
        servers.iter().for_each(Running::reload);
    }
}

/// Revokes hosts that the servers admit, and waits until those that read CRLs refuse them.
fn revoke_under(at: &Served, servers: &[Running<'_>], stage: usize) {
    let [.., revoked, _] = hosts(stage);
    let (gone, late) = (format!("gone-{stage}"), format!("late-{stage}"));
    for server in servers {
        eventually(&format!("{} to admit a new host", server.program().name), || {
            server.admits(&gone).then_some(())
        });
    }
    for name in [&gone, &late].into_iter().filter(|name| revoked.contains(name)) {
        at.revoke(name);
    }
    let reading = servers.iter().filter(|server| server.reads_crls()).collect::<Vec<_>>();
    for server in &reading {
        let name = server.program().name;
        assert!(server.admits(&gone), "{name} refuses {gone} without the newest CRLs");
    }
    eventually("the servers to refuse revoked hosts", || {
        reload_changed(at, servers);
        let admits = |server: &&Running<'_>| revoked.iter().any(|host| server.admits(host));
        (!reading.iter().any(admits)).then_some(())
    });
}

/// The hosts of each row, at a stage.
fn hosts(stage: usize) -> [Vec<String>; 4] {
    let named =
        |name: &str, stages: Range<usize>| stages.map(|stage| format!("{name}-{stage}")).collect::<Vec<_>>();
    let (after, end) = (stage.max(1), stage + 1);
    let revoked = [named("gone", 0..end), named("late", 1..end)].concat();
    [named("live", 0..after), named("live", after..end), revoked, named("bare", 0..end)]
}

/// The cell of the table for these hosts.
fn answer(server: &Running<'_>, hosts: &[String]) -> String {
    let admitted = hosts.iter().filter(|host| server.admits(host)).count();
    match (admitted, hosts.len()) {
        (_, 0) => "–",
        (0, _) => "refused",
        (some, all) if some == all => "in",
        _ => "some in",
    }
    .to_owned()
}

fn rows(programs: &[&'static Program], tables: Vec<[Vec<String>; 4]>) -> Vec<Row> {
    let rows = programs.iter().zip(tables).flat_map(|(program, table)| {
        let (executable, argument) = program.version;
        let version = version(&find_program(executable), argument);
        HOSTS.iter().zip(table).map(move |(host, answers)| Row {
            program: program.name,
            version: version.clone(),
            cells: [vec![(*host).to_owned()], answers].concat(),
        })
    });
    rows.collect()
}
