//! Policies: the roles, certificates and settings of the hosts of a token.

use std::fmt;
use std::time::Duration;

use serde::{Serialize, Serializer};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::approval::Approval;
use crate::id::OutputId;
use crate::name::{Description, Label, Labels, Role};
use crate::span::show_span;

/// The decisions of an administrator about the hosts of a policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct PolicyTerms {
    /// The name, which no other policy has.
    #[schema(min_length = 1, example = "edge proxies")]
    pub name: Label,
    /// The description for people.
    pub description: Description,
    /// Lifetime of the hosts' certificates; `null`: `hosts.certificate_lifetime`.
    #[schema(required, value_type = Option<String>, pattern = "^[0-9]+[smhd]$", example = "30d")]
    #[serde(serialize_with = "span")]
    pub certificate_lifetime: Option<Duration>,
    /// The share of its life after which a certificate is renewed.
    #[schema(value_type = f64, minimum = 0.3, maximum = 0.9, example = 0.67)]
    pub renew_at: RenewAt,
    /// The roles that its hosts and tokens may have.
    pub roles: Vec<Role>,
    /// Treatment of hosts that no auto-approve rule admits. The strictest of this, the token's and the setting's holds.
    #[schema(value_type = String, pattern = "^(off|warn|require)$", example = "off")]
    pub approval: Approval,
    /// The labels of its hosts.
    pub labels: Labels,
    /// True for machines without a disk: their certificates last 24 hours, and a lapsed host is deleted within an hour.
    pub ephemeral_hosts: bool,
    /// True if its hosts may have opaque keys, for clients that cannot present a certificate.
    pub api_key_credential: bool,
    /// The settings of its hosts. Every reader of policies sees them.
    #[schema(value_type = Object, example = json!({ "log_level": "info" }))]
    pub settings: Map<String, Value>,
    /// The JSON Schema (2020-12) that the settings fit; `null`: any settings.
    #[schema(required, value_type = Option<Object>, example = json!(null))]
    pub schema: Option<Map<String, Value>>,
    /// The services that its hosts may get access tokens for.
    #[schema(example = json!(["https://jobs.example.org"]))]
    pub audiences: Vec<String>,
    /// The outputs of its hosts, in order.
    #[schema(example = json!([]))]
    pub outputs: Vec<OutputId>,
}

impl PolicyTerms {
    /// The shortest lifetime of a certificate.
    pub const LEAST_LIFETIME: Duration = Duration::from_secs(60);
    /// The longest lifetime of a certificate.
    pub const MOST_LIFETIME: Duration = Duration::from_secs(825 * 86_400);
    /// Lifetime of the certificates of ephemeral hosts.
    pub const EPHEMERAL_LIFETIME: Duration = Duration::from_secs(86_400);

    /// Returns true if hosts and tokens of the policy may have a role.
    pub fn allows(&self, role: &Role) -> bool {
        self.roles.contains(role)
    }

    /// Returns the reason for which hosts and tokens of the policy may not have a role; `None` if they may.
    pub fn refuses(&self, role: &Role) -> Option<String> {
        if self.allows(role) {
            return None;
        }
        let known = self.roles.iter().map(Role::as_str).collect::<Vec<_>>().join(", ");
        let known =
            if known.is_empty() { "it has none".to_owned() } else { format!("its roles are: {known}") };
        Some(format!("{role} is not a role of the policy; {known}"))
    }

    /// Returns the lifetime of a host's certificate; `configured` is the one without a policy.
    pub fn lifetime(&self, configured: Duration) -> Duration {
        match self.ephemeral_hosts {
            true => Self::EPHEMERAL_LIFETIME,
            false => self.certificate_lifetime.unwrap_or(configured),
        }
    }
}

/// The share of its life after which a certificate is renewed, from 0.3 to 0.9 in hundredths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RenewAt(u8);

impl RenewAt {
    /// The share of `hundredths`, if it is from 30 to 90.
    pub fn of_hundredths(hundredths: u8) -> Option<Self> {
        (30..=90).contains(&hundredths).then_some(Self(hundredths))
    }

    /// The share, rounded to hundredths, if it is from 0.3 to 0.9.
    pub fn parse(share: f64) -> Option<Self> {
        let hundredths = (30..=90u8).find(|hundredths| (f64::from(*hundredths) - share * 100.0).abs() <= 0.5);
        hundredths.filter(|_| (0.3..=0.9).contains(&share)).map(Self)
    }

    /// The share in hundredths.
    pub const fn hundredths(self) -> u8 {
        self.0
    }

    /// The part of `lifetime` that passes before the renewal.
    pub fn of(self, lifetime: Duration) -> Duration {
        lifetime * u32::from(self.0) / 100
    }
}

impl Default for RenewAt {
    fn default() -> Self {
        Self(67)
    }
}

impl fmt::Display for RenewAt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (f64::from(self.0) / 100.0).fmt(f)
    }
}

impl Serialize for RenewAt {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(f64::from(self.0) / 100.0)
    }
}

fn span<S: Serializer>(span: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    span.map(show_span).serialize(serializer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_from_three_to_nine_tenths() {
        for (share, hundredths) in [(0.3, 30), (0.67, 67), (0.666, 67), (0.5, 50), (0.9, 90)] {
            assert_eq!(RenewAt::parse(share).map(RenewAt::hundredths), Some(hundredths), "{share}");
        }
        for wrong in [0.0, 0.29, 0.299, 0.901, 1.0, -0.5, 67.0, f64::NAN, f64::INFINITY] {
            assert_eq!(RenewAt::parse(wrong), None, "{wrong}");
        }
        assert_eq!([RenewAt::of_hundredths(29), RenewAt::of_hundredths(91)], [None, None]);
        assert_eq!(serde_json::to_string(&RenewAt::default()).unwrap(), "0.67");
    }

    #[test]
    fn a_certificate_is_renewed_after_its_share() {
        let day = Duration::from_secs(86_400);
        assert_eq!(RenewAt::default().of(day * 100), day * 67);
        assert_eq!(RenewAt::parse(0.5).unwrap().of(PolicyTerms::MOST_LIFETIME), day * 825 / 2);
    }
}
