//! `gatepass install-command`: the text that brings gatepass to new hosts.

use clap::Args;

use super::error::CliError;
use super::flags::with_query;
use super::output::{self, Format};
use super::remote::Remote;
use crate::config::Environment;
use crate::text::{percent_encoded, printable};

/// Print the commands or the file that bring gatepass to new hosts and enroll them
///
/// The text has no token: the host reads it from a prompt, a file, a variable or a Secret. The text begins with the step that
/// installs the binary from server.install_url.
#[derive(Args)]
#[command(after_long_help = "Examples:
  gatepass install-command --for vm --label 'rack 7'
  gatepass install-command --for kubernetes --cluster edge-1
  gatepass install-command --for cloud-init --cluster edge-1 > user-data.yaml
  gatepass install-command --for ansible --cluster edge-1 > rollout.yml

vm: lines for the shell of the host. kubernetes: lines for kubectl and helm, with the chart of server.chart. cloud-init: user \
data. ansible: a playbook.")]
pub(crate) struct InstallCommand {
    #[command(flatten)]
    remote: Remote,
    /// Kind of the hosts
    #[arg(long = "for", value_name = "KIND", value_parser = ["vm", "kubernetes", "cloud-init", "ansible"])]
    kind: String,
    /// Cluster of the hosts; Kubernetes needs one
    #[arg(long, value_name = "ID")]
    cluster: Option<String>,
    /// Label of the hosts in lists, at most 128 characters; not for Kubernetes
    #[arg(long, value_name = "TEXT")]
    label: Option<String>,
}

impl InstallCommand {
    /// Prints the text.
    pub(crate) async fn run(self, environment: &Environment) -> Result<(), CliError> {
        let words = [
            ("for", Some(self.kind.as_str())),
            ("cluster", self.cluster.as_deref()),
            ("label", self.label.as_deref()),
        ];
        let words =
            words.into_iter().filter_map(|(name, word)| Some(format!("{name}={}", percent_encoded(word?))));
        let path = with_query("/api/v1/install-command", &words.collect::<Vec<_>>());
        let found = self.remote.connect(environment)?.get(&path).await?;
        if self.remote.output == Format::Json {
            return output::json(&found);
        }
        let lines = found["text"].as_str().unwrap_or_default().lines();
        output::text(&lines.map(|line| printable(line) + "\n").collect::<String>())
    }
}
