//! Limits of a user or an API key, as flags.

use clap::Args;
use serde_json::{Map, Value, json};

use super::error::CliError;
use super::given_name::GivenPolicy;
use crate::client::api::{Api, given};

/// The value for no limit.
const ANY: &str = "any";

/// Limits. Defaults: no roles, no DNS names, one hour, one use, not persistent, no cluster, no policy.
#[derive(Args)]
pub(crate) struct LimitFlags {
    /// Role that tokens and hosts may get, or any; repeatable, or separated by commas
    #[arg(long = "role", value_name = "NAME", value_delimiter = ',', help_heading = "Limits")]
    roles: Vec<String>,
    /// DNS name that tokens may allow, *.DOMAIN for every name directly below it, or any; repeatable, or separated by
    /// commas
    #[arg(long = "dns-name", value_name = "PATTERN", value_delimiter = ',', help_heading = "Limits")]
    dns_names: Vec<String>,
    /// Maximum lifetime of a token: 90s, 15m, 36h, 30d, or any
    #[arg(long, value_name = "SPAN", help_heading = "Limits")]
    max_ttl: Option<String>,
    /// Maximum uses of a token, or any
    #[arg(long, value_name = "N", help_heading = "Limits")]
    max_uses: Option<String>,
    /// Allow persistent tokens
    #[arg(long, help_heading = "Limits")]
    persistent: bool,
    /// Cluster to bind tokens to, or any; every token must be bound to one. Repeatable, or separated by commas
    #[arg(long = "cluster", value_name = "ID", value_delimiter = ',', help_heading = "Limits")]
    clusters: Vec<String>,
    /// Policy that tokens and hosts may get, by its name or id, or any; repeatable, or separated by commas
    #[arg(long = "policy", value_name = "NAME", value_delimiter = ',', help_heading = "Limits")]
    policies: Vec<String>,
    /// No limits
    #[arg(
        long,
        help_heading = "Limits",
        conflicts_with_all = ["roles", "dns_names", "max_ttl", "max_uses", "persistent", "clusters", "policies"]
    )]
    any: bool,
}

impl LimitFlags {
    /// The limits with the ids of policies, as requests have them; `None` without flags. Names of policies are looked up.
    pub(crate) async fn whole(&self, api: &Api) -> Result<Option<Value>, CliError> {
        let mut limits = self.value()?;
        let policies = limits.as_mut().and_then(|limits| limits.get_mut("policies"));
        for policy in policies.and_then(Value::as_array_mut).into_iter().flatten() {
            let given = GivenPolicy::parse(policy.as_str().unwrap_or_default()).map_err(CliError::Usage)?;
            *policy = json!(given.whole(api).await?);
        }
        Ok(limits)
    }

    /// The limits as they are given; `None` without flags.
    pub(crate) fn value(&self) -> Result<Option<Value>, CliError> {
        if self.any {
            return Ok(Some(json!(ANY)));
        }
        let limits = given(json!({
            "roles": names("--role", &self.roles)?, "dns_names": names("--dns-name", &self.dns_names)?,
            "max_ttl": self.max_ttl, "max_uses": self.max_uses.as_deref().map(amount).transpose()?,
            "persistent": self.persistent.then_some(true), "clusters": names("--cluster", &self.clusters)?,
            "policies": names("--policy", &self.policies)?,
        }));
        Ok(Some(limits).filter(|limits| *limits != json!({})))
    }

    /// The error where limits are required.
    pub(crate) fn missing() -> CliError {
        CliError::Usage(String::from(
            "give at least one of --role, --dns-name, --max-ttl, --max-uses, --persistent, --cluster, --policy; or --any",
        ))
    }
}

/// The list entry of a user or key: limits are shortened to a word.
pub(crate) fn listed(item: &Value) -> Value {
    let mut listed = item.clone();
    let none = |limits: &Map<String, Value>| limits.values().all(|limit| *limit == ANY || *limit == true);
    if let Some(limits) = item["limits"].as_object() {
        listed["limits"] = json!(if none(limits) { ANY } else { "some" });
    }
    listed
}

/// The values of a repeatable flag; `None` without any.
fn names(flag: &str, values: &[String]) -> Result<Option<Value>, CliError> {
    match values {
        [] => Ok(None),
        [any] if any == ANY => Ok(Some(json!(ANY))),
        names if names.iter().any(|name| name == ANY) => {
            Err(CliError::Usage(format!("{flag} {ANY} cannot be combined with other values")))
        }
        names => Ok(Some(json!(names))),
    }
}

fn amount(text: &str) -> Result<Value, CliError> {
    match (text, text.parse::<u32>()) {
        (ANY, _) => Ok(json!(ANY)),
        (_, Ok(amount)) => Ok(json!(amount)),
        _ => Err(CliError::Usage(String::from("--max-uses takes a number from 1 to 4294967295, or any"))),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct LimitsLine {
        #[command(flatten)]
        limits: LimitFlags,
    }

    fn limits(flags: &[&str]) -> Option<Value> {
        let line = LimitsLine::try_parse_from([&["x"], flags].concat()).ok().unwrap();
        line.limits.value().unwrap()
    }

    #[test]
    fn every_limit_has_a_flag_that_any_excludes() {
        let limits = serde_json::to_value(crate::access::Limits::LEAST).unwrap();
        let command = <LimitsLine as clap::CommandFactory>::command();
        let any = command.get_arguments().find(|flag| flag.get_id() == "any").unwrap();
        let excluded = command.get_arg_conflicts_with(any);
        for name in limits.as_object().unwrap().keys() {
            assert!(excluded.iter().any(|flag| flag.get_id() == name.as_str()), "{name}");
        }
    }

    #[test]
    fn only_given_limits_are_sent() {
        assert_eq!(limits(&[]), None);
        assert_eq!(limits(&["--any"]), Some(json!("any")));
        let some =
            ["--role", "proxy,allocator", "--dns-name", "*.a.example", "--max-ttl", "1h", "--max-uses", "10"];
        let expected = json!({ "roles": ["proxy", "allocator"], "dns_names": ["*.a.example"], "max_ttl": "1h", "max_uses": 10 });
        assert_eq!(limits(&some), Some(expected));
        let any = [
            "--role=any",
            "--max-ttl=any",
            "--max-uses=any",
            "--cluster=any",
            "--policy=any",
            "--persistent",
        ];
        let expected = json!({ "roles": "any", "max_ttl": "any", "max_uses": "any", "clusters": "any", "policies": "any", "persistent": true });
        assert_eq!(limits(&any), Some(expected));
        assert!(LimitsLine::try_parse_from(["x", "--any", "--persistent"]).is_err());
        for flag in ["--role", "--dns-name", "--cluster", "--policy"] {
            let line = LimitsLine::try_parse_from(["x", flag, "a", flag, "any"]).ok().unwrap();
            let refused = line.limits.value().unwrap_err();
            assert!(refused.exit_code() == 2 && refused.to_string().contains(flag), "{refused}");
        }
        let wrong =
            LimitsLine::try_parse_from(["x", "--max-uses", "-1"]).ok().map(|line| line.limits.value());
        assert!(wrong.is_none_or(|wrong| wrong.is_err()));
    }
}
