//! The lines for curl in docs/verifying.md work as they stand.

use std::process::Command;

use super::served::{PASSWORD, Served, eventually};
use super::tool::{self, Said};

const GUIDE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/verifying.md");
const AUDIENCE: &str = "https://jobs.example.org";

/// The output of each block for a valid and for a revoked token, by a word in it.
const SAYS: &[(&str, &str, &str)] = &[
    ("ca/root.pem", "sha256 Fingerprint=", "sha256 Fingerprint="),
    ("/oauth2/introspect", "\"active\":true", "{\"active\":false}"),
    ("/api/v1/verify", "\"valid\":true", "\"valid\":false"),
    ("/api/v1/authorize", "204", "401"),
    ("zlib", "valid", "revoked"),
    ("/status/events", "event: hello", "event: hello"),
];

fn blocks() -> Vec<String> {
    let text = std::fs::read_to_string(GUIDE).unwrap();
    let blocks = text.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap().to_owned());
    blocks.collect()
}

fn run(at: &Served, token: &str, block: &str) -> Said {
    let mut bash = Command::new("bash");
    bash.args(["-euo", "pipefail", "-c", block]).env("AUTHORITY", &at.url).env("ROOT", at.arg("fetched.pem"));
    bash.env("AUDIENCE", AUDIENCE).env("TOKEN", token).env("PASSWORD", PASSWORD);
    tool::run(&mut bash, "")
}

#[test]
fn the_guides_shell_blocks_work() {
    let at = Served::start_with(&[("GATEPASS_TOKENS__AUDIENCES", AUDIENCE)]);
    let (id, token) = at.mint_service(AUDIENCE, &["allocator"]);
    let blocks = blocks();
    assert_eq!(blocks.len(), SAYS.len(), "{blocks:?}");
    for (block, (word, good, _)) in blocks.iter().zip(SAYS) {
        assert!(block.contains(word), "{word} is not in\n{block}");
        // The list that has the token is signed a moment after the mint.
        eventually(&format!("{good:?}, said by\n{block}"), || {
            let said = run(&at, &token, block);
            println!("{}{}", said.out, said.err);
            (said.good && said.out.contains(good)).then_some(())
        });
    }
    at.revoke_service(&id);
    for (block, (_, _, revoked)) in blocks.iter().zip(SAYS) {
        // A list is signed again a moment later.
        eventually("the block to see the revocation", || {
            let said = run(&at, &token, block);
            println!("{}{}", said.out, said.err);
            (said.good && said.out.contains(revoked)).then_some(())
        });
    }
}
