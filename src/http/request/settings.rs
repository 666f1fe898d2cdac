//! The body of a change of settings.

use serde::Deserialize;
use strum::VariantArray as _;
use utoipa::ToSchema;

use crate::service::FieldError;
use crate::service::settings::SettingChange;
use crate::span::Setting;
use crate::token::present;

/// The body of a change of settings: an absent setting stays, null goes back to the configuration.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = ChangeSettingsRequest, example = json!({ "default_ttl": "30m", "retention": null }))]
pub struct SettingsRequest {
    /// The life of a token that asks for no other.
    #[schema(value_type = Option<String>, pattern = "^[0-9]+[smhd]$", example = "30m")]
    #[serde(deserialize_with = "present")]
    pub default_ttl: Option<Option<String>>,
    /// The longest life of an ephemeral token.
    #[schema(value_type = Option<String>, pattern = "^[0-9]+[smhd]$", example = "30m")]
    #[serde(deserialize_with = "present")]
    pub max_ephemeral_ttl: Option<Option<String>>,
    /// The life of a persistent token that is bound to a cluster and asks for no other.
    #[schema(value_type = Option<String>, pattern = "^[0-9]+[smhd]$", example = "30m")]
    #[serde(deserialize_with = "present")]
    pub cluster_ttl: Option<Option<String>>,
    /// The time for which ended tokens are listed.
    #[schema(value_type = Option<String>, pattern = "^[0-9]+[smhd]$", example = "30m")]
    #[serde(deserialize_with = "present")]
    pub retention: Option<Option<String>>,
    /// The maximum number of enrolled hosts, or `off`.
    #[schema(value_type = Option<String>, pattern = "^[0-9a-z]+$", example = "1000")]
    #[serde(deserialize_with = "present")]
    pub node_limit: Option<Option<String>>,
    /// The treatment of hosts that no auto-approve rule admits, unless their token is stricter.
    #[schema(value_type = Option<String>, pattern = "^(off|warn|require)$", example = "warn")]
    #[serde(deserialize_with = "present")]
    pub approval: Option<Option<String>>,
}

impl SettingsRequest {
    const fn of(&self, setting: Setting) -> Option<&Option<String>> {
        match setting {
            Setting::DefaultTtl => self.default_ttl.as_ref(),
            Setting::MaxEphemeralTtl => self.max_ephemeral_ttl.as_ref(),
            Setting::ClusterTtl => self.cluster_ttl.as_ref(),
            Setting::Retention => self.retention.as_ref(),
            Setting::NodeLimit => self.node_limit.as_ref(),
            Setting::Approval => self.approval.as_ref(),
        }
    }

    /// The changes, each parsed for itself; invalid ones go to `faults`.
    pub fn parsed(&self, faults: &mut Vec<FieldError>) -> Vec<SettingChange> {
        let mut changes = Vec::new();
        for &setting in Setting::VARIANTS {
            match self.of(setting).map(|text| text.as_deref().map(|text| setting.parse(text)).transpose()) {
                None => {}
                Some(Ok(value)) => changes.push((setting, value)),
                Some(Err(error)) => faults.push(FieldError::new(setting.as_str(), error.to_string())),
            }
        }
        changes
    }
}
