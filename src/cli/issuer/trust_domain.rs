//! `gatepass issuer set-trust-domain`, without a server.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use crate::cli::ask::confirm;
use crate::cli::error::CliError;
use crate::cli::output::{self, Format};
use crate::cli::together::count;
use crate::config::{DEFAULT_DATA_DIR, parse_trust_domain};
use crate::server::offline::TrustDomain;

/// Arguments of `issuer set-trust-domain`.
#[derive(Args)]
#[command(after_long_help = "Examples:
  gatepass issuer set-trust-domain example.org --data-dir /var/lib/gatepass

Stop the server first. Every host gets the new SPIFFE id with its next certificate. Until then, services that verify host \
certificates must accept both trust domains. The ledger records the change.

Exit codes: 0 changed, or already so; 1 not changed; 2 usage")]
pub(crate) struct SetTrustDomainCommand {
    /// New trust domain: lower-case letters, digits, '.', '-' and '_'
    #[arg(value_parser = parse_trust_domain)]
    name: String,
    /// Data directory
    #[arg(long, value_name = "DIR", default_value = DEFAULT_DATA_DIR)]
    data_dir: PathBuf,
    /// Skip the confirmation
    #[arg(short, long)]
    yes: bool,
    /// Output format
    #[arg(short = 'o', long = "output", value_enum, default_value_t, value_name = "FORMAT")]
    output: Format,
}

impl SetTrustDomainCommand {
    pub(super) async fn run(self) -> Result<(), CliError> {
        let name = &self.name;
        let found = TrustDomain::open(&self.data_dir).await.map_err(CliError::Offline)?;
        let (current, hosts) = (found.current.clone(), found.live_hosts);
        let changed = current.as_ref() != Some(name);
        if changed {
            confirm(&question(current.as_deref(), name, hosts), self.yes)?;
            found.set(name).await.map_err(CliError::Offline)?;
        }
        let said = json!({ "trust_domain": name, "trust_domain_before": current, "changed": changed, "live_hosts": hosts });
        let text = match changed {
            true => format!(
                "the trust domain is {name}; {} under the former one until renewal\nnext: set server.trust_domain to it, or remove \
                 the setting, and start the server",
                count(hosts, "live host")
            ),
            false => format!("the trust domain is {name} already"),
        };
        output::done(self.output, &said, text)
    }
}

/// The question, with the consequence and the number of hosts.
fn question(current: Option<&str>, name: &str, hosts: u64) -> String {
    let from = current.map_or_else(String::new, |current| format!(" from {current}"));
    format!(
        "Change the trust domain{from} to {name}? The SPIFFE ids of {} change with their next certificates; services that \
         expect the former ids will refuse them.",
        count(hosts, "live host")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_question_states_the_number_of_hosts() {
        let asked = question(Some("a.test"), "b.test", 2);
        assert!(
            asked
                .starts_with("Change the trust domain from a.test to b.test? The SPIFFE ids of 2 live hosts")
        );
        assert!(question(None, "b.test", 1).contains("of 1 live host change"));
    }
}
