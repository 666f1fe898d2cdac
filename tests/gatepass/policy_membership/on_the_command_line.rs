//! `gatepass host move`, and policies in other commands of hosts.

use serde_json::{Value, json};

use super::POLICIES;
use crate::support::Process;
use crate::support::authority::token_of;
use crate::support::process::gatepass;
use crate::support::pty::AtTerminal;

/// A server with the policies `from` and `to`, and their hosts.
struct World {
    server: Process,
    directory: tempfile::TempDir,
    tokens: Vec<String>,
}

impl World {
    async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let server = Process::start(&directory.path().join("data"), &[]).await;
        let mut tokens = Vec::new();
        for (name, roles) in [("from", json!(["proxy", "director"])), ("to", json!(["proxy"]))] {
            let said = server.admin().post(POLICIES, &json!({ "name": name, "roles": roles })).await;
            assert_eq!(said.status, 201, "{}", said.text);
            tokens.push(token_of(&said.json["first_token"]));
        }
        Self { server, directory, tokens }
    }

    /// Enrolls a host with a first token; its id.
    fn enroll(&self, name: &str, token: usize) -> String {
        let certs = self.directory.path().join(name);
        let mut command = gatepass();
        command.args(["enroll", "-o", "json", "--cert-dir"]).arg(&certs);
        let output = command.env("GATEPASS_TOKEN", &self.tokens[token]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let said = String::from_utf8(output.stdout).unwrap();
        let document: Value = serde_json::from_str(&said).unwrap();
        document["host_id"].as_str().unwrap().to_owned()
    }

    fn host(&self, id: &str) -> Value {
        self.server.json(&["host", "show", id])
    }
}

/// "`gatepass host move ID… --policy NAME` and by filters."
#[tokio::test(flavor = "multi_thread")]
async fn hosts_move_by_id_and_by_filter() {
    let world = World::new().await;
    let (first, second) = (world.enroll("first", 0), world.enroll("second", 0));
    let (code, said) = world.server.fails(&["host", "move", &first, "--policy", "to", "--yes"]);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("--drop-roles") && said.contains("director"), "{said}");
    let moved = ["host", "move", &first[first.len() - 8..], "--policy", "to", "--drop-roles", "--yes"];
    assert!(world.server.told(&moved).contains("moved 1 host to policy to"));
    assert_eq!(world.host(&first)["policy_name"], "to");
    assert_eq!(world.host(&first)["roles"], json!(["proxy"]));
    let back = ["host", "move", "--from-policy", "to", "--policy", "from", "--yes"];
    assert_eq!(world.server.json(&back), json!({ "moved": 1, "ended": 0 }));
    assert_eq!(world.host(&first)["policy_name"], "from");
    let none = ["host", "move", &first, &second, "--no-policy", "--yes"];
    assert_eq!(world.server.json(&none), json!({ "moved": 2, "ended": 0 }));
    let (code, said) =
        world.server.fails(&["host", "move", "--from-policy", "from", "--policy", "to", "--yes"]);
    assert!(code == 1 && said.contains("no host matches"), "{said}");
    let (code, said) = world.server.fails(&["host", "move", &first, "--policy", "nowhere", "--yes"]);
    assert!(code == 1 && said.contains("gatepass policy list"), "{said}");
    for wrong in [
        &["host", "move", "--policy", "to"][..],
        &["host", "move", &first],
        &["host", "move", &first, "--no-policy", "--drop-roles"],
    ] {
        assert_eq!(world.server.fails(wrong).0, 2, "{wrong:?}");
    }
    world.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_and_tokens_take_policies_by_name() {
    let world = World::new().await;
    let (first, second) = (world.enroll("first", 0), world.enroll("second", 1));
    let listed = world.server.told(&["host", "list", "--policy", "to", "-o", "id"]);
    assert_eq!(listed.trim(), second);
    let shown = world.server.told(&["host", "show", &second]);
    assert!(shown.lines().any(|line| line.split_whitespace().eq(["policy", "to"])), "{shown}");
    assert!(world.server.told(&["host", "list", "-o", "csv"]).contains(",from,"));
    let (code, said) = world.server.fails(&["host", "reenroll", &first, "--policy", "to"]);
    assert!(code == 1 && said.contains("roles_not_in_policy"), "{said}");
    let minted = world.server.json(&["host", "reenroll", &second, "--policy", "from"]);
    assert_eq!(minted["host_id"], json!(second));
    let policy = &world.host(&first)["policy"];
    assert_eq!(world.server.json(&["policy", "show", "from"])["id"], *policy);
    assert_eq!(world.server.json(&["policy", "revisions", "from"])[0]["id"], *policy);
    let minted = world.server.json(&["token", "create", "--policy", "from"]);
    assert_eq!(minted["policy"], *policy);
    let listed = world.server.told(&["token", "list", "--policy", "from", "-o", "id"]);
    assert!(listed.contains(minted["token_id"].as_str().unwrap()), "{listed}");
    for unknown in [&["policy", "show", "nowhere"][..], &["token", "list", "--policy", "nowhere"]] {
        let (code, said) = world.server.fails(unknown);
        assert!(code == 1 && said.contains("gatepass policy list"), "{said}");
    }
    world.server.stop().await;
}

/// "`If-Match` is optional, stale: 412."
#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_changed_after_the_question_stays() {
    let world = World::new().await;
    world.enroll("first", 0);
    let path =
        format!("{POLICIES}/{}", world.server.told(&["policy", "list", "-o", "id"]).lines().next().unwrap());
    for line in [&["policy", "set", "from", "--description", "mine"][..], &["policy", "restore", "from", "1"]]
    {
        let (code, said) = world.server.fails(line);
        assert!(code == 2 && said.contains("give --yes"), "{said}");
        let mut at = AtTerminal::start(&mut world.server.command(line), 200);
        at.asks("certificates at the next renewal. [y/N] ").await;
        // Another administrator is faster.
        let said = world.server.admin().patch(&path, &json!({ "description": line[1] })).await;
        assert_eq!(said.status, 200, "{}", said.text);
        at.types("y\n");
        assert_eq!(at.ends().await, (Some(1), true));
        let screen = at.screen().await;
        assert!(screen.contains("(from) was changed while this command ran"), "{screen}");
        assert_eq!(world.server.json(&["policy", "show", "from"])["description"], line[1]);
    }
    let restored = world.server.json(&["policy", "restore", "from", "1", "--yes"]);
    assert_eq!((&restored["revision"], &restored["description"]), (&json!(4), &json!("")));
    world.server.stop().await;
}

/// The limits of a key as flags.
#[tokio::test(flavor = "multi_thread")]
async fn limits_of_policies_are_flags() {
    let world = World::new().await;
    let policies = world.server.admin().get(POLICIES).await.json;
    let id = policies["items"][0]["id"].as_str().unwrap();
    let other = &policies["items"][1]["id"];
    let create = ["api-key", "create", "--scope", "tokens:write", "--policy", &format!("{id},to")];
    assert_eq!(world.server.json(&create)["limits"]["policies"], json!([id, other]));
    let (code, said) = world.server.fails(&["api-key", "create", "--scope", "tokens:write", "--policy", "x"]);
    assert!(code == 1 && said.contains("gatepass policy list"), "{said}");
    let any = ["api-key", "create", "--scope", "tokens:write", "--any"];
    assert_eq!(world.server.json(&any)["limits"]["policies"], "any");
    world.server.stop().await;
}
