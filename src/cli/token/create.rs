//! `gatepass token create`.

use std::path::Path;

use clap::Args;
use serde_json::{Value, json};

use super::bulk;
use super::resource::{TokenResource, approval_row};
use crate::cli::error::CliError;
use crate::cli::given_name::GivenPolicy;
use crate::cli::once::{Creation, TOKEN};
use crate::cli::output::{self, note};
use crate::config::Environment;
use crate::id::PolicyId;
use crate::name::DnsPattern;
use crate::server::token_presets;
use crate::text::printable;

/// Mint a token
///
/// Defaults: one use, 15 minutes. A preset has other defaults, and each flag overrides one. A persistent token is valid until
/// it is revoked, for any number of hosts. The token is shown once and not stored.
#[derive(Args)]
#[command(after_long_help = "Examples:
  gatepass token create --role proxy --label rack-7
  gatepass token create --role allocator --role proxy --ttl 1h --max-uses 20
  gatepass token create --preset cluster --cluster ran-zone-a --max-uses 40      365 days, 40 nodes of this cluster
  gatepass token create --preset rollout --label 'Linux, June' --expected-hosts 1000
  gatepass token create --preset roles --role proxy      any number of hosts, within an hour
  gatepass token create --persistent --label image-builder
  gatepass token create --preset cluster --cluster eu-1 --approval require      an administrator approves each host
  gatepass token create --policy edge --persistent --label 'edge proxies'      any number of hosts of this policy
  gatepass token create --quiet --role proxy | ssh node-1 gatepass enroll -
  gatepass token create --role proxy --print-command      one line to paste on the new host
  gatepass token create --role proxy --count 1000 --out fleet.tokens
  gatepass token create --audience https://jobs.example.org --role proxy --ttl 1h")]
pub(crate) struct TokenCreate {
    #[command(flatten)]
    creation: Creation,
    /// Mint a service token for the service with this URI, one of tokens.audiences on the server. It cannot enroll hosts
    #[arg(long, value_name = "URI", conflicts_with = "EnrollmentFlags")]
    audience: Option<String>,
    /// Role of the host, one of `gatepass role list`; repeatable, or separated by commas. Without it hosts have no roles
    #[arg(long = "role", alias = "roles", value_name = "NAME", value_delimiter = ',')]
    roles: Vec<String>,
    #[command(flatten)]
    enrollment: EnrollmentFlags,
    /// Print only the command for the new host, with the token. It begins with a space: most shells then keep it out of their
    /// history
    #[arg(long, conflicts_with_all = ["quiet", "out", "audience", "output"])]
    print_command: bool,
}

/// Flags of enrollment tokens. A service token always expires, and no host redeems it.
#[derive(Args)]
struct EnrollmentFlags {
    /// Terms for a common case. one-time: one host within 15 minutes. cluster: hosts of a cluster for a year. rollout: many
    /// hosts until revoked. roles: any hosts within an hour
    #[arg(long, value_name = "NAME", value_parser = token_presets(), hide_possible_values = true)]
    preset: Option<String>,
    /// Number of tokens, at most 10000, written to the file one a line. All have the same terms and batch
    #[arg(long, value_name = "N", requires = "out", conflicts_with_all = ["key_thumbprint", "quiet", "print_command"])]
    count: Option<u32>,
    /// Valid until revoked, unless --ttl or --expires-at is given
    #[arg(long)]
    persistent: bool,
    /// Number of hosts that a rollout is for: `token list` reports when they are enrolled
    #[arg(long, value_name = "N")]
    expected_hosts: Option<u64>,
    /// Maximum number of hosts
    #[arg(long, value_name = "N", conflicts_with = "unlimited")]
    max_uses: Option<u64>,
    /// Any number of hosts
    #[arg(long)]
    unlimited: bool,
    /// DNS name that the host may request, such as node-1.example.org or *.nodes.example.org; repeatable
    #[arg(long = "dns-name", value_name = "PATTERN", value_parser = DnsPattern::parse_lenient)]
    dns_names: Vec<DnsPattern>,
    /// Only for the key with this RFC 7638 thumbprint
    #[arg(long, value_name = "THUMBPRINT", allow_hyphen_values = true)]
    key_thumbprint: Option<String>,
    /// Only for hosts of the cluster with this id. A persistent token then expires after tokens.cluster_ttl, unless --ttl or --expires-at is given
    #[arg(long, value_name = "ID")]
    cluster: Option<String>,
    /// Policy of the hosts, by its name or id. Without --role the token gives all roles of the policy
    #[arg(long, value_name = "NAME", value_parser = GivenPolicy::parse)]
    policy: Option<GivenPolicy>,
    /// Treatment of hosts that no auto-approve rule admits. warn: the ledger records them. require: they wait for an administrator
    #[arg(long, value_name = "MODE", value_parser = ["off", "warn", "require"], hide_possible_values = true)]
    approval: Option<String>,
}

impl TokenCreate {
    pub(super) async fn run(self, environment: &Environment) -> Result<(), CliError> {
        let resource = self.resource();
        let table = |answer: &Value, file: Option<&Path>| match self.print_command {
            true => whole_command(answer),
            false => show(resource, answer, file),
        };
        let Creation { remote, once, .. } = &self.creation;
        let api = remote.connect(environment)?;
        let policy = match &self.enrollment.policy {
            Some(policy) => Some(policy.whole(&api).await?),
            None => None,
        };
        let body = self.body(policy);
        match self.enrollment.count {
            Some(count) => bulk::create(&self.creation, &api, body, count).await?,
            None => {
                let post = async { Ok(api.post(resource.path(), &body).await?) };
                once.post(remote.output, post, &TOKEN, table).await?;
            }
        }
        if self.roles.is_empty() && policy.is_none() {
            note("the token has no roles: give --role, one of `gatepass role list`, if its holder needs one");
        }
        Ok(())
    }

    const fn resource(&self) -> TokenResource {
        match self.audience {
            None => TokenResource::Enrollment,
            Some(_) => TokenResource::Service,
        }
    }

    fn body(&self, policy: Option<PolicyId>) -> Value {
        let EnrollmentFlags { preset, persistent, max_uses, unlimited, dns_names, key_thumbprint, .. } =
            &self.enrollment;
        let EnrollmentFlags { cluster, expected_hosts, approval, .. } = &self.enrollment;
        let mut body = self.creation.request(json!({
            "audience": self.audience, "roles": Some(&self.roles).filter(|roles| policy.is_none() || !roles.is_empty()),
            "policy": policy, "max_uses": max_uses, "key_thumbprint": key_thumbprint,
            "preset": preset, "persistent": persistent.then_some(true), "expected_hosts": expected_hosts,
            "dns_names": Some(dns_names).filter(|names| !names.is_empty()),
            "approval": approval,
            "bind": cluster.as_ref().map(|cluster| json!({ "cluster": cluster })),
        }));
        if *unlimited {
            body["max_uses"] = Value::Null;
        }
        body
    }
}

fn show(resource: TokenResource, answer: &Value, file: Option<&Path>) -> String {
    match resource {
        TokenResource::Enrollment => show_enrollment(answer, file),
        TokenResource::Service => show_service(answer, file),
    }
}

fn show_service(answer: &Value, file: Option<&Path>) -> String {
    let rows = [
        ("token", "token"),
        ("id", "token_id"),
        ("audience", "audience"),
        ("roles", "roles?none"),
        ("label", "label"),
        ("expires", "expires_at"),
        ("status", "status_list.uri"),
        ("at index", "status_list.idx"),
    ];
    let kept = if file.is_some() { "The token is only in the file." } else { "The token is shown once." };
    format!(
        "{}\n{kept} `gatepass token inspect` shows its claims. The service verifies it offline:\n  \
         gatepass token verify --jwks FILE --audience {} --status FILE\n",
        output::lines(answer, &rows),
        printable(answer["audience"].as_str().unwrap_or_default())
    )
}

pub(in crate::cli) fn show_enrollment(answer: &Value, file: Option<&Path>) -> String {
    let mut rows = vec![
        ("token", "token"),
        ("id", "token_id"),
        ("kind", "kind"),
        ("roles", "roles?none"),
        ("label", "label"),
        ("expires", "expires_at?never"),
        ("uses", "max_uses?unlimited"),
        ("cluster", "cluster"),
        ("policy", "policy"),
        ("root", "ca_fingerprint"),
        ("page", "page"),
    ];
    let is_reenrollment = answer["host_id"].is_string();
    let host = if is_reenrollment { "the host" } else { "the new host" };
    if is_reenrollment {
        rows.insert(3, ("host", "host_id"));
    }
    rows.extend(approval_row(answer));
    let next = match (file, answer["install_command"].as_str()) {
        (Some(file), command) => format!(
            "\nThe token is only in the file. Copy the file to {host}, and run there:\n  {}\n",
            from_file(file, command.unwrap_or_default(), answer["max_uses"] == 1)
        ),
        (None, Some(command)) => {
            format!("\nThe token is shown once. On {host}, paste this line, then the token:\n  {command}\n")
        }
        (None, None) => String::new(),
    };
    output::lines(answer, &rows) + &next
}

/// The install command with the token in it. A token has no character that a shell changes.
fn whole_command(answer: &Value) -> String {
    let command = answer["install_command"].as_str().unwrap_or_default();
    let flags = command.split_once("gatepass enroll").map_or("", |(_, flags)| flags);
    let token = answer["token"].as_str().unwrap_or_default();
    format!(" GATEPASS_TOKEN={} sudo -E gatepass enroll{}\n", printable(token), printable(flags))
}

/// The install command for a token in a file; it removes the file of a token with one use.
fn from_file(file: &Path, command: &str, once: bool) -> String {
    let (file, flags) =
        (file.display(), command.split_once("gatepass enroll").map_or("", |(_, flags)| flags));
    let after = if once { format!(" && rm {file}") } else { String::new() };
    format!("gatepass enroll --token-file {file}{}{after}", printable(flags))
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(clap::Parser)]
    struct CreateLine {
        #[command(flatten)]
        create: TokenCreate,
    }

    fn parse(args: &[&str]) -> Result<TokenCreate, clap::Error> {
        let line = CreateLine::try_parse_from(std::iter::once("create").chain(args.iter().copied()));
        line.map(|line| line.create)
    }

    fn create(args: &[&str]) -> TokenCreate {
        parse(args).map_err(|error| error.to_string()).unwrap()
    }

    fn body(args: &[&str]) -> Value {
        create(args).body(None)
    }

    #[test]
    fn an_audience_asks_for_a_service_token() {
        let create = create(&["--audience", "urn:jobs", "--role", "a", "--ttl", "1h"]);
        assert_eq!(create.resource(), TokenResource::Service);
        assert_eq!(create.body(None), json!({"roles": ["a"], "audience": "urn:jobs", "ttl": "1h"}));
    }

    #[test]
    fn enrollment_flags_are_refused_beside_an_audience() {
        for flags in [
            ["--persistent"].as_slice(),
            &["--max-uses", "3"],
            &["--unlimited"],
            &["--dns-name", "a.example.org"],
            &["--preset", "roles"],
            &["--key-thumbprint", "x"],
            &["--cluster", "c"],
            &["--approval", "require"],
            &["--policy", "456789ab"],
            &["--count", "3", "--out", "f"],
        ] {
            let refused = parse(&[&["--audience", "urn:jobs"], flags].concat()).err().unwrap();
            assert_eq!(refused.exit_code(), 2);
            assert!(refused.to_string().contains(flags[0]), "{refused}");
            assert_eq!(create(flags).resource(), TokenResource::Enrollment);
        }
    }

    #[test]
    fn defaults_are_left_to_the_server() {
        assert_eq!(body(&[]), json!({"roles": []}));
    }

    #[test]
    fn the_command_for_a_file_keeps_the_flags() {
        let command = "read -rs GATEPASS_TOKEN && sudo -E gatepass enroll --cluster edge/1";
        let line = |once| from_file(Path::new("t"), command, once);
        assert_eq!(line(true), "gatepass enroll --token-file t --cluster edge/1 && rm t");
        assert_eq!(line(false), "gatepass enroll --token-file t --cluster edge/1");
    }

    #[test]
    fn the_whole_command_has_token_and_flags() {
        let command =
            "read -rs GATEPASS_TOKEN && export GATEPASS_TOKEN && sudo -E gatepass enroll --cluster 'a b'";
        let answer = json!({ "token": "eyJ.a-_.b", "install_command": command });
        let line = " GATEPASS_TOKEN=eyJ.a-_.b sudo -E gatepass enroll --cluster 'a b'\n";
        assert_eq!(whole_command(&answer), line);
        assert!(parse(&["--print-command", "--audience", "urn:jobs"]).is_err());
    }

    #[test]
    fn a_re_enrollment_token_names_its_host() {
        let answer = |host: Value| json!({ "token": "eyJ.a-_.b", "host_id": host, "install_command": "gatepass enroll" });
        let again = answer(json!("0190a0b0"));
        for file in [None, Some(Path::new("t"))] {
            let shown = show_enrollment(&again, file);
            assert!(shown.contains("\nhost     0190a0b0\n") && !shown.contains("new host"), "{shown}");
            let shown = show_enrollment(&answer(Value::Null), file);
            assert!(!shown.contains("\nhost ") && shown.contains("the new host"), "{shown}");
        }
    }

    #[test]
    fn the_server_has_the_roles_of_a_policy() {
        let id = PolicyId::parse("0190a0b0-0000-7000-8000-000000000000");
        let of = |args: &[&str]| create(args).body(id);
        assert_eq!(of(&[]), json!({ "policy": id }));
        assert_eq!(of(&["--role", "a"]), json!({ "policy": id, "roles": ["a"] }));
    }

    #[test]
    fn unlimited_uses_are_sent_as_null() {
        assert_eq!(body(&["--unlimited"])["max_uses"], Value::Null);
        assert!(body(&["--unlimited"]).as_object().unwrap().contains_key("max_uses"));
        assert_eq!(body(&["--max-uses", "3"])["max_uses"], json!(3));
    }

    #[test]
    fn roles_are_repeatable_or_separated_by_commas() {
        assert_eq!(body(&["--role", "a,b", "--role", "c"])["roles"], json!(["a", "b", "c"]));
    }
}
