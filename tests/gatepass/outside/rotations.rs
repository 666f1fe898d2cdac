//! TLS clients of other stacks through rotations of the CA, and the stages of those rotations.

use serde_json::json;

use super::served::{Served, eventually};
use super::stack::Stack;
use super::tool::Said;
use super::use_with::page::{Row, check};

/// A state of the CA, which follows the one before.
#[derive(Clone, Copy, Debug)]
pub(super) enum Stage {
    Before,
    IssuingRotated,
    BothRotated,
}

/// The stages of every outside test, in the order of the tables.
pub(super) const STAGES: [Stage; 4] =
    [Stage::Before, Stage::IssuingRotated, Stage::BothRotated, Stage::BothRotated];

impl Stage {
    /// Rotates what leads to this stage, and waits until clients of the current root connect.
    pub(super) fn enter(self, at: &Served) {
        let root = match self {
            Self::Before => return,
            Self::IssuingRotated => false,
            Self::BothRotated => true,
        };
        let before = at.text("data/root.pem");
        let rotated = at.admin("POST", "/api/v1/ca/rotate", &json!({ "root": root }));
        assert_eq!(rotated.status, 200, "{}", rotated.body);
        assert_eq!(at.text("data/root.pem") != before, root, "{self:?}");
        let current = at.root();
        eventually("the listener to present its new certificate", || {
            Stack::Curl.connect(&current, port(at)).good.then_some(())
        });
    }
}

fn port(at: &Served) -> &str {
    at.url.rsplit_once(':').unwrap().1
}

#[test]
fn clients_of_the_first_root_connect_after_all_rotations() {
    let at = Served::start();
    let first = at.file("first.pem", &at.text("data/root.pem"));
    let other = at.file("other.pem", &Served::start().text("data/root.pem"));
    let mut answers = Stack::ALL.map(|_| Vec::new());
    for stage in STAGES {
        stage.enter(&at);
        for (stack, answers) in Stack::ALL.iter().zip(&mut answers) {
            let Said { good, out, err } = stack.connect(&first, port(&at));
            println!("{stack:?}, {stage:?}:\n{out}\n{err}");
            answers.push(if good { "connects" } else { "refuses" }.to_owned());
        }
    }
    for stack in Stack::ALL {
        assert!(!stack.connect(&other, port(&at)).good, "{stack:?} accepts another authority");
    }
    let rows = Stack::ALL.iter().zip(answers);
    let rows = rows.map(|(stack, cells)| Row { program: stack.name(), version: stack.version(), cells });
    check("client", &rows.collect::<Vec<_>>());
}
