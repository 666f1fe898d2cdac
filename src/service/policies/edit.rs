//! Edits of policies.

use std::time::Duration;

use serde_json::{Map, Value};

use crate::admission::{PolicyTerms, RenewAt};
use crate::approval::Approval;
use crate::id::OutputId;
use crate::name::{Description, Label, Labels, Role};

/// New values of a policy's terms; `None` leaves one as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PolicyEdit {
    /// New name.
    pub name: Option<Label>,
    /// New description.
    pub description: Option<Description>,
    /// New lifetime of certificates.
    pub certificate_lifetime: Option<Option<Duration>>,
    /// New share of a certificate's life before its renewal.
    pub renew_at: Option<RenewAt>,
    /// New roles.
    pub roles: Option<Vec<Role>>,
    /// New approval mode.
    pub approval: Option<Approval>,
    /// New labels.
    pub labels: Option<Labels>,
    /// New kind of hosts.
    pub ephemeral_hosts: Option<bool>,
    /// New permission of opaque keys.
    pub api_key_credential: Option<bool>,
    /// New settings.
    pub settings: Option<Map<String, Value>>,
    /// New schema.
    pub schema: Option<Option<Map<String, Value>>>,
    /// New audiences.
    pub audiences: Option<Vec<String>>,
    /// New outputs.
    pub outputs: Option<Vec<OutputId>>,
}

impl PolicyEdit {
    /// The terms after the edit.
    pub(super) fn of(self, before: PolicyTerms) -> PolicyTerms {
        let Self {
            name,
            description,
            certificate_lifetime,
            renew_at,
            roles,
            approval,
            labels,
            ephemeral_hosts,
            api_key_credential,
            settings,
            schema,
            audiences,
            outputs,
        } = self;
        PolicyTerms {
            name: name.unwrap_or(before.name),
            description: description.unwrap_or(before.description),
            certificate_lifetime: certificate_lifetime.unwrap_or(before.certificate_lifetime),
            renew_at: renew_at.unwrap_or(before.renew_at),
            roles: roles.unwrap_or(before.roles),
            approval: approval.unwrap_or(before.approval),
            labels: labels.unwrap_or(before.labels),
            ephemeral_hosts: ephemeral_hosts.unwrap_or(before.ephemeral_hosts),
            api_key_credential: api_key_credential.unwrap_or(before.api_key_credential),
            settings: settings.unwrap_or(before.settings),
            schema: schema.unwrap_or(before.schema),
            audiences: audiences.unwrap_or(before.audiences),
            outputs: outputs.unwrap_or(before.outputs),
        }
    }
}
