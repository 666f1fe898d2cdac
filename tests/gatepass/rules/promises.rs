//! The promises of Telovix's document about auto-approve rules. The doc comment of a test quotes each.

/// Each line of the document about approval and rules. Its console is no part of the authority.
const PROMISES: [&str; 9] = [
    "Auto-approve rules let you pre-configure which cluster identities and node roles are automatically accepted at enrollment \
     without per-enrollment operator approval.",
    "They are independent of tokens.",
    "Cluster identifier this rule applies to",
    "Human-readable label (max 128 chars)",
    "Node roles that are auto-approved (empty = all roles)",
    "Cap on the number of auto-approved nodes for this cluster",
    "the rule list with cluster ID, allowed roles, node cap, and delete button per rule",
    "To delete a rule, click the delete icon next to it",
    "Deleting a rule does not affect already-enrolled sensors.",
];

const TESTS: [&str; 3] = [include_str!("../rules.rs"), include_str!("enrolling.rs"), include_str!("cli.rs")];

#[test]
fn every_promise_about_rules_has_a_test() {
    let comments = TESTS.iter().flat_map(|file| file.lines()).filter_map(|line| line.strip_prefix("/// "));
    let comments = comments.collect::<Vec<_>>().join(" ");
    for promise in PROMISES {
        assert!(comments.contains(&format!("\"{promise}\"")), "no test quotes {promise:?}");
    }
}
