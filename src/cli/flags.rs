//! Flags that select tokens or hosts, for lists and bulk revocations.

use clap::Args;
use clap::builder::RangedU64ValueParser;

use super::ask::SecretArg;
use super::consent::Consent;
use super::error::CliError;
use super::given_name::GivenPolicy;
use super::short_id::{GivenId, whole_actor};
use crate::client::api::Api;
use crate::id::TokenId;
use crate::text::percent_encoded;

/// Flags that select tokens.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct TokenFlags {
    /// Only in this state: pending, active, used, exhausted, expired, suspended, revoked; separate several by commas
    #[arg(long, value_name = "STATE")]
    state: Option<String>,
    /// Only of this kind: one-time, cluster, rollout, roles, re-enrollment, policy, emergency, custom; separate several by
    /// commas
    #[arg(long, value_name = "KIND")]
    kind: Option<String>,
    /// Only with this role
    #[arg(long, value_name = "NAME")]
    role: Option<String>,
    /// Only with this label; `*` stands for any text
    #[arg(long, value_name = "TEXT")]
    label: Option<String>,
    /// Only minted by this user, or by this actor as a list or the ledger names it, such as "api-key 0f1e2d3c". Tokens minted
    /// by a user's API keys count as the keys', not the user's
    #[arg(long, value_name = "NAME")]
    minter: Option<String>,
    /// Only minted in the batch with this id, by `token create --count` or with an idempotency key
    #[arg(long, value_name = "ID")]
    batch: Option<String>,
    /// Only for hosts of the policy with this name or id
    #[arg(long, value_name = "NAME", value_parser = GivenPolicy::parse)]
    policy: Option<GivenPolicy>,
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
    pub(crate) const NAMES: [&str; 10] =
        ["state", "kind", "role", "label", "minter", "batch", "policy", "unused", "persistent", "ephemeral"];

    /// Returns true if a state is given.
    pub(crate) const fn has_state(&self) -> bool {
        self.state.is_some()
    }

    /// The same flags with the minter as the server names it, and the whole id of the policy.
    pub(crate) async fn whole(&self, api: &Api) -> Result<Self, CliError> {
        let minter = match &self.minter {
            Some(minter) => Some(whole_actor(minter, api).await?),
            None => None,
        };
        let policy = match &self.policy {
            Some(policy) => Some(GivenPolicy::of(policy.whole(api).await?)),
            None => None,
        };
        Ok(Self { minter, policy, ..self.clone() })
    }

    /// The query parameters; empty without flags.
    pub(crate) fn query(&self) -> Vec<String> {
        let Self { state, kind, role, label, minter, batch, policy, unused, persistent, ephemeral } = self;
        let policy = policy.as_ref().map(|policy| policy.as_str().to_owned());
        let persistent = match (persistent, ephemeral) {
            (true, _) => Some(String::from("true")),
            (_, true) => Some(String::from("false")),
            (false, false) => None,
        };
        parameters([
            ("state", state),
            ("kind", kind),
            ("role", role),
            ("label", label),
            ("minter", minter),
            ("batch", batch),
            ("policy", &policy),
            ("unused_for", unused),
            ("persistent", &persistent),
        ])
    }
}

/// Flags that select hosts.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct HostFlags {
    /// Only enrolled with the token with this id, or with its last 8 characters
    #[arg(long, value_name = "ID", value_parser = GivenId::<TokenId>::parse)]
    token: Option<GivenId<TokenId>>,
    /// Only in this state: active, expiring, lapsed, quarantined, revoked; live is active or expiring. Separate several by commas
    #[arg(long, value_name = "STATE")]
    state: Option<String>,
    /// Only with this role
    #[arg(long, value_name = "NAME")]
    role: Option<String>,
    /// Only with this DNS name; `*` stands for any text
    #[arg(long, value_name = "TEXT")]
    name: Option<String>,
    /// Only with this label; `*` stands for any text. Revocations and releases ignore labels that hosts reported
    #[arg(long, value_name = "TEXT")]
    label: Option<String>,
    /// Only with this hostname, as the host reported it; `*` stands for any text. Only for lists
    #[arg(long, value_name = "TEXT")]
    hostname: Option<String>,
    /// Only in this cluster
    #[arg(long, value_name = "ID")]
    cluster: Option<String>,
    /// Only with the policy of this name or id
    #[arg(long = "policy", value_name = "NAME", value_parser = GivenPolicy::parse)]
    with_policy: Option<GivenPolicy>,
    /// Only not in contact for this time, such as 90d. The daemon of a host checks in about every five minutes
    #[arg(long, value_name = "SPAN")]
    seen_before: Option<String>,
    /// Only with a valid certificate that expires within this time, such as 7d
    #[arg(long, value_name = "SPAN")]
    expires_within: Option<String>,
    /// Only hosts that have not renewed although it was time; expired ones too
    #[arg(long)]
    overdue: bool,
}

impl HostFlags {
    /// The names of the flags, for clap.
    pub(crate) const NAMES: [&str; 11] = [
        "token",
        "state",
        "role",
        "name",
        "label",
        "hostname",
        "cluster",
        "policy",
        "seen-before",
        "expires-within",
        "overdue",
    ];

    /// Returns true if a state is given.
    pub(crate) const fn has_state(&self) -> bool {
        self.state.is_some()
    }

    /// The same flags with the whole ids of token and policy.
    pub(crate) async fn whole(&self, api: &Api) -> Result<Self, CliError> {
        let token = match &self.token {
            Some(token) => Some(GivenId::Whole(token.whole(api).await?)),
            None => None,
        };
        let with_policy = match &self.with_policy {
            Some(policy) => Some(GivenPolicy::of(policy.whole(api).await?)),
            None => None,
        };
        Ok(Self { token, with_policy, ..self.clone() })
    }

    /// Returns true if a label or a hostname is given, which may be a host's own words.
    pub(crate) const fn has_words(&self) -> bool {
        self.label.is_some() || self.hostname.is_some()
    }

    /// The query parameters; empty without flags.
    pub(crate) fn query(&self) -> Vec<String> {
        let Self { token, state, role, name, label, hostname, cluster, .. } = self;
        let Self { with_policy, seen_before, expires_within, overdue, .. } = self;
        let policy = with_policy.as_ref().map(|policy| policy.as_str().to_owned());
        let token = token.as_ref().map(GivenId::to_string);
        let overdue = overdue.then(|| String::from("true"));
        parameters([
            ("token", &token),
            ("state", state),
            ("role", role),
            ("name", name),
            ("label", label),
            ("hostname", hostname),
            ("cluster", cluster),
            ("policy", &policy),
            ("seen_before", seen_before),
            ("expires_within", expires_within),
            ("overdue", &overdue),
        ])
    }
}

/// Parser of a maximum number of results, for clap.
pub(crate) fn at_least_one() -> RangedU64ValueParser<usize> {
    RangedU64ValueParser::new().range(1..)
}

/// The query parameters that are given.
pub(crate) fn parameters<const N: usize>(given: [(&str, &Option<String>); N]) -> Vec<String> {
    let given = given.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?)));
    given.map(|(name, value)| format!("{name}={}", percent_encoded(value))).collect()
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
    /// Ids of the tokens or their last 8 characters, not the tokens themselves
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
        let flags = "x --state used,expired --role proxy --label a&b --minter anna --batch b --policy 456789ab --unused 30d --persistent";
        let which = TokensLine::try_parse_from(flags.split(' ')).ok().unwrap().which;
        let words = [
            "state=used%2Cexpired",
            "role=proxy",
            "label=a%26b",
            "minter=anna",
            "batch=b",
            "policy=456789ab",
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
        let flags = format!(
            "x --token {id} --state live --role proxy --name n --label l --hostname h --cluster c --policy p --seen-before 7d --expires-within 3d --overdue"
        );
        let which = HostsLine::try_parse_from(flags.split(' ')).ok().unwrap().which;
        let token = format!("token={id}");
        let words = [
            &token,
            "state=live",
            "role=proxy",
            "name=n",
            "label=l",
            "hostname=h",
            "cluster=c",
            "policy=p",
            "seen_before=7d",
            "expires_within=3d",
            "overdue=true",
        ];
        assert_eq!(which.query(), words);
        assert_eq!(words.len(), HostFlags::NAMES.len());
        assert!(which.has_state());
        assert_eq!(HostsLine::try_parse_from(["x"]).ok().unwrap().which.query(), Vec::<String>::new());
    }
}
