//! `gatepass host`: enrolled hosts.

mod moves;
mod reenroll;
mod release;
mod revoke;
mod set_roles;
mod watch;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::error::CliError;
use super::flags::{HostFlags, Selection, at_least_one, one_selection, with_query};
use super::listing::Listing;
use super::order::OrderFlags;
use super::output::{self, Format, text_at};
use super::outputs::key_states;
use super::remote::Remote;
use super::short_id::GivenId;
use crate::cells::HOSTS;
use crate::client::api::Api;
use crate::config::Environment;
use crate::id::HostId;
use crate::name::Label;

/// List, show, change, move, re-enroll and revoke enrolled hosts
#[derive(Subcommand)]
pub(crate) enum HostCommand {
    /// List hosts
    ///
    /// Names and labels in parentheses are the hosts' own words, which nobody has verified.
    #[command(after_long_help = "Examples:
  gatepass host list --label 'rack-*' --role proxy
  gatepass host list --seen-before 30d               hosts that were not in contact for 30 days
  gatepass host list --overdue --state live          hosts that should have renewed
  gatepass host list --expires-within 3d -o json
  gatepass host list --search web --sort last_seen
  gatepass host list --watch                         hosts as they enroll, renew and end")]
    List(HostList),
    /// Show one host
    #[command(after_long_help = "Examples:
  gatepass host show ID
  gatepass host show ID -o json")]
    Show {
        #[command(flatten)]
        remote: Remote,
        /// Id of the host, or its last 8 characters
        #[arg(value_parser = GivenId::<HostId>::parse)]
        id: GivenId<HostId>,
    },
    /// Set the roles of hosts, by id or by filter, effective with their next certificates or immediately
    #[command(mut_arg("ids", |ids| ids.help(IDS)))]
    #[command(mut_arg("hostname", |hostname| hostname.hide(true)))]
    #[command(mut_arg("role", |role| role.long("with-role")))]
    SetRoles(set_roles::HostSetRoles),
    /// Set or remove a host's label
    SetLabel(HostSetLabel),
    /// Move hosts to another policy, by id or by filter, effective with their next certificates
    #[command(mut_arg("ids", |ids| ids.help(IDS)))]
    #[command(mut_arg("hostname", |hostname| hostname.hide(true)))]
    #[command(mut_arg("with_policy", |policy| policy.long("from-policy")))]
    Move(moves::HostMoveArgs),
    Reenroll(reenroll::HostReenroll),
    /// End the quarantine of hosts: one of the two machines stays
    #[command(mut_arg("ids", |ids| ids.help(IDS)))]
    #[command(mut_arg("all", |all| all.help("Select all hosts in quarantine, instead of ids or filters")))]
    // For old scripts: the server refuses it beside a selection, because a host reports its hostname itself.
    #[command(mut_arg("hostname", |hostname| hostname.hide(true)))]
    Release(release::HostReleaseArgs),
    /// Revoke hosts for good, by id or by filter: their certificates and their keys
    #[command(after_long_help = "Examples:
  gatepass host revoke ID
  gatepass host revoke --token ID                    every host enrolled with a token
  gatepass host revoke --role proxy --name rack-7    shows the number and asks first
  gatepass host revoke --seen-before 90d             hosts that nobody has seen for 90 days

Labels and hostnames that hosts reported select nothing here.")]
    #[command(mut_arg("ids", |ids| ids.help(IDS)))]
    #[command(mut_arg("hostname", |hostname| hostname.hide(true)))]
    Revoke(Selection<HostFlags>),
}

impl HostCommand {
    /// Runs the command.
    pub(crate) async fn run(self, environment: &Environment) -> Result<(), CliError> {
        match self {
            Self::List(command) => command.run(environment).await,
            Self::Show { remote, id } => {
                let api = remote.connect(environment)?;
                show(remote.output, &api.get(&at(id.whole(&api).await?)).await?)
            }
            Self::SetRoles(command) => command.run(environment).await,
            Self::SetLabel(command) => command.run(environment).await,
            Self::Move(command) => command.run(environment).await,
            Self::Reenroll(command) => command.run(environment).await,
            Self::Release(command) => command.run(environment).await,
            Self::Revoke(selection) => revoke::revoke(&selection, environment).await,
        }
    }
}

/// Help of the ids of commands for many hosts.
const IDS: &str = "Ids of the hosts, or their last 8 characters";

impl Selection<HostFlags> {
    /// Checks that the selection is one, and returns its ids; none if it selects by flags or all.
    fn judge(&self) -> Result<Vec<GivenId<HostId>>, CliError> {
        one_selection(self.ids.len(), self.which.query().len(), self.all, &HostFlags::NAMES)?;
        self.ids.iter().map(|id| GivenId::parse(id.expose()).map_err(CliError::Usage)).collect()
    }

    /// The list of the hosts that the flags select: those in `states`, unless the flags name states.
    async fn list(&self, api: &Api, states: &str) -> Result<String, CliError> {
        let mut query = self.which.whole(api).await?.query();
        query.extend((!self.which.has_state()).then(|| format!("state={states}")));
        // A host could report words that select it, or keep it from being selected.
        query.extend(self.which.has_words().then(|| String::from("reported_words=false")));
        Ok(with_query(HOSTS_PATH, &query))
    }
}

const ROWS: &[(&str, &str)] = &[
    ("id", "id"),
    ("state", "state"),
    ("name", "name"),
    ("label", "label"),
    ("cluster", "cluster"),
    ("roles", "roles"),
    ("policy", "policy_name|policy"),
    ("token", "token_id"),
    ("token label", "token_label"),
    ("enrolled at", "enrolled_at"),
    ("revoked at", "revoked_at"),
    ("quarantined at", "quarantine.at"),
    ("conflict from", "quarantine.from"),
    ("conflict serial", "quarantine.serial"),
    ("serial", "certificate.serial"),
    ("issued at", "certificate.issued_at"),
    ("expires at", "certificate.expires_at"),
    ("certificate seen", "certificate_seen"),
    ("last seen", "last_seen_at"),
    ("address", "last_seen_from"),
    ("reached", "reached_url"),
    ("checked in at", "checkin.at"),
    ("health", "checkin.status"),
    ("health message", "checkin.message"),
    ("health version", "checkin.version"),
    ("health labels", "checkin.labels"),
    ("policy revision", "checkin.policy_revision"),
    ("opaque key since", "opaque_key.issued_at"),
    ("opaque key first used", "opaque_key.first_used_at"),
    ("reported hostname", "reported.hostname"),
    ("reported system", "reported.os"),
    ("reported arch", "reported.arch"),
    ("reported version", "reported.version"),
    ("reported label", "reported.label"),
    ("reported at", "reported.at"),
];

/// Arguments of `host list`.
#[derive(Args)]
#[command(mut_arg("sort", |sort| sort.help("Sort by enrolled, name, last_seen or expires; -expires for the reverse. The newest is first without it")))]
#[command(mut_arg("search", |search| {
    search.help("Only with a label, name or reported hostname that starts with this text, or with this id or its last 8 characters")
}))]
pub(crate) struct HostList {
    #[command(flatten)]
    list: Listing,
    #[command(flatten)]
    which: HostFlags,
    #[command(flatten)]
    order: OrderFlags,
    /// Maximum number of results
    #[arg(long, default_value_t = 1000, value_name = "N", value_parser = at_least_one())]
    limit: usize,
    /// Show the hosts, oldest first, then hosts that are new or change, until it is interrupted
    #[arg(long, conflicts_with = "sort")]
    watch: bool,
}

impl HostList {
    async fn run(self, environment: &Environment) -> Result<(), CliError> {
        let api = self.list.remote.connect(environment)?;
        let mut query = self.which.whole(&api).await?.query();
        query.extend(self.order.query());
        let nothing = match query.is_empty() {
            true => "no hosts yet: `gatepass token create` mints a token for one",
            false => "no host matches",
        };
        let path = with_query(HOSTS_PATH, &query);
        match self.watch {
            true => watch::watch(&self.list, &api, environment, &path, self.limit).await,
            false => self.list.list_of(&api, environment, &path, &HOSTS, self.limit, nothing).await,
        }
    }
}

/// Arguments of `host set-label`.
#[derive(Args)]
#[command(after_long_help = "Examples:
  gatepass host set-label ID 'rack 7, unit 12'
  gatepass host set-label ID ''                      removes it: the label that the host reported counts again")]
pub(crate) struct HostSetLabel {
    #[command(flatten)]
    remote: Remote,
    /// Id of the host, or its last 8 characters
    #[arg(value_parser = GivenId::<HostId>::parse)]
    id: GivenId<HostId>,
    /// The label, at most 128 characters; an empty one removes it
    #[arg(value_name = "TEXT", value_parser = Label::parse, allow_hyphen_values = true)]
    label: Label,
}

impl HostSetLabel {
    async fn run(self, environment: &Environment) -> Result<(), CliError> {
        let api = self.remote.connect(environment)?;
        let path = at(self.id.whole(&api).await?);
        let item = api.patch(&path, &json!({ "label": self.label })).await?;
        show(self.remote.output, &item)
    }
}

/// Prints one host. A host without outputs has no row for them.
fn show(format: Format, host: &Value) -> Result<(), CliError> {
    let outputs = key_states::of_host(&host["outputs"]);
    if format == Format::Json || outputs.is_empty() {
        return output::one(format, host, ROWS);
    }
    let mut host = host.clone();
    host["outputs"] = json!(outputs);
    output::one(format, &host, &[ROWS, &[("outputs", "outputs")]].concat())
}

/// The path of the list of hosts.
const HOSTS_PATH: &str = "/api/v1/hosts";

/// The path of a host.
fn at(id: HostId) -> String {
    format!("{HOSTS_PATH}/{id}")
}

/// A host with its name and its label, or with its own words for them.
fn named(item: &Value) -> String {
    let shown = ["name|reported.hostname", "label|reported.label"].map(|place| text_at(item, place));
    let shown = shown.into_iter().filter(|text| text != "-").collect::<Vec<_>>().join(", ");
    let shown = if shown.is_empty() { shown } else { format!(" ({shown})") };
    format!("host {}{shown}", text_at(item, "id"))
}
