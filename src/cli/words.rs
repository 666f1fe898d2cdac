//! The words of the API in the server's refusals, as the command that was given has them.

use clap::{Arg, Command};

use crate::client::problem::ServerProblem;

/// Fields of requests, and the arguments that have another name.
const ARGUMENTS: [(&str, &str); 19] = [
    ("allowed_roles", "roles"),
    ("api_key", "api_key_file"),
    ("ca", "hosts_ca"),
    ("cluster_id", "cluster"),
    ("clusters", "cluster"),
    ("current", "current_password_file"),
    ("current_password", "current_password_file"),
    ("dns_names", "names"),
    ("key", "key_file"),
    ("max_ttl", "ttl"),
    ("max_uses", "max_nodes"),
    ("new", "password_file"),
    ("password", "password_file"),
    ("permissions", "scopes"),
    ("policies", "policy"),
    ("policy", "with_policy"),
    ("service_token", "service_token_file"),
    ("unused_for", "unused"),
    ("username", "name"),
];

/// Advice of the API, and the same advice for the command line.
const ADVICE: [(&str, &str); 5] = [
    ("or set drop_roles", "or give --drop-roles"),
    ("set persistent to true", "give --persistent"),
    ("null for unlimited", "--unlimited"),
    ("(bind.cluster)", "(--cluster)"),
    (
        "confirm with confirm=emergency, in the query, or in the form where there is one (--emergency)",
        "give --emergency",
    ),
];

/// Replaces the words of the API in a refusal by those of `command`.
pub(super) fn translate(problem: &mut ServerProblem, command: &Command) {
    advise(&mut problem.body.detail);
    for field in &mut problem.body.fields {
        advise(&mut field.message);
        if let Some(argument) = argument(command, &field.field) {
            field.field = shown(argument);
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

/// The argument for a field such as `roles[2]` or `limits.roles`.
fn argument<'a>(command: &'a Command, field: &str) -> Option<&'a Arg> {
    let path = field.split('[').next().unwrap_or(field);
    let name = path.rsplit('.').next().unwrap_or(path);
    // A flag of the connection is no field: `--ca` names the CA of the server.
    let fields =
        || command.get_arguments().filter(|argument| argument.get_help_heading() != Some("Connection"));
    let find = |id: &str| fields().find(|argument| argument.get_id() == id);
    let other = ARGUMENTS.iter().filter(|(field, _)| *field == name);
    find(name).or_else(|| other.filter_map(|(_, id)| find(id)).next())
}

/// An argument as help shows it: `--role`, or `NAME`.
fn shown(argument: &Arg) -> String {
    match (argument.get_long(), argument.get_value_names()) {
        (Some(long), _) => format!("--{long}"),
        (None, Some([name, ..])) => name.to_string(),
        (None, _) => argument.get_id().as_str().to_uppercase(),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;
    use crate::cli::Cli;
    use crate::wire::{FieldError, ProblemBody};

    fn translated(verbs: [&str; 2], detail: &str, fields: &[(&str, &str)]) -> (String, Vec<String>) {
        let line = Cli::command();
        let command = verbs.iter().fold(&line, |command, verb| command.find_subcommand(verb).unwrap());
        let fields = fields.iter().map(|(field, message)| FieldError::new(*field, *message)).collect();
        let body = ProblemBody { detail: detail.to_owned(), fields, ..ProblemBody::default() };
        let mut problem = ServerProblem { body, ..ServerProblem::default() };
        translate(&mut problem, command);
        let shown = problem.body.fields.iter().map(|field| format!("{}: {}", field.field, field.message));
        (problem.body.detail.clone(), shown.collect())
    }

    #[test]
    fn a_refusal_names_flags() {
        let (detail, fields) = translated(
            ["token", "create"],
            "this is the emergency token: confirm with confirm=emergency, in the query, or in the form where there is one \
             (--emergency)",
            &[
                ("roles[2]", "unknown role"),
                ("max_uses", "from 1 to 9, or null for unlimited"),
                ("ttl", "at most 24h: ask for less, or set persistent to true"),
                ("csr", "no request"),
            ],
        );
        assert_eq!(detail, "this is the emergency token: give --emergency");
        assert_eq!(
            fields,
            [
                "--role: unknown role",
                "--max-uses: from 1 to 9, or --unlimited",
                "--ttl: at most 24h: ask for less, or give --persistent",
                "csr: no request"
            ]
        );
    }

    #[test]
    fn a_field_is_an_argument_of_the_given_command() {
        for (verbs, field, argument) in [
            (["token", "create"], "max_ttl", "--ttl"),
            (["token", "create"], "clusters", "--cluster"),
            (["token", "create"], "bind.cluster", "--cluster"),
            (["token", "list"], "unused_for", "--unused"),
            (["user", "create"], "limits.max_ttl", "--max-ttl"),
            (["user", "create"], "username", "NAME"),
            (["user", "set-password"], "password", "--password-file"),
            (["user", "change-password"], "new", "--password-file"),
            (["api-key", "create"], "scopes[1]", "--scope"),
            (["api-key", "create"], "current_password", "--current-password-file"),
            (["host", "revoke"], "hostname", "--hostname"),
            (["host", "list"], "policy", "--policy"),
            (["host", "move"], "policy", "--policy"),
            (["settings", "set"], "default_ttl", "default_ttl"),
        ] {
            let (_, fields) = translated(verbs, "", &[(field, "wrong")]);
            assert_eq!(fields, [format!("{argument}: wrong")], "{verbs:?}");
        }
    }
}
