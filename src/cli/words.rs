//! The words of the API in the server's refusals, as the command line has them.

use crate::client::problem::ServerProblem;

/// Fields of requests whose flags have another name.
const FLAGS: [(&str, &str); 7] = [
    ("roles", "--role"),
    ("dns_names", "--dns-name"),
    ("clusters", "--cluster"),
    ("bind.cluster", "--cluster"),
    ("permissions", "--scope"),
    ("scopes", "--scope"),
    ("unused_for", "--unused"),
];

/// Fields whose flags have the same name.
const SAME: [&str; 9] =
    ["max_uses", "max_ttl", "persistent", "ttl", "expires_at", "label", "key_thumbprint", "audience", "name"];

/// Advice of the API, and the same advice for the command line.
const ADVICE: [(&str, &str); 4] = [
    ("set persistent to true", "give --persistent"),
    ("null for unlimited", "--unlimited"),
    ("(bind.cluster)", "(--cluster)"),
    (
        "confirm with confirm=emergency, in the query, or in the form where there is one (--emergency)",
        "give --emergency",
    ),
];

/// Replaces the words of the API in a refusal.
pub(super) fn translate(problem: &mut ServerProblem) {
    advise(&mut problem.body.detail);
    for field in &mut problem.body.fields {
        advise(&mut field.message);
        if let Some(flag) = flag(&field.field) {
            field.field = flag;
        }
    }
}

fn advise(text: &mut String) {
    for (api, command_line) in ADVICE {
        if text.contains(api) {
            *text = text.replace(api, command_line);
        }
    }
}

/// The flag of a field such as `roles[2]`.
fn flag(field: &str) -> Option<String> {
    let name = field.split('[').next().unwrap_or(field);
    let other = FLAGS.iter().find(|(api, _)| *api == name).map(|(_, flag)| (*flag).to_owned());
    other.or_else(|| SAME.contains(&name).then(|| format!("--{}", name.replace('_', "-"))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{FieldError, ProblemBody};

    #[test]
    fn a_refusal_names_flags() {
        let field = |field: &str, message: &str| FieldError::new(field, message);
        let body = ProblemBody {
            detail: String::from(
                "this is the emergency token: confirm with confirm=emergency, in the query, or in the form where there is one (--emergency)",
            ),
            fields: vec![
                field("roles[2]", "unknown role"),
                field("max_uses", "from 1 to 9, or null for unlimited"),
                field("ttl", "at most 24h: ask for less, or set persistent to true"),
                field("csr", "no request"),
            ],
            ..ProblemBody::default()
        };
        let mut problem = ServerProblem { body, ..ServerProblem::default() };
        translate(&mut problem);
        let problem = problem.body;
        assert_eq!(problem.detail, "this is the emergency token: give --emergency");
        let shown = problem.fields.iter().map(|field| format!("{}: {}", field.field, field.message));
        assert_eq!(
            shown.collect::<Vec<_>>(),
            [
                "--role: unknown role",
                "--max-uses: from 1 to 9, or --unlimited",
                "--ttl: at most 24h: ask for less, or give --persistent",
                "csr: no request"
            ]
        );
    }
}
