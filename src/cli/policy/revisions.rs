//! `gatepass policy revisions` and `gatepass policy restore`.

use clap::Args;
use http::Method;
use serde_json::json;

use super::read::ReadPolicy;
use super::{REVISION_COLUMNS, at, show};
use crate::cli::consent::Consent;
use crate::cli::error::CliError;
use crate::cli::given_name::GivenPolicy;
use crate::cli::listing::Listing;
use crate::config::Environment;

/// Arguments of `policy revisions`.
#[derive(Args)]
#[command(after_long_help = "Examples:
  gatepass policy revisions edge
  gatepass policy revisions ID -o json")]
pub(crate) struct PolicyRevisions {
    #[command(flatten)]
    listing: Listing,
    /// Name or id of the policy
    #[arg(value_name = "POLICY", value_parser = GivenPolicy::parse)]
    policy: GivenPolicy,
}

/// Arguments of `policy restore`.
#[derive(Args)]
#[command(after_long_help = "Examples:
  gatepass policy restore edge 3
  gatepass policy restore ID 3 --yes

The restored terms are a new revision. Roles and audiences that no longer exist are refused. A policy that hosts have asks first.")]
pub(crate) struct PolicyRestore {
    #[command(flatten)]
    consent: Consent,
    /// Name or id of the policy
    #[arg(value_name = "POLICY", value_parser = GivenPolicy::parse)]
    policy: GivenPolicy,
    /// Number of the revision, one of `gatepass policy revisions`
    revision: u64,
}

impl PolicyRevisions {
    pub(super) async fn run(self, environment: &Environment) -> Result<(), CliError> {
        let Self { listing, policy } = self;
        let api = listing.remote.connect(environment)?;
        let path = format!("{}/revisions", at(policy.whole(&api).await?));
        let revisions = api.get(&path).await?;
        let revisions = revisions["items"].as_array().cloned().unwrap_or_default();
        listing.print(environment, &revisions, &REVISION_COLUMNS, "no revisions")
    }
}

impl PolicyRestore {
    pub(super) async fn run(self, environment: &Environment) -> Result<(), CliError> {
        let Self { consent, policy, revision } = self;
        let api = consent.remote.connect(environment)?;
        let policy = ReadPolicy::of(&policy, &api).await?;
        if let Some(question) = policy.question(&format!("Restore revision {revision} of")) {
            consent.ask(&question)?;
        }
        let below = format!("/revisions/{revision}/restore");
        show(consent.remote.output, &policy.change(&api, Method::POST, &below, &json!({})).await?)
    }
}
