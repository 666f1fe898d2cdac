//! `gatepass token create`.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Map, Value, json};

use crate::cli::error::CliError;
use crate::cli::output::{self, Format, line};
use crate::cli::private;
use crate::cli::remote::Remote;
use crate::config::Environment;
use crate::secret::Secret;

/// Mint a token
///
/// Without flags: one use, 15 minutes. A persistent one lives until it is revoked, for any number of hosts, unless told
/// otherwise. The token is shown once and kept nowhere.
#[derive(Args)]
#[command(after_long_help = "Examples:
  gatepass token create --role proxy --label rack-7
  gatepass token create --role allocator --role proxy --ttl 1h --max-uses 20
  gatepass token create --persistent --label image-builder
  gatepass token create --quiet --role proxy | ssh node-1 gatepass enroll -")]
pub(crate) struct Create {
    #[command(flatten)]
    remote: Remote,
    /// A role the host gets; may be repeated, or joined with commas
    #[arg(long = "role", alias = "roles", value_name = "NAME", value_delimiter = ',')]
    roles: Vec<String>,
    /// Live until revoked, unless --ttl or --expires-at says otherwise
    #[arg(long)]
    persistent: bool,
    /// What to know it by, at most 128 characters
    #[arg(long, value_name = "TEXT")]
    label: Option<String>,
    /// How long it lives: 90s, 15m, 36h, 30d
    #[arg(long, value_name = "SPAN", conflicts_with = "expires_at")]
    ttl: Option<String>,
    /// Until when it lives, RFC 3339
    #[arg(long, value_name = "TIME")]
    expires_at: Option<String>,
    /// How many hosts it admits
    #[arg(long, value_name = "N", conflicts_with = "unlimited")]
    max_uses: Option<u64>,
    /// It admits any number of hosts
    #[arg(long)]
    unlimited: bool,
    /// A DNS name the host may ask for, such as node-1.example.org or *.nodes.example.org; may be repeated
    #[arg(long = "dns-name", value_name = "PATTERN")]
    dns_names: Vec<String>,
    /// Only the key with this RFC 7638 thumbprint may redeem it
    #[arg(long, value_name = "THUMBPRINT")]
    key_thumbprint: Option<String>,
    /// Print the token alone
    #[arg(short, long)]
    quiet: bool,
    /// Write the token to a file of mode 0600 instead of printing it
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

impl Create {
    pub(super) async fn run(self, environment: &Environment) -> Result<(), CliError> {
        let api = self.remote.connect(environment)?;
        let mut answer = api.post("/api/v1/enrollment-tokens", &self.body()).await?;
        if let Some(path) = &self.out {
            let token = Secret::new(format!("{}\n", answer["token"].as_str().unwrap_or_default()));
            private::write(path, &token)?;
            answer["token"] = json!(format!("in {}", path.display()));
        }
        match (self.remote.output, self.quiet) {
            (_, true) if self.out.is_some() => Ok(()),
            (_, true) => line(answer["token"].as_str().unwrap_or_default()),
            (Format::Json, false) => output::json(&answer),
            (Format::Table, false) => show(&answer, self.out.as_deref()),
        }
    }

    /// Only what was asked for: the server has the defaults.
    fn body(&self) -> Value {
        let mut body = Map::new();
        let mut put = |key: &str, value: Value| drop(body.insert(key.to_owned(), value));
        put("roles", json!(self.roles));
        put("persistent", json!(self.persistent));
        let texts = [
            ("label", &self.label),
            ("ttl", &self.ttl),
            ("expires_at", &self.expires_at),
            ("key_thumbprint", &self.key_thumbprint),
        ];
        for (key, text) in texts {
            if let Some(text) = text {
                put(key, json!(text));
            }
        }
        match (self.max_uses, self.unlimited) {
            (Some(uses), _) => put("max_uses", json!(uses)),
            (None, true) => put("max_uses", Value::Null),
            (None, false) => {}
        }
        if !self.dns_names.is_empty() {
            put("dns_names", json!(self.dns_names));
        }
        Value::Object(body)
    }
}

fn show(answer: &Value, file: Option<&Path>) -> Result<(), CliError> {
    let rows = [
        ("token", "token"),
        ("id", "token_id"),
        ("roles", "roles"),
        ("label", "label"),
        ("expires", "expires_at"),
        ("uses", "max_uses"),
        ("root", "ca_fingerprint"),
    ];
    output::one(Format::Table, answer, &rows)?;
    match (file, answer["install_command"].as_str()) {
        (Some(file), _) => line(format!(
            "\nThe token is in the file alone. Bring it to the new host, and there:\n  \
             gatepass enroll --token-file {0} && rm {0}",
            file.display()
        )),
        (None, Some(command)) => line(format!(
            "\nThe token is shown once. On the new host, paste this line, then the token:\n  {command}"
        )),
        (None, None) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        create: Create,
    }

    fn body(args: &[&str]) -> Value {
        let line = Line::try_parse_from(std::iter::once("create").chain(args.iter().copied()));
        line.map_err(|error| error.to_string()).unwrap().create.body()
    }

    #[test]
    fn what_was_not_asked_for_is_left_to_the_server() {
        assert_eq!(body(&[]), json!({"roles": [], "persistent": false}));
    }

    #[test]
    fn unlimited_is_said_with_null_and_a_number_with_itself() {
        assert_eq!(body(&["--unlimited"])["max_uses"], Value::Null);
        assert!(body(&["--unlimited"]).as_object().unwrap().contains_key("max_uses"));
        assert_eq!(body(&["--max-uses", "3"])["max_uses"], json!(3));
    }

    #[test]
    fn roles_may_be_joined_or_repeated() {
        assert_eq!(body(&["--role", "a,b", "--role", "c"])["roles"], json!(["a", "b", "c"]));
    }
}
