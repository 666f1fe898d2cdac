//! The lines of docs/fleets.md for Puppet, Chef and MDMs, and the script that deletes tokens.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use super::super::served::Served;
use super::super::tool::{self, Said};
use super::{TOKEN_BEGINS, api_key, checkout, hosts, program, recorder, stored_nowhere};

/// The block of a section of docs/fleets.md, with the ways of this machine: another directory, and no systemd.
fn block(section: &str, language: &str, folder: &Path) -> String {
    let page = fs::read_to_string(checkout("docs/fleets.md")).unwrap();
    let section = page.split(&format!("\n### {section}\n")).nth(1).unwrap().split("\n### ").next().unwrap();
    let block = section.split(&format!("```{language}\n")).nth(1).unwrap().split("```").next().unwrap();
    let identity = folder.join("identity").display().to_string();
    let binary = folder.join("gatepass").display().to_string();
    let block = block.replace("/usr/local/bin/gatepass", &binary).replace("/etc/gatepass", &identity);
    assert!(block.contains("--install-service") && block.contains(&identity), "{block}");
    block.replace("--install-service", &format!("--cert-dir {identity}"))
}

/// Runs `enroll` twice. Checks that it enrolls one host once, and that no argument and no output has the token.
fn enrolls_once(at: &Served, folder: &Path, mut enroll: impl FnMut() -> Said) {
    for _ in 0..2 {
        let said = enroll();
        let all = format!("{}{}", said.out, said.err);
        assert!(said.good && !all.contains(TOKEN_BEGINS), "{all}");
        assert_eq!(hosts(at).len(), 1, "{all}");
    }
    let calls = fs::read_to_string(folder.join("gatepass.argv")).unwrap();
    assert_eq!(calls.lines().count(), 1, "{calls}");
    assert!(!calls.contains(TOKEN_BEGINS), "{calls}");
}

fn cluster_token(at: &Served) -> String {
    at.mint(&json!({ "preset": "cluster", "bind": { "cluster": "edge-1" } }))
}

#[test]
fn puppet_enrolls_a_host_once() {
    let at = Served::start();
    let folder = tempfile::tempdir().unwrap();
    recorder(&folder.path().join("gatepass"));
    let class = block("Puppet", "puppet", folder.path());
    let token = cluster_token(&at);
    enrolls_once(&at, folder.path(), || {
        let mut puppet = program("puppet", folder.path());
        // The manifest comes through a pipe, as it has the token here.
        puppet.args(["apply", "--color=false", "--debug", "--confdir=conf", "--vardir=var"]);
        let declared = format!("{class}\nclass {{ 'gatepass': token => Sensitive('{token}') }}\n");
        tool::run(&mut puppet, &declared)
    });
}

#[test]
fn the_recipe_for_chef_is_ruby() {
    let folder = tempfile::tempdir().unwrap();
    let recipe = block("Chef", "ruby", folder.path());
    tool::run(Command::new("ruby").args(["-wc", "-"]), &recipe).expect_good();
}

#[test]
fn the_script_of_an_mdm_enrolls_a_machine_once() {
    let at = Served::start();
    let folder = tempfile::tempdir().unwrap();
    recorder(&folder.path().join("gatepass"));
    let script = block("MDM", "bash", folder.path());
    let token = cluster_token(&at);
    enrolls_once(&at, folder.path(), || {
        tool::run(program("sh", folder.path()).args(["-c", &script]).env("GATEPASS_TOKEN", &token), "")
    });
    stored_nowhere(folder.path(), TOKEN_BEGINS);
}

#[test]
fn a_script_deletes_tokens_by_their_ids() {
    let at = Served::start();
    let folder = tempfile::tempdir().unwrap();
    recorder(&folder.path().join("gatepass"));
    let key = api_key(&at);
    let minted = || at.admin("POST", "/api/v1/enrollment-tokens", &json!({ "persistent": true })).json;
    let ids = [(); 3].map(|()| minted()["token_id"].as_str().unwrap().to_owned());
    let delete = |ids: &str| {
        let mut script = program("sh", folder.path());
        script.arg(checkout("examples/delete-tokens.sh")).env("GATEPASS_API_KEY", &key);
        tool::run(script.env("GATEPASS_SERVER", &at.url).env("GATEPASS_CA", at.root()), ids)
    };
    let unknown = "01a22d42-0000-7000-8000-000000000000";
    let refused = delete(&format!("{}\n{unknown}\n\n{}", ids[0], ids[1]));
    assert!(!refused.good && refused.err.contains("line 2: not deleted"), "{}", refused.err);
    assert!(
        ids[..2].iter().all(|id| refused.out.contains(&format!("revoked token {id}"))),
        "{}",
        refused.out
    );

    // A line that is a whole token is not shown.
    let token = minted()["token"].as_str().unwrap().to_owned();
    let refused = delete(&format!("{token}\n")).expect_bad();
    assert!(refused.contains("line 1: not deleted") && !refused.contains(TOKEN_BEGINS), "{refused}");

    delete(&format!("{}\n{}\n", ids[2], ids[0])).expect_good();
    for id in ids {
        let shown = at.admin("GET", &format!("/api/v1/enrollment-tokens/{id}"), &Value::Null);
        assert_eq!(shown.json["state"], "revoked", "{}", shown.body);
    }
}
