//! `gatepass enrollment` and `gatepass token create --approval`.

use serde_json::json;

use super::{Shown, World, does_not_wait, requiring};
use crate::support::AtTerminal;

/// Two hosts that wait under one token.
async fn two_hosts(world: &World) -> [Shown; 2] {
    let token = requiring(&world.server.admin(), json!(null)).await;
    ["one", "two"].map(|name| does_not_wait(&world.certs(name), &token))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approver_is_asked_with_the_code() {
    let world = World::new().await;
    let [first, _] = two_hosts(&world).await;
    let approve = ["enrollment", "approve", &first.id];
    let (code, said) = world.server.fails(&approve);
    assert_eq!(code, 2, "{said}");
    assert!(said.contains(&first.code) && said.contains("--yes"), "{said}");
    let mut terminal = AtTerminal::start(&mut world.server.command(&approve), 120);
    let asked = terminal.asks("[y/N] ").await;
    for fact in ["Approve 1 host?", &first.code, "roles proxy", "address 127.0.0.1", "same code"] {
        assert!(asked.contains(fact), "{fact}: {asked}");
    }
    terminal.types("y\n");
    assert_eq!(terminal.ends().await.0, Some(0));
    assert_eq!(world.enrollment(&first.id)["state"], "approved");
    let said = world.server.told(&approve);
    assert!(said.contains("was approved before"), "a decided host is not asked about: {said}");
    let (code, said) = world.server.fails(&["enrollment", "deny", &first.id, "--reason", "late"]);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("already_decided"), "{said}");
    world.server.stop().await;
}

/// "one or many (`enrollments/decide`)"
#[tokio::test(flavor = "multi_thread")]
async fn several_hosts_are_decided_in_one_command() {
    let world = World::new().await;
    let [first, second] = two_hosts(&world).await;
    let unknown = "0198c0de-0000-7000-8000-000000000000";
    let approve = ["enrollment", "approve", &first.id, &second.id, unknown, "--yes"];
    let output = world.server.command(&approve).output().unwrap();
    let (shown, said) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert_eq!(shown.lines().filter(|line| line.starts_with("approved enrollment")).count(), 2, "{shown}");
    assert!(said.contains(unknown) && said.contains("(not_found)"), "{said}");
    let document = world.server.json(&["enrollment", "approve", &first.id, &second.id, "--yes"]);
    assert_eq!((&document["changed"], document["enrollments"].as_array().unwrap().len()), (&json!(0), 2));
    let (code, said) =
        world.server.fails(&["enrollment", "approve", &first.id, &second.id, "--role", "proxy", "--yes"]);
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("--role is for a single host"), "{said}");
    world.server.stop().await;
}

/// "with the roles given at approval"
#[tokio::test(flavor = "multi_thread")]
async fn an_approver_gives_other_roles() {
    let world = World::new().await;
    let [first, _] = two_hosts(&world).await;
    let approve = ["enrollment", "approve", &first.id, "--role", "director,allocator", "--yes"];
    let host = world.server.json(&approve)["host_id"].as_str().unwrap().to_owned();
    assert_eq!(world.server.json(&["host", "show", &host])["roles"], json!(["director", "allocator"]));
    world.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_select_enrollments_by_their_facts() {
    let world = World::new().await;
    let [first, second] = two_hosts(&world).await;
    world.server.told(&["enrollment", "deny", &first.id, "--reason", "-", "--keep-use", "--yes"]);
    let ids = |more: &[&str]| {
        let said = world.server.told(&[&["enrollment", "list", "-o", "id"], more].concat());
        said.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let token = world.enrollment(&first.id)["token_id"].as_str().unwrap().to_owned();
    let (denied, waiting) = (vec![first.id.clone()], vec![second.id.clone()]);
    assert_eq!(ids(&[]), waiting);
    assert_eq!(ids(&["--state", "denied"]), denied);
    assert_eq!(ids(&["--token", &token[token.len() - 8..], "--role", "proxy"]), waiting);
    assert!(ids(&["--role", "director"]).is_empty() && ids(&["--cluster", "eu-1"]).is_empty());
    let table = world.server.told(&["enrollment", "list"]);
    for word in ["CODE", "WAITING SINCE", &second.code, "rack-7", "proxy", "127.0.0.1"] {
        assert!(table.contains(word), "{word}: {table}");
    }
    let csv = world.server.told(&["enrollment", "ls", "-o", "csv"]);
    assert!(csv.contains(&second.id) && csv.starts_with("id,state,code,"), "{csv}");
    let shown = world.server.told(&["enrollment", "show", &first.id]);
    assert!(shown.contains("decided by") && shown.contains(&first.code), "{shown}");
    world.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_show_their_approval_mode() {
    let world = World::new().await;
    let mint = |more: &[&str]| world.server.told(&[&["token", "create", "--role", "proxy"], more].concat());
    let shown = mint(&["--approval", "require"]);
    assert!(shown.lines().any(|line| line.split_whitespace().eq(["approval", "require"])), "{shown}");
    assert!(!mint(&[]).contains("approval"));
    let id = shown.lines().find_map(|line| line.strip_prefix("id")).unwrap().trim();
    let item = world.server.told(&["token", "show", id]);
    assert!(item.lines().any(|line| line.split_whitespace().eq(["approval", "require"])), "{item}");
    let (code, said) = world.server.fails(&["token", "create", "--approval", "maybe"]);
    assert_eq!(code, 2, "{said}");
    world.server.stop().await;
}
