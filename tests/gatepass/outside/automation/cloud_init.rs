//! `examples/cloud-init`, checked by cloud-init, and run by it as at a first start. The machine is a mount name space with a
//! stand-in for `systemctl`.

use std::fs;
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use serde_json::json;
use tempfile::TempDir;

use super::super::proxy::free_port;
use super::super::served::{Served, eventually};
use super::super::tool;
use super::{checkout, hosts, program};

const USER_DATA: &str = "examples/cloud-init/user-data.yaml";

/// Modules of a real image that the user data needs, and the source of data that is a directory.
const CONFIG: &str = "\
datasource_list: [NoCloud]
disable_root: false
network: {config: disabled}
cloud_init_modules: [write-files]
cloud_config_modules: [runcmd]
cloud_final_modules: [scripts-user]
system_info: {distro: debian}
";

/// The four stages of a start. /etc is a copy, and other directories that they write to are empty.
const START: &str = r#"
set -eu
mkdir -p etc/cloud etc/systemd/system
cp /etc/passwd /etc/group /etc/nsswitch.conf /etc/hosts /etc/os-release etc
cp cloud.cfg etc/cloud
mount --bind etc /etc
for directory in /run /var/lib /var/log /usr/local/bin; do
  mount -t tmpfs -o mode=0755 none "$directory"
done
mkdir -p /run/systemd/system /var/lib/cloud/seed/nocloud
cp user-data meta-data /var/lib/cloud/seed/nocloud
cp systemctl /usr/local/bin
for stage in 'init --local' init 'modules --mode config' 'modules --mode final'; do
  cloud-init $stage
done
cp /run/systemctl.argv /run/cloud-init/result.json .
if grep -rl eyJ /run /var/log /etc /usr/local/bin/systemctl /var/lib/cloud/instance/scripts; then
  echo 'these files have the token' >&2
  exit 1
fi
"#;

/// A web server with the binary. Dropping it stops it.
struct Files {
    process: Child,
    port: u16,
}

impl Files {
    fn start(folder: &TempDir) -> Self {
        let names = ["-subj", "/CN=files", "-addext", "subjectAltName=IP:127.0.0.1"];
        let new =
            ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc", "-days", "2"];
        let mut openssl = Command::new("openssl");
        openssl.args(new).args(names).args(["-keyout", "files.key", "-out", "files.pem"]);
        tool::run(openssl.current_dir(folder), "").expect_good();
        fs::create_dir(folder.path().join("files")).unwrap();
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_gatepass"), folder.path().join("files/gatepass"))
            .unwrap();
        let port = free_port();
        let mut server = Command::new("openssl");
        server.args(["s_server", "-quiet", "-WWW", "-cert", "../files.pem", "-key", "../files.key"]);
        server.args(["-accept", &format!("127.0.0.1:{port}")]).current_dir(folder.path().join("files"));
        server.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let files = Self { process: server.spawn().unwrap(), port };
        eventually("the web server to listen", || TcpStream::connect(("127.0.0.1", port)).ok());
        files
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn cloud_init_accepts_the_user_data() {
    let mut schema = Command::new("cloud-init");
    schema.args(["schema", "--config-file"]).arg(checkout(USER_DATA));
    let valid = tool::run(&mut schema, "").expect_good();
    assert!(valid.contains("Valid cloud-config"), "{valid}");
}

#[test]
fn cloud_init_enrolls_a_machine_at_its_first_start() {
    let at = Served::start();
    let folder = tempfile::tempdir().unwrap();
    let files = Files::start(&folder);
    let token = at.mint(&json!({ "roles": ["proxy"], "bind": { "cluster": "edge-1" } }));
    let text = fs::read_to_string(checkout(USER_DATA)).unwrap();
    let changed = text.replace("PASTE-THE-TOKEN-HERE", &token);
    let changed =
        changed.replace("https://files.example.org/", &format!("https://127.0.0.1:{}/", files.port));
    assert!(changed.contains(&token) && !changed.contains("example.org"), "{text}");
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write("user-data", &changed);
    write("meta-data", "instance-id: first\n");
    write("cloud.cfg", CONFIG);
    super::executable(&folder.path().join("systemctl"), "#!/bin/sh\necho \"$@\" >>/run/systemctl.argv\n");

    let mut start = program("unshare", folder.path());
    start.args(["--user", "--map-root-user", "--mount", "--propagation", "private", "sh", "-c", START]);
    let said = tool::run(start.env("CURL_CA_BUNDLE", folder.path().join("files.pem")), "");
    let all = format!("{}{}", said.out, said.err);
    assert!(said.good, "{all}");
    assert!(!all.contains(&token), "the token is in\n{all}");

    let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
    assert!(read("result.json").contains("\"errors\": []"), "{}\n{all}", read("result.json"));
    assert!(
        read("systemctl.argv").contains("enable --now gatepass-renew.service"),
        "{}",
        read("systemctl.argv")
    );
    let (hosts, identity) = (hosts(&at), read("etc/gatepass/host.json"));
    assert_eq!(hosts.len(), 1, "{all}");
    assert_eq!(
        (&hosts[0]["reported"]["label"], &hosts[0]["cluster"]),
        (&json!("edge proxies"), &json!("edge-1"))
    );
    assert!(identity.contains(hosts[0]["id"].as_str().unwrap()), "{identity}");
}
