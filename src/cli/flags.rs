//! Flags that select tokens or hosts, for lists and bulk revocations.

use clap::Args;
use clap::builder::RangedU64ValueParser;

use super::ask::SecretArg;
use super::consent::Consent;
use super::error::CliError;
use crate::client::api::encode;
use crate::id::TokenId;

/// Flags that select tokens.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct TokenFlags {
    /// Only in this state: pending, active, used, exhausted, expired, revoked; separate several by commas
    #[arg(long, value_name = "STATE")]
    state: Option<String>,
    /// Only with this role
    #[arg(long, value_name = "NAME")]
    role: Option<String>,
    /// Only with this label; `*` stands for any text
    #[arg(long, value_name = "TEXT")]
    label: Option<String>,
    /// Only minted by this user, the API key with this id, or this actor in the ledger. Tokens minted by a user's API keys
    /// count as the keys', not the user's
    #[arg(long, value_name = "NAME")]
    minter: Option<String>,
    /// Only neither minted nor used for this time, such as 30d
    #[arg(long, value_name = "SPAN")]
    unused: Option<String>,
    /// Only persistent ones
    #[arg(long, conflicts_with = "ephemeral")]
    persistent: bool,
    /// Only ephemeral ones
    #[arg(long)]
    ephemeral: bool,
}

impl TokenFlags {
    /// The names of the flags, for clap.
    pub(crate) const NAMES: [&str; 7] =
        ["state", "role", "label", "minter", "unused", "persistent", "ephemeral"];

    /// Returns true if a state is given.
    pub(crate) const fn has_state(&self) -> bool {
        self.state.is_some()
    }

    /// The query parameters; empty without flags.
    pub(crate) fn query(&self) -> Vec<String> {
        let Self { state, role, label, minter, unused, persistent, ephemeral } = self;
        let kind = match (persistent, ephemeral) {
            (true, _) => Some(String::from("true")),
            (_, true) => Some(String::from("false")),
            (false, false) => None,
        };
        parameters([
            ("state", state),
            ("role", role),
            ("label", label),
            ("minter", minter),
            ("unused_for", unused),
            ("persistent", &kind),
        ])
    }
}

/// Flags that select hosts.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct HostFlags {
    /// Only enrolled with the token with this id
    #[arg(long, value_name = "ID", value_parser = parse_token)]
    token: Option<TokenId>,
    /// Only in this state: live, expired, revoked; separate several by commas
    #[arg(long, value_name = "STATE")]
    state: Option<String>,
    /// Only with this role
    #[arg(long, value_name = "NAME")]
    role: Option<String>,
    /// Only with this DNS name; `*` stands for any text
    #[arg(long, value_name = "TEXT")]
    name: Option<String>,
}

impl HostFlags {
    /// The names of the flags, for clap.
    pub(crate) const NAMES: [&str; 4] = ["token", "state", "role", "name"];

    /// Returns true if a state is given.
    pub(crate) const fn has_state(&self) -> bool {
        self.state.is_some()
    }

    /// The query parameters; empty without flags.
    pub(crate) fn query(&self) -> Vec<String> {
        let Self { token, state, role, name } = self;
        let token = token.map(|id| id.to_string());
        parameters([("token", &token), ("state", state), ("role", role), ("name", name)])
    }
}

/// Parser of a maximum number of results, for clap.
pub(crate) fn at_least_one() -> RangedU64ValueParser<usize> {
    RangedU64ValueParser::new().range(1..)
}

fn parse_token(text: &str) -> Result<TokenId, String> {
    // The text is not repeated: it may be a whole token.
    TokenId::parse(text)
        .ok_or_else(|| String::from("a token's id looks like 0190a0b0-0000-7000-8000-000000000000"))
}

fn parameters<const N: usize>(given: [(&str, &Option<String>); N]) -> Vec<String> {
    let given = given.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?)));
    given.map(|(name, value)| format!("{name}={}", encode(value))).collect()
}

/// `path` with these query parameters.
pub(crate) fn with_query(path: &str, parameters: &[String]) -> String {
    if parameters.is_empty() { path.to_owned() } else { format!("{path}?{}", parameters.join("&")) }
}

/// The items of a revocation: ids, flags that select, or all.
#[derive(Args)]
pub(crate) struct Selection<Which: Args> {
    #[command(flatten)]
    pub(crate) consent: Consent,
    /// Ids of the tokens, not the tokens themselves
    #[arg(value_parser = SecretArg::accept)]
    pub(crate) ids: Vec<SecretArg>,
    #[command(flatten)]
    pub(crate) which: Which,
    /// Select all, instead of ids or filters
    #[arg(long)]
    pub(crate) all: bool,
}

/// Requires exactly one of ids, selecting flags and `--all`. `names` are the names of the selecting flags.
pub(crate) fn one_selection(ids: usize, flags: usize, all: bool, names: &[&str]) -> Result<(), CliError> {
    match (ids > 0, flags > 0, all) {
        (false, false, false) => Err(CliError::Usage(format!(
            "select by IDS, by --all, or by at least one of --{}; nothing was done",
            names.join(", --")
        ))),
        (true, true, _) | (true, _, true) => Err(CliError::Usage(String::from(
            "IDS cannot be combined with --all or flags that select: nothing was done",
        ))),
        (_, true, true) => Err(CliError::Usage(String::from(
            "--all cannot be combined with flags that select: nothing was done",
        ))),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct TokensLine {
        #[command(flatten)]
        which: TokenFlags,
    }

    #[derive(Parser)]
    struct HostsLine {
        #[command(flatten)]
        which: HostFlags,
    }

    #[test]
    fn every_token_flag_is_a_query_parameter() {
        let flags = "x --state used,expired --role proxy --label a&b --minter anna --unused 30d --persistent";
        let which = TokensLine::try_parse_from(flags.split(' ')).ok().unwrap().which;
        let words = [
            "state=used%2Cexpired",
            "role=proxy",
            "label=a%26b",
            "minter=anna",
            "unused_for=30d",
            "persistent=true",
        ];
        assert_eq!(which.query(), words);
        assert!(which.has_state());
        let which = TokensLine::try_parse_from(["x", "--ephemeral"]).ok().unwrap().which;
        assert_eq!((which.query(), which.has_state()), (vec![String::from("persistent=false")], false));
        assert!(TokensLine::try_parse_from(["x", "--ephemeral", "--persistent"]).is_err());
        assert_eq!(TokensLine::try_parse_from(["x"]).ok().unwrap().which.query(), Vec::<String>::new());
    }

    #[test]
    fn exactly_one_way_to_select_is_accepted() {
        let judge = |ids, flags, all| one_selection(ids, flags, all, &TokenFlags::NAMES);
        for (ids, flags, all) in [(2, 0, false), (0, 1, false), (0, 0, true)] {
            assert!(judge(ids, flags, all).is_ok(), "{ids} {flags} {all}");
        }
        for (ids, flags, all) in [(1, 1, false), (1, 0, true), (0, 1, true), (1, 1, true), (0, 0, false)] {
            assert_eq!(judge(ids, flags, all).unwrap_err().exit_code(), 2, "{ids} {flags} {all}");
        }
        let text = judge(0, 0, false).unwrap_err().to_string();
        for word in TokenFlags::NAMES
            .map(|name| format!("--{name}"))
            .iter()
            .map(String::as_str)
            .chain(["IDS", "--all"])
        {
            assert!(text.contains(word), "{word}: {text}");
        }
    }

    #[test]
    fn every_host_flag_is_a_query_parameter() {
        let id = "0190a0b0-0000-7000-8000-000000000000";
        let flags = ["x", "--token", id, "--state", "live", "--role", "proxy", "--name", "n"];
        let which = HostsLine::try_parse_from(flags).ok().unwrap().which;
        assert_eq!(which.query(), [&format!("token={id}"), "state=live", "role=proxy", "name=n"]);
        assert!(which.has_state());
        assert_eq!(HostsLine::try_parse_from(["x"]).ok().unwrap().which.query(), Vec::<String>::new());
    }
}
