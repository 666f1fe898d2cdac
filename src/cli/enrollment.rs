//! `gatepass enrollment`: hosts that wait for approval.

mod decide;

use clap::{Args, Subcommand};

use self::decide::{EnrollmentApprove, EnrollmentDeny};
use super::error::CliError;
use super::flags::{at_least_one, parameters, with_query};
use super::listing::Listing;
use super::output::{self, Column, Columns};
use super::remote::Remote;
use super::short_id::GivenId;
use crate::client::api::Api;
use crate::config::Environment;
use crate::id::{EnrollmentId, TokenId};

const ENROLLMENTS: &str = "/api/v1/enrollments";

const COLUMNS: Columns = Columns {
    id: "id",
    name: "name",
    shown: &[
        Column::ID,
        Column::STATE,
        Column::text("CODE", "code"),
        Column::text("LABEL", "token_label").rank(4),
        Column::text("NAME", "name"),
        Column::text("CLUSTER", "cluster").rank(3),
        Column::text("ROLES", "roles").rank(1),
        Column::text("ADDRESS", "address").rank(2),
        Column::time("WAITING SINCE", "began_at").rank(5),
        Column::time("EXPIRES", "expires_at").rank(6),
    ],
};

const ROWS: &[(&str, &str)] = &[
    ("id", "id"),
    ("state", "state"),
    ("code", "code"),
    ("name", "name"),
    ("cluster", "cluster"),
    ("roles", "roles"),
    ("address", "address"),
    ("token", "token_id"),
    ("token label", "token_label"),
    ("minted by", "minter"),
    ("waiting since", "began_at"),
    ("expires at", "expires_at"),
    ("decided at", "decision.at"),
    ("decided by", "decision.by"),
    ("reason", "decision.reason"),
    ("host", "host_id"),
];

/// List, show, approve and deny hosts that wait for approval
#[derive(Subcommand)]
pub(crate) enum EnrollmentCommand {
    /// List the hosts that wait, newest first; with --state also decided ones
    #[command(after_long_help = "Examples:
  gatepass enrollment list
  gatepass enrollment list --cluster eu-1 --role proxy
  gatepass enrollment list --state denied,expired -o json

Name and cluster are those that the host asks for. The label is the token's.")]
    List(EnrollmentList),
    /// Show one enrollment and the decision
    #[command(after_long_help = "Examples:
  gatepass enrollment show ID
  gatepass enrollment show ID -o json")]
    Show {
        #[command(flatten)]
        remote: Remote,
        /// Id of the enrollment, or its last 8 characters
        #[arg(value_parser = GivenId::<EnrollmentId>::parse)]
        id: GivenId<EnrollmentId>,
    },
    /// Approve hosts that wait: each gets its certificate when it asks next
    Approve(EnrollmentApprove),
    /// Deny hosts that wait: their keys stay refused under every token
    Deny(EnrollmentDeny),
}

impl EnrollmentCommand {
    /// Runs the command.
    pub(crate) async fn run(self, environment: &Environment) -> Result<(), CliError> {
        match self {
            Self::List(command) => command.run(environment).await,
            Self::Show { remote, id } => {
                let api = remote.connect(environment)?;
                output::one(remote.output, &api.get(&at(id.whole(&api).await?)).await?, ROWS)
            }
            Self::Approve(command) => command.run(environment).await,
            Self::Deny(command) => command.run(environment).await,
        }
    }
}

/// Arguments of `enrollment list`.
#[derive(Args)]
pub(crate) struct EnrollmentList {
    #[command(flatten)]
    list: Listing,
    /// Only in this state: waiting, approved, denied, expired, ended; separate several by commas. Default: waiting
    #[arg(long, value_name = "STATE")]
    state: Option<String>,
    /// Only in the cluster that the host named
    #[arg(long, value_name = "ID")]
    cluster: Option<String>,
    /// Only of the token with this id, or with its last 8 characters
    #[arg(long, value_name = "ID", value_parser = GivenId::<TokenId>::parse)]
    token: Option<GivenId<TokenId>>,
    /// Only of tokens with this role
    #[arg(long, value_name = "NAME")]
    role: Option<String>,
    /// Maximum number of results
    #[arg(long, default_value_t = 1000, value_name = "N", value_parser = at_least_one())]
    limit: usize,
}

impl EnrollmentList {
    async fn run(self, environment: &Environment) -> Result<(), CliError> {
        let api = self.list.remote.connect(environment)?;
        let query = self.query(&api).await?;
        let nothing = if query.is_empty() { "no host waits for approval" } else { "no enrollment matches" };
        let path = with_query(ENROLLMENTS, &query);
        self.list.list_of(&api, environment, &path, &COLUMNS, self.limit, nothing).await
    }

    /// The query parameters; empty without flags.
    async fn query(&self, api: &Api) -> Result<Vec<String>, CliError> {
        let token = match &self.token {
            Some(token) => Some(token.whole(api).await?.to_string()),
            None => None,
        };
        let Self { state, cluster, role, .. } = self;
        Ok(parameters([("state", state), ("cluster", cluster), ("token", &token), ("role", role)]))
    }
}

/// The path of an enrollment.
fn at(id: EnrollmentId) -> String {
    format!("{ENROLLMENTS}/{id}")
}
