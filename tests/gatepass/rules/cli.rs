//! `gatepass rule`.

use serde_json::{Value, json};

use crate::support::Process;

/// Runs a command that prints, and ends with this exit code.
fn ends(server: &Process, args: &[&str], code: i32) -> String {
    let output = server.command(args).output().unwrap();
    assert_eq!(output.status.code(), Some(code), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The id of a rule that the command creates.
fn create(server: &Process, args: &[&str]) -> String {
    let made = server.json(&[&["rule", "create"], args].concat());
    made["id"].as_str().unwrap().to_owned()
}

/// "the rule list with cluster ID, allowed roles, node cap, and delete button per rule". "To delete a rule, click the delete icon
/// next to it": here it is a command.
#[tokio::test(flavor = "multi_thread")]
async fn rules_are_created_listed_changed_and_deleted() {
    let dir = tempfile::tempdir().unwrap();
    let server = Process::start(&dir.path().join("data"), &[]).await;
    assert_eq!(server.told(&["rule", "list"]), "");
    let example = "cluster=eu-1,role=proxy,address=10.1.2.3,admitted=true";
    let first = [
        "--cluster",
        "eu-1",
        "--label",
        "proxies",
        "--role",
        "proxy",
        "--max-nodes",
        "50",
        "--example",
        example,
    ];
    let first = create(&server, &first);
    let second =
        create(&server, &["--cluster", "*", "--label", "the lab", "--address", "10.2.0.0/16,10.3.0.0/16"]);
    let table = server.told(&["rule", "list"]);
    for word in
        ["ALLOWED ROLES", "eu-1", "proxies", "0/50", "the lab", "all roles", "10.2.0.0/16, 10.3.0.0/16"]
    {
        assert!(table.contains(word), "{word}: {table}");
    }
    assert_eq!(server.told(&["rule", "list", "-o", "id"]), format!("{first}\n{second}\n"));
    assert_eq!(server.told(&["rule", "list", "-o", "name"]), "proxies\nthe lab\n");
    let csv = server.told(&["rule", "list", "-o", "csv"]);
    assert!(csv.contains("max_hosts") && csv.contains(",0,50,"), "{csv}");
    let shown = server.told(&["rule", "show", &first[28..]]);
    assert!(shown.contains("0/50") && shown.contains(example) && shown.contains("local"), "{shown}");

    let changed = server.json(&["rule", "set", &first[28..], "--max-nodes", "7", "--all-roles"]);
    assert_eq!((&changed["max_nodes"], &changed["allowed_roles"]), (&json!(7), &json!([])));
    assert_eq!(server.json(&["rule", "set", &first, "--unlimited"])["max_nodes"], Value::Null);
    let (code, error) = server.fails(&["rule", "set", &first]);
    assert!(code == 2 && error.contains("nothing to change"), "{error}");

    let (code, error) = server.fails(&["rule", "delete", &first]);
    assert_eq!(code, 2);
    for part in [&format!("Delete rule {first} (proxies)?"), "no host that holds a slot", "give --yes"] {
        assert!(error.contains(part), "{part}: {error}");
    }
    assert!(server.told(&["rule", "delete", &first, "--yes"]).contains(&format!("deleted rule {first}")));
    let (code, error) = server.fails(&["rule", "delete", &first]);
    assert!(code == 1 && error.contains("not_found"), "{error}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_names_the_rule_and_the_reasons() {
    let dir = tempfile::tempdir().unwrap();
    let server = Process::start(&dir.path().join("data"), &[]).await;
    let none = ends(&server, &["rule", "test", "--cluster", "eu-1"], 1);
    assert_eq!(none, "no rule admits this host\n");
    let lab = create(&server, &["--cluster", "*", "--label", "the lab", "--address", "10.2.0.0/16"]);
    let eu = create(&server, &["--cluster", "eu-1", "--label", "eu", "--name", "*.eu.example.org"]);
    let test = [
        "rule",
        "test",
        "--cluster",
        "eu-1",
        "--role",
        "proxy",
        "--address",
        "10.1.2.3",
        "--name",
        "n1.eu.example.org",
    ];
    assert_eq!(
        ends(&server, &test, 0),
        format!(
            "rule {eu} (eu) admits this host\nrule {lab} (the lab) does not: the host's address is 10.1.2.3, and the rule is for 10.2.0.0/16\n"
        )
    );
    server.json(&["policy", "create", "--name", "edge", "--role", "proxy"]);
    let of_policy = [&test[..], &["--policy", "edge"]].concat();
    assert!(ends(&server, &of_policy, 0).starts_with(&format!("rule {eu} (eu) admits")));
    let unknown = [&test[..], &["--policy", "nowhere"]].concat();
    assert!(server.fails(&unknown).1.contains("gatepass policy list"));
    let decision = server.json(&test);
    assert_eq!((&decision["rule"]["id"], &decision["others"][0]["id"]), (&json!(eu), &json!(lab)));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_of_rules_name_the_flag() {
    let dir = tempfile::tempdir().unwrap();
    let server = Process::start(&dir.path().join("data"), &[]).await;
    let create = ["rule", "create", "--cluster", "eu-1", "--label", "eu"];
    for (more, flag) in [
        (["--role", "root"], "--role"),
        (["--address", "10.0.0.1/8"], "--address"),
        (["--name", "*"], "--name"),
        (["--max-nodes", "0"], "--max-nodes"),
        (["--example", "cluster=eu-2,admitted=true"], "--example"),
        (["--example", "cluster=eu-2"], "--example"),
    ] {
        let (code, error) = server.fails(&[&create[..], &more].concat());
        assert!(code == 2 && error.contains(flag), "{more:?}: {code} {error}");
    }
    let (code, error) = server.fails(&["rule", "create", "--cluster", "a b", "--label", "eu"]);
    assert!(code == 2 && error.contains("--cluster"), "{error}");
    assert_eq!(server.json(&["rule", "list"]), json!([]));
    server.stop().await;
}
