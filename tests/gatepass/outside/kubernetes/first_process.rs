//! The daemon as the first process of a container: it reaps the processes that hooks leave behind.

use std::fs;
use std::process::Command;

use rustix::process::{Pid, Signal};

use super::node::Node;
use super::states::cluster_token;
use crate::outside::pod::{Pod, children};
use crate::outside::served::{Served, eventually};
use crate::outside::tool::run;

/// Leaves three processes behind: one ends while the hook runs, one after it, and one is the child of another that has ended.
const HOOK: &str = "sleep 0 & sleep 1 & (sleep 1 & ) ; sleep 0.1; echo the hook has left";

/// The state of a process: `Z` for a zombie.
fn state(process: Pid) -> Option<char> {
    let stat = fs::read_to_string(format!("/proc/{}/stat", process.as_raw_nonzero())).ok()?;
    stat.rsplit_once(") ")?.1.chars().next()
}

#[test]
fn the_daemon_leaves_no_zombies() {
    let at = Served::start();
    let node = Node::new("node-1").with_secret(&cluster_token(&at));
    node.goes_on();
    let root = at.path("root");
    fs::create_dir(&root).unwrap();
    let pod = Pod::of_binary(root).with(&node.identity(), "/etc/gatepass");
    let mut container = pod.start(&["/gatepass", "renew", "--daemon", "--on-renew", HOOK], &at.path("log"));
    container.says("next renewal at");
    // The hook is owed from the next certificate on.
    let mut renew = Command::new(env!("CARGO_BIN_EXE_gatepass"));
    run(renew.args(["renew", "--cert-dir"]).arg(node.identity()), "").expect_good();
    container.signal(Signal::HUP);
    container.says("gatepass renew: the hook has run");
    let daemon = container.first();
    eventually("every orphan ends and is reaped", || {
        let left = children(daemon);
        println!("{:?}", left.iter().map(|child| state(*child)).collect::<Vec<_>>());
        left.is_empty().then_some(())
    });
    container.signal(Signal::TERM);
    assert_eq!(container.ended(), Some(0));
}
