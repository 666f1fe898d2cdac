//! The bodies that create and change policies.

mod form;

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use self::form::Form;
use crate::admission::PolicyTerms;
use crate::id::OutputId;
use crate::name::{Description, Labels, Role};
use crate::service::policies::PolicyEdit;
use crate::service::tokens::order::Catalogue;
use crate::service::{FieldError, RequestError};
use crate::token::present;

/// The body that creates a policy, as it was sent.
#[derive(Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = CreatePolicyRequest, example = json!({
    "name": "edge proxies", "roles": ["proxy"], "certificate_lifetime": "14d", "settings": { "log_level": "info" },
}))]
pub struct PolicyRequest {
    /// The name, which no other policy has.
    #[schema(required, min_length = 1, max_length = 128, example = "edge proxies")]
    pub name: String,
    /// The description for people.
    #[schema(value_type = Description)]
    pub description: String,
    /// Lifetime of the hosts' certificates, from `1m` to `825d`; `null`: `hosts.certificate_lifetime`. Only an admin may set a
    /// longer one than that.
    #[schema(pattern = "^[0-9]+[smhd]$", example = "14d")]
    pub certificate_lifetime: Option<String>,
    /// The share of its life after which a certificate is renewed; default: 0.67.
    #[schema(value_type = f64, minimum = 0.3, maximum = 0.9, example = 0.67)]
    pub renew_at: Option<f64>,
    /// The roles that its hosts and tokens may have.
    #[schema(value_type = Vec<Role>, max_items = 32)]
    pub roles: Vec<String>,
    /// Treatment of hosts that no auto-approve rule admits: `off` (the default), `warn` or `require`. The strictest of this,
    /// the token's and the setting's holds.
    #[schema(value_type = String, pattern = "^(off|warn|require)$", example = "off")]
    pub approval: Option<String>,
    /// The labels of its hosts.
    #[schema(value_type = Labels)]
    pub labels: BTreeMap<String, String>,
    /// True for machines without a disk: their certificates last 24 hours, and a lapsed host is deleted within an hour.
    #[schema(example = false)]
    pub ephemeral_hosts: bool,
    /// True if its hosts may have opaque keys, for clients that cannot present a certificate.
    #[schema(example = false)]
    pub api_key_credential: bool,
    /// The settings of its hosts, at most 32 KiB of JSON. Every reader of policies sees them.
    #[schema(value_type = Object, example = json!({ "log_level": "info" }))]
    pub settings: Map<String, Value>,
    /// A JSON Schema (2020-12) that the settings must fit, at most 32 KiB; `null`: any settings.
    #[schema(value_type = Option<Object>, example = json!(null))]
    pub schema: Option<Map<String, Value>>,
    /// The services that its hosts may get access tokens for, of `tokens.audiences`.
    #[schema(max_items = 32, example = json!(["https://jobs.example.org"]))]
    pub audiences: Vec<String>,
    /// The outputs of its hosts, in order: ids. They need the limit `policies` at `any`.
    #[schema(value_type = Vec<OutputId>, max_items = 16, example = json!([]))]
    pub outputs: Vec<String>,
    /// False: create no first token. Without it, the answer has the token `Default`, and the caller needs the right to mint it.
    #[schema(value_type = bool, default = true, example = true)]
    pub first_token: Option<bool>,
}

/// The body that changes a policy, as it was sent. An absent field stays as it is.
#[derive(Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = ChangePolicyRequest, example = json!({ "certificate_lifetime": "7d", "settings": { "log_level": "debug" } }))]
pub struct PolicyChangeRequest {
    /// The name, which no other policy has.
    #[schema(value_type = String, min_length = 1, max_length = 128, example = "edge proxies")]
    #[serde(deserialize_with = "present")]
    pub name: Option<String>,
    /// The description for people.
    #[schema(value_type = Description)]
    #[serde(deserialize_with = "present")]
    pub description: Option<String>,
    /// Lifetime of the hosts' certificates, from `1m` to `825d`; `null`: `hosts.certificate_lifetime`.
    #[schema(value_type = Option<String>, pattern = "^[0-9]+[smhd]$", example = "14d")]
    #[serde(deserialize_with = "present")]
    pub certificate_lifetime: Option<Option<String>>,
    /// The share of its life after which a certificate is renewed.
    #[schema(value_type = f64, minimum = 0.3, maximum = 0.9, example = 0.67)]
    #[serde(deserialize_with = "present")]
    pub renew_at: Option<f64>,
    /// The roles that its hosts and tokens may have. A host keeps a role that is taken out.
    #[schema(value_type = Vec<Role>, max_items = 32)]
    #[serde(deserialize_with = "present")]
    pub roles: Option<Vec<String>>,
    /// Treatment of hosts that no auto-approve rule admits: `off`, `warn` or `require`.
    #[schema(value_type = String, pattern = "^(off|warn|require)$", example = "off")]
    #[serde(deserialize_with = "present")]
    pub approval: Option<String>,
    /// The labels of its hosts.
    #[schema(value_type = Labels)]
    #[serde(deserialize_with = "present")]
    pub labels: Option<BTreeMap<String, String>>,
    /// True for machines without a disk.
    #[schema(value_type = bool, example = false)]
    #[serde(deserialize_with = "present")]
    pub ephemeral_hosts: Option<bool>,
    /// True if its hosts may have opaque keys. False ends the use of those that they have.
    #[schema(value_type = bool, example = false)]
    #[serde(deserialize_with = "present")]
    pub api_key_credential: Option<bool>,
    /// The settings of its hosts, at most 32 KiB of JSON. They replace the former ones.
    #[schema(value_type = Object, example = json!({ "log_level": "info" }))]
    #[serde(deserialize_with = "present")]
    pub settings: Option<Map<String, Value>>,
    /// A JSON Schema (2020-12) that the settings must fit, at most 32 KiB; `null`: any settings.
    #[schema(value_type = Option<Object>, example = json!(null))]
    #[serde(deserialize_with = "present")]
    pub schema: Option<Option<Map<String, Value>>>,
    /// The services that its hosts may get access tokens for, of `tokens.audiences`.
    #[schema(value_type = Vec<String>, max_items = 32, example = json!(["https://jobs.example.org"]))]
    #[serde(deserialize_with = "present")]
    pub audiences: Option<Vec<String>>,
    /// The outputs of its hosts, in order: ids. A change needs the limit `policies` at `any`.
    #[schema(value_type = Vec<OutputId>, max_items = 16, example = json!([]))]
    #[serde(deserialize_with = "present")]
    pub outputs: Option<Vec<String>>,
}

impl PolicyRequest {
    /// Judges every field. The flag is true if a first token is wanted.
    ///
    /// # Errors
    /// [`RequestError::Fields`] with every invalid field, `faults` of the decoding included.
    pub fn judge(
        self,
        known: (&Catalogue, &[String]),
        faults: Vec<FieldError>,
    ) -> Result<(PolicyTerms, bool), RequestError> {
        let Self { ephemeral_hosts, api_key_credential, settings, schema, first_token, .. } = self;
        let mut form = Form::new(known, faults);
        let name = form.name(&self.name);
        let description = form.description(&self.description);
        let certificate_lifetime = form.lifetime(self.certificate_lifetime.as_deref());
        let renew_at = self.renew_at.map(|share| form.renew_at(share)).unwrap_or_default();
        let roles = form.roles(&self.roles);
        let approval = self.approval.map(|mode| form.approval(&mode)).unwrap_or_default();
        let labels = form.labels(&self.labels);
        let audiences = form.audiences(&self.audiences);
        let outputs = form.outputs(&self.outputs);
        let Some(name) = name.filter(|_| form.faults.is_empty()) else {
            return Err(RequestError::Fields(form.faults));
        };
        let terms = PolicyTerms {
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
        };
        Ok((terms, first_token.unwrap_or(true)))
    }
}

impl PolicyChangeRequest {
    /// Judges every field.
    ///
    /// # Errors
    /// [`RequestError::Fields`] with every invalid field, `faults` of the decoding included.
    pub fn judge(
        self,
        known: (&Catalogue, &[String]),
        faults: Vec<FieldError>,
    ) -> Result<PolicyEdit, RequestError> {
        let mut form = Form::new(known, faults);
        let edit = PolicyEdit {
            name: self.name.and_then(|name| form.name(&name)),
            description: self.description.map(|text| form.description(&text)),
            certificate_lifetime: self.certificate_lifetime.map(|span| form.lifetime(span.as_deref())),
            renew_at: self.renew_at.map(|share| form.renew_at(share)),
            roles: self.roles.map(|roles| form.roles(&roles)),
            approval: self.approval.map(|mode| form.approval(&mode)),
            labels: self.labels.map(|labels| form.labels(&labels)),
            ephemeral_hosts: self.ephemeral_hosts,
            api_key_credential: self.api_key_credential,
            settings: self.settings,
            schema: self.schema,
            audiences: self.audiences.map(|audiences| form.audiences(&audiences)),
            outputs: self.outputs.map(|outputs| form.outputs(&outputs)),
        };
        RequestError::refuse(form.faults)?;
        Ok(edit)
    }
}
