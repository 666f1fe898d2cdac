//! `examples/cloud-init`, checked by cloud-init, and run by it as at a first start.

use std::fs;
use std::process::Command;

use serde_json::json;

use super::super::served::Served;
use super::super::tool;
use super::machine::Machine;
use super::{checkout, hosts};

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

/// The four stages of a start.
const START: &str = r#"
mkdir -p /etc/cloud /var/lib/cloud/seed/nocloud
cp cloud.cfg /etc/cloud
cp user-data meta-data /var/lib/cloud/seed/nocloud
for stage in 'init --local' init 'modules --mode config' 'modules --mode final'; do
  cloud-init $stage
done
cp /run/systemctl.argv /run/cloud-init/result.json .
if grep -rl eyJ /run /var/log /etc /usr/local/bin/systemctl /var/lib/cloud/instance/scripts; then
  echo 'these files have the token' >&2
  exit 1
fi
"#;

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
    let machine = Machine::start();
    let token = at.mint(&json!({ "roles": ["proxy"], "bind": { "cluster": "edge-1" } }));
    let text = fs::read_to_string(checkout(USER_DATA)).unwrap();
    let changed = text.replace("PASTE-THE-TOKEN-HERE", &token);
    let changed = changed.replace("https://files.example.org/gatepass", &machine.url);
    assert!(changed.contains(&token) && !changed.contains("example.org"), "{text}");
    machine.write("user-data", &changed);
    machine.write("meta-data", "instance-id: first\n");
    machine.write("cloud.cfg", CONFIG);

    let said = machine.run(START, "");
    let all = format!("{}{}", said.out, said.err);
    assert!(said.good, "{all}");
    assert!(!all.contains(&token), "the token is in\n{all}");
    let (result, systemctl) = (machine.read("result.json"), machine.read("systemctl.argv"));
    assert!(result.contains("\"errors\": []"), "{result}\n{all}");
    assert!(systemctl.contains("enable --now gatepass-renew.service"), "{systemctl}");
    let (hosts, identity) = (hosts(&at), machine.read("etc/gatepass/host.json"));
    assert_eq!(hosts.len(), 1, "{all}");
    let host = (&hosts[0]["reported"]["label"], &hosts[0]["cluster"]);
    assert_eq!(host, (&json!("edge proxies"), &json!("edge-1")));
    assert!(identity.contains(hosts[0]["id"].as_str().unwrap()), "{identity}");
}
