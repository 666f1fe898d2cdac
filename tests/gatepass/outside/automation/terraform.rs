//! `examples/terraform`, applied by Terraform. Its ssh is a stand-in that runs the host's command on this machine.

use std::fs;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::super::served::Served;
use super::super::tool::{self, Said};
use super::{TOKEN_BEGINS, api_key, checkout, executable, hosts, program, recorder, stored_nowhere};

/// A copy of the example, applied by one person.
struct Workspace<'a> {
    at: &'a Served,
    folder: TempDir,
    key: String,
}

impl<'a> Workspace<'a> {
    fn new(at: &'a Served) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::copy(checkout("examples/terraform/main.tf"), folder.path().join("main.tf")).unwrap();
        recorder(&folder.path().join("gatepass"));
        // It has no systemd and one file system for all machines: each has a directory.
        let ssh = "#!/bin/sh\necho \"$@\" >>ssh.argv\n\
                   exec sh -c \"$(echo \"$2\" | sed \"s/--install-service/--cert-dir '$1'/\")\"\n";
        executable(&folder.path().join("ssh"), ssh);
        Self { at, folder, key: api_key(at) }
    }

    fn terraform(&self, words: &[&str]) -> Said {
        let mut terraform = program("terraform", self.folder.path());
        terraform.args(words).arg("-no-color");
        terraform.env("TF_CLI_CONFIG_FILE", "/dev/null").env("CHECKPOINT_DISABLE", "1");
        terraform.env("TF_LOG", "trace").env("TF_LOG_PATH", "trace.log").env("GATEPASS_API_KEY", &self.key);
        let said = tool::run(&mut terraform, "");
        let all = format!("{}{}", said.out, said.err);
        assert!(!all.contains(TOKEN_BEGINS) && !all.contains("gpk_"), "a secret is in\n{all}");
        said
    }

    /// Writes the values that a person changes.
    fn choose(&self, machines: &Value) {
        let values = json!({ "server": self.at.url, "root": self.at.root(), "machines": machines });
        fs::write(self.folder.path().join("terraform.tfvars.json"), values.to_string()).unwrap();
    }

    fn apply(&self) -> Said {
        self.terraform(&["plan", "-input=false", "-out=plan.bin"]).expect_good();
        self.terraform(&["apply", "-input=false", "plan.bin"])
    }
}

#[test]
fn terraform_enrolls_machines_and_keeps_no_token() {
    let at = Served::start();
    let workspace = Workspace::new(&at);
    workspace.choose(&json!({ "web-1": "root@one", "web-2": "root@two" }));
    workspace.terraform(&["init", "-input=false"]).expect_good();
    workspace.terraform(&["fmt", "-check", "-diff", "main.tf"]).expect_good();
    workspace.terraform(&["validate"]).expect_good();
    workspace.apply().expect_good();
    let mut labels = hosts(&at).iter().map(|host| host["token_label"].clone()).collect::<Vec<_>>();
    labels.sort_by_key(Value::to_string);
    assert_eq!(labels, ["web-1", "web-2"]);

    // The exit code is 2 if something would change.
    workspace.terraform(&["plan", "-input=false", "-detailed-exitcode"]).expect_good();
    workspace.choose(&json!({ "web-1": "root@three", "web-2": "root@two" }));
    let applied = workspace.apply().expect_good();
    assert!(applied.contains("1 added, 0 changed, 1 destroyed"), "{applied}");
    assert_eq!(hosts(&at).len(), 3);
    for secret in [TOKEN_BEGINS, &workspace.key] {
        stored_nowhere(workspace.folder.path(), secret);
    }
}

#[test]
fn a_refused_mint_fails_the_apply() {
    let at = Served::start();
    let workspace = Workspace { key: "gpk_unknown".to_owned(), ..Workspace::new(&at) };
    workspace.choose(&json!({ "web-1": "root@one" }));
    workspace.terraform(&["init", "-input=false"]).expect_good();
    let refused = workspace.apply().expect_bad();
    assert!(refused.contains("local-exec provisioner error"), "{refused}");
    assert!(!workspace.folder.path().join("ssh.argv").exists());
}
