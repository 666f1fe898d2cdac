//! `gatepass host reenroll`.

use clap::Args;
use serde_json::{Value, json};

use super::at;
use crate::cli::error::CliError;
use crate::cli::given_name::GivenPolicy;
use crate::cli::once::{Creation, TOKEN};
use crate::cli::short_id::GivenId;
use crate::cli::token::show_enrollment;
use crate::config::Environment;
use crate::id::HostId;

/// Mint a token that brings one host back with a new key
///
/// The host keeps its id, its name and its roles, and its policy without --policy. When the token is redeemed, its former certificates and keys are revoked. A
/// plain token would make a second host. The token has one use and is shown once.
#[derive(Args)]
#[command(after_long_help = "Examples:
  gatepass host reenroll ID
  gatepass host reenroll ID --ttl 1h --label 'new disk'
  gatepass host reenroll ID --quiet | ssh root@node-1 gatepass enroll -

On the host, `gatepass enroll` needs no --replace with this token.")]
pub(crate) struct HostReenroll {
    #[command(flatten)]
    creation: Creation,
    /// Id of the host, or its last 8 characters
    #[arg(value_parser = GivenId::<HostId>::parse)]
    id: GivenId<HostId>,
    /// Name or id of the policy that the host gets
    #[arg(long, value_name = "NAME", value_parser = GivenPolicy::parse)]
    policy: Option<GivenPolicy>,
}

impl HostReenroll {
    pub(super) async fn run(self, environment: &Environment) -> Result<(), CliError> {
        let Creation { remote, once, .. } = &self.creation;
        let api = remote.connect(environment)?;
        let path = format!("{}/reenrollment-token", at(self.id.whole(&api).await?));
        let policy = match &self.policy {
            Some(policy) => Some(policy.whole(&api).await?),
            None => None,
        };
        let body: Value = self.creation.request(json!({ "policy": policy }));
        let post = async { Ok(api.post(&path, &body).await?) };
        once.post(remote.output, post, &TOKEN, show_enrollment).await
    }
}
