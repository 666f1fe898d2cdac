//! The texts of `gatepass install-command` are read by the tools that they are for.

use std::fs;

use serde_json::json;

use super::super::served::{PASSWORD, Served};
use super::super::tool;
use super::machine::Machine;
use super::{executable, hosts, program};

/// A label that needs quotes everywhere.
const LABEL: &str = "it's a \"{{ rack }}\" $(id)";

/// The text for hosts of this kind.
fn command(at: &Served, kind: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let mut gatepass = program(env!("CARGO_BIN_EXE_gatepass"), folder.path());
    gatepass.args(["install-command", "--for", kind, "--cluster", "edge-7", "--label", LABEL]);
    gatepass.args(["--server", &at.url, "--ca", &at.root(), "--user", "admin"]);
    tool::run(gatepass.env("GATEPASS_PASSWORD", PASSWORD), "").expect_good()
}

#[test]
fn the_commands_for_a_vm_enroll_it() {
    let machine = Machine::start();
    let at = Served::start_with(&[("GATEPASS_SERVER__INSTALL_URL", &machine.url)]);
    let commands = command(&at, "vm");
    let token = at.mint(&json!({ "bind": { "cluster": "edge-7" } }));
    let said = machine.run(&format!("{commands}\ncp /run/systemctl.argv .\n"), &format!("{token}\n"));
    let all = format!("{}{}", said.out, said.err);
    assert!(said.good && !all.contains(&token), "{commands}\n{all}");
    let systemctl = machine.read("systemctl.argv");
    assert!(systemctl.contains("enable --now gatepass-renew.service"), "{systemctl}");
    let hosts = hosts(&at);
    assert_eq!((hosts.len(), &hosts[0]["cluster"]), (1, &json!("edge-7")), "{all}");
    assert_eq!(hosts[0]["reported"]["label"], LABEL);
}

#[test]
fn the_texts_for_tools_are_valid() {
    let at = Served::start_with(&[("GATEPASS_SERVER__INSTALL_URL", "https://files.test/g?a=1&b=2")]);
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write("user-data.yaml", &command(&at, "cloud-init"));
    let mut schema = program("cloud-init", folder.path());
    let valid = tool::run(schema.args(["schema", "--config-file", "user-data.yaml"]), "").expect_good();
    assert!(valid.contains("Valid cloud-config"), "{valid}");

    // Its binary notes the words that Ansible makes of the flags.
    let text = command(&at, "ansible");
    assert!(text.contains("gatepass_install_url: 'https://files.test/g?a=1&b=2'\n"), "{text}");
    write("rollout.yml", &text);
    let binary = "#!/bin/sh\ncat >/dev/null\nprintf '%s|' \"$@\" >\"$0.words\"\n";
    executable(&folder.path().join("served"), binary);
    let own = |name: &str| folder.path().join(name);
    let ways = json!({
        "gatepass_install_url": format!("file://{}", own("served").display()), "gatepass_binary": own("gatepass"),
        "gatepass_cert_dir": own("identity"), "ansible_become": false,
        "ansible_python_interpreter": "{{ ansible_playbook_python }}",
    });
    let mut play = program("ansible-playbook", folder.path());
    play.args(["--inventory", "localhost,", "--connection", "local", "rollout.yml", "--extra-vars"]);
    tool::run(play.arg(ways.to_string()).env("GATEPASS_TOKEN", "a-token"), "").expect_good();
    let words = fs::read_to_string(own("gatepass.words")).unwrap();
    assert!(words.ends_with(&format!("|--install-service|--cluster|edge-7|--label|{LABEL}|")), "{words}");
}

#[test]
fn the_lines_for_kubernetes_name_secret_and_chart() {
    let at = Served::start_with(&[("GATEPASS_SERVER__CHART", "oci://registry.test/charts/gatepass")]);
    let folder = tempfile::tempdir().unwrap();
    for name in ["kubectl", "helm"] {
        let record = format!("#!/bin/sh\nprintf '%s|' {name} \"$@\" >>calls\necho >>calls\n");
        executable(&folder.path().join(name), &record);
    }
    let mut bash = program("bash", folder.path());
    tool::run(bash.args(["-euc", &command(&at, "kubernetes")]), "").expect_good();
    let calls = fs::read_to_string(folder.path().join("calls")).unwrap();
    let secret =
        "kubectl|--namespace|gatepass|create|secret|generic|gatepass-token|--from-file=token=gatepass.token|";
    assert!(calls.contains(secret), "{calls}");
    let helm = calls.lines().find(|call| call.starts_with("helm|")).unwrap();
    assert!(helm.starts_with("helm|install|gatepass|oci://registry.test/charts/gatepass|"), "{helm}");
    assert!(helm.contains("|--set-string|cluster=edge-7|"), "{helm}");
}
