//! The lines of Elastic's document about enrollment tokens. The doc comment of a test quotes each.

/// Each promise of the document, except those about outputs.
const PROMISES: [&str; 21] = [
    "The enrollment token enrolls the Elastic Agent in a specific agent policy that defines the data to be collected by the agent",
    "You can use the token as many times as needed. It will remain valid until you revoke it.",
    "After the initial connection request from Elastic Agent, Fleet Server passes a communication API key to the agent.",
    "This API key includes only the necessary permissions to communicate with Fleet Server.",
    "If the API key is invalid, Fleet Server stops communicating with Elastic Agent.",
    "Create enrollment tokens and use them to enroll Elastic Agents in specific policies.",
    "When you use the Fleet UI to add an agent or create a new policy, Fleet creates an enrollment token for you automatically.",
    "Name your token and select an agent policy.",
    "Note that the token name you specify must be unique so as to avoid conflict with any existing API keys.",
    "In the list of tokens, click the Show token icon to see the token secret.",
    "All Elastic Agents enrolled through this token will use the selected policy unless you assign or enroll them in a different \
     policy.",
    "You can use the Fleet API to get a list of enrollment tokens.",
    "You can revoke an enrollment token that you no longer wish to use to enroll Elastic Agents in an agent policy in Fleet.",
    "Revoking an enrollment token essentially invalidates the API key used by agents to communicate with Fleet Server.",
    "You can no longer use this token to enroll Elastic Agents. However, the currently enrolled agents will continue to function.",
    "To re-enroll your Elastic Agents, use an active enrollment token.",
    "Note that when an enrollment token is revoked it is not immediately deleted.",
    "Deletion occurs automatically after the duration specified",
    "The token name may not be re-used when you create an enrollment token.",
    "The token continues to be visible in the Fleet UI.",
    "The token continues to be returned by a GET /api/fleet/enrollment_api_keys API request.",
];

const TESTS: [&str; 6] = [
    include_str!("promises.rs"),
    include_str!("contract.rs"),
    include_str!("../policies/tokens.rs"),
    include_str!("../checkin.rs"),
    include_str!("../access_tokens.rs"),
    include_str!("../access_tokens/ended.rs"),
];

#[test]
fn every_promise_about_fleet_tokens_has_a_test() {
    let comments = TESTS.iter().flat_map(|file| file.lines()).filter_map(|line| line.strip_prefix("/// "));
    let comments = comments.collect::<Vec<_>>().join(" ");
    for promise in PROMISES {
        assert!(comments.contains(&format!("\"{promise}\"")), "no test quotes {promise:?}");
    }
}
