//! `GET /api/v1/install-command`: the text that brings gatepass to new hosts.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::call::Call;
use crate::http::problem::Problem;
use crate::http::reply::Reply;
use crate::name::{Cluster, Label};
use crate::service::FieldError;
use crate::service::installation::{NewHosts, Platform};

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct InstallWords {
    /// The kind of the hosts; `vm` if it is left out.
    #[param(value_type = String, required = false, pattern = "^(vm|kubernetes|cloud-init|ansible)$", example = "ansible")]
    #[serde(default, rename = "for")]
    platform: Platform,
    /// Cluster of the hosts; Kubernetes needs one.
    #[param(value_type = Option<String>, example = "edge-1")]
    cluster: Option<Cluster>,
    /// Label of the hosts. Pods of Kubernetes get none.
    #[param(value_type = Option<String>, example = "edge proxies")]
    label: Option<Label>,
}

#[derive(Serialize, ToSchema)]
struct InstallCommand {
    #[schema(value_type = String, pattern = "^(vm|kubernetes|cloud-init|ansible)$", example = "vm")]
    #[serde(rename = "for")]
    platform: Platform,
    /// Commands for a shell, user data of cloud-init, or a playbook. It has no token.
    #[schema(example = "read -rs GATEPASS_TOKEN && export GATEPASS_TOKEN && sudo -E gatepass enroll\n")]
    text: String,
}

/// Show the install command
///
/// It begins with the step that brings the binary (`server.install_url`). Kubernetes gets the lines that create the Secret and
/// install the chart (`server.chart`).
#[utoipa::path(
    get,
    path = "/api/v1/install-command",
    params(InstallWords),
    responses((status = 200, description = "The text.", body = InstallCommand)),
)]
pub(super) async fn show_install_command(call: Call) -> Result<Reply, Problem> {
    let InstallWords { platform, cluster, label } = call.query()?;
    if platform == Platform::Kubernetes && cluster.is_none() {
        let fault = FieldError::new("cluster", "Kubernetes needs it: the cluster that the token is bound to");
        return Err(Problem::invalid_fields(vec![fault]));
    }
    let server = call.authority.minting.unpinned_server();
    let hosts =
        NewHosts { server: server.as_deref(), cluster: cluster.as_ref(), name: None, label: label.as_ref() };
    Ok(Reply::ok(&InstallCommand { platform, text: call.authority.installation.command(platform, &hosts) }))
}
