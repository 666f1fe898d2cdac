//! The playbooks of `examples/ansible`, run by ansible-core against two hosts on this machine.

use std::fs;
use std::process::Command;

use serde_json::json;
use tempfile::TempDir;

use super::super::served::Served;
use super::super::tool::{self, Said};
use super::{TOKEN_BEGINS, api_key, checkout, hosts, program, recorder, stored_nowhere, tokens_of};

/// The controller's home, and the directories of two hosts.
struct Fleet<'a> {
    at: &'a Served,
    home: TempDir,
}

impl<'a> Fleet<'a> {
    fn new(at: &'a Served) -> Self {
        let home = tempfile::tempdir().unwrap();
        recorder(&home.path().join("served-gatepass"));
        let host =
            |name| format!("{name} ansible_connection=local host_dir={}/{name}\n", home.path().display());
        fs::write(home.path().join("hosts"), host("one") + &host("two")).unwrap();
        Self { at, home }
    }

    /// The values that a person changes, and the ways of this machine: another directory, no sudo and no systemd.
    fn values(&self, flags: &[&str]) -> String {
        let file = |name: &str| self.home.path().join(name);
        json!({
            "gatepass_server": self.at.url, "gatepass_ca": self.at.root(), "gatepass_cluster": "edge-1",
            "gatepass_install_url": format!("file://{}", file("served-gatepass").display()),
            "gatepass_binary": file("gatepass"), "gatepass_flags": flags,
            "gatepass_cert_dir": "{{ host_dir }}", "ansible_become": false, "ansible_python_interpreter": "{{ ansible_playbook_python }}",
        })
        .to_string()
    }

    fn play(&self, playbook: &str, secret: (&str, &str), more: &[&str]) -> Said {
        let mut play = program("ansible-playbook", self.home.path());
        play.arg("--inventory").arg("hosts").arg(checkout("examples/ansible").join(playbook)).args(more);
        play.args(["--extra-vars", &self.values(&["--label", "a rack"]), "-vv"]);
        let said = tool::run(play.env("ANSIBLE_NOCOLOR", "1").env(secret.0, secret.1), "");
        let all = format!("{}{}", said.out, said.err);
        assert!(!all.contains(TOKEN_BEGINS) && !all.contains("gpk_"), "a secret is in\n{all}");
        said
    }

    /// The number of tasks that changed each host.
    fn changes(said: Said) -> Vec<u8> {
        let out = said.expect_good();
        let recap = out.split("PLAY RECAP").nth(1).unwrap_or_else(|| panic!("{out}"));
        let counts = recap.split_whitespace().filter_map(|word| word.strip_prefix("changed="));
        counts.map(|count| count.parse().unwrap()).collect()
    }

    /// The arguments of every call of gatepass on the hosts.
    fn calls(&self) -> String {
        fs::read_to_string(self.home.path().join("served-gatepass.argv")).unwrap_or_default()
    }
}

#[test]
fn the_role_gives_each_host_a_token() {
    let at = Served::start();
    let (fleet, key) = (Fleet::new(&at), api_key(&at));
    let play = |more: &[&str]| fleet.play("per-host.yml", ("GATEPASS_API_KEY", &key), more);
    Fleet::changes(play(&["--check"]));
    assert_eq!(hosts(&at).len(), 0, "a dry run enrolls");

    // The first host installs the binary, which both share here.
    Fleet::changes(play(&[]));
    let first = hosts(&at);
    assert_eq!((first.len(), tokens_of(&first).len()), (2, 2), "{first:?}");
    assert!(
        first.iter().all(|host| host["reported"]["label"] == "a rack" && host["roles"] == json!(["proxy"]))
    );

    assert_eq!(Fleet::changes(play(&[])), [0, 0]);
    assert_eq!(tokens_of(&hosts(&at)), tokens_of(&first));
    let calls = fleet.calls();
    assert_eq!(calls.matches("enroll - --wait 5m").count(), 2, "{calls}");
    assert!(!calls.contains(TOKEN_BEGINS), "{calls}");
    stored_nowhere(fleet.home.path(), TOKEN_BEGINS);
    stored_nowhere(fleet.home.path(), &key);
}

#[test]
fn the_rollout_enrolls_hosts_with_one_token() {
    let at = Served::start();
    let fleet = Fleet::new(&at);
    let token = at.mint(&json!({ "preset": "rollout", "label": "rack", "max_uses": 2 }));
    let play = |token: &str| fleet.play("rollout.yml", ("GATEPASS_TOKEN", token), &[]);
    Fleet::changes(play(&token));
    let first = hosts(&at);
    assert_eq!((first.len(), tokens_of(&first).len()), (2, 1), "{first:?}");
    assert_eq!(Fleet::changes(play(&token)), [0, 0]);
    assert_eq!(hosts(&at).len(), 2);
    stored_nowhere(fleet.home.path(), TOKEN_BEGINS);
}

#[test]
fn playbooks_report_the_refusals_of_the_server() {
    let at = Served::start();
    let fleet = Fleet::new(&at);
    let order = json!({ "label": "narrow", "scopes": ["tokens:write"] });
    let narrow = at.admin("POST", "/api/v1/api-keys", &order).json["api_key"].as_str().unwrap().to_owned();
    let refused = fleet.play("per-host.yml", ("GATEPASS_API_KEY", &narrow), &[]).expect_bad();
    assert!(refused.contains("this is beyond your limits: "), "{refused}");

    let token = at.mint(&json!({ "bind": { "cluster": "edge-2" } }));
    let refused = fleet.play("rollout.yml", ("GATEPASS_TOKEN", &token), &[]).expect_bad();
    assert!(refused.contains("binding_mismatch"), "{refused}");
    assert_eq!(hosts(&at).len(), 0);
}

#[test]
fn ansible_lint_accepts_the_playbooks() {
    let home = tempfile::tempdir().unwrap();
    let copy = home.path().join("ansible");
    tool::run(Command::new("cp").arg("-r").arg(checkout("examples/ansible")).arg(&copy), "").expect_good();
    let mut lint = program("ansible-lint", home.path());
    lint.args(["--offline", "--strict", "--config-file", "/dev/null", "ansible"]);
    let said = tool::run(lint.env("NO_COLOR", "1"), "");
    assert!(said.good, "{}{}", said.out, said.err);
    assert!(said.err.contains("'production'"), "{}", said.err);
}
