//! The presets of a mint: terms for common cases, which the other fields of the body override.

use std::time::Duration;

use super::life::Bounds;
use crate::service::FieldError;
use crate::service::tokens::order::MAX_PERSISTENT_TTL;
use crate::span::{Setting, Spans};
use crate::store::TokenKind;
use crate::token::Terms;

/// The life of an ephemeral roles token that asks for no other, as in Elastic Cloud Enterprise.
const ROLES_TTL: Duration = Duration::from_secs(3600);

/// The preset of a mint; `None` without one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Preset(Option<TokenKind>);

impl Preset {
    /// Reads the name of a preset.
    pub(super) fn parse(name: Option<&str>, faults: &mut Vec<FieldError>) -> Self {
        let Some(name) = name else { return Self(None) };
        let preset = name.parse().ok().filter(|kind| TokenKind::PRESETS.contains(kind));
        if preset.is_none() {
            let known = TokenKind::PRESETS.map(TokenKind::as_str).join(", ");
            faults.push(FieldError::new("preset", format!("one of {known}")));
        }
        Self(preset)
    }

    /// Returns whether its tokens are persistent.
    pub(super) const fn is_persistent(self) -> bool {
        matches!(self.0, Some(TokenKind::Cluster | TokenKind::Rollout))
    }

    /// The maximum number of hosts of a token that asks for no other.
    pub(super) const fn uses(self, persistent: bool) -> Option<u32> {
        match self.0 {
            Some(TokenKind::OneTime) => Some(1),
            None if !persistent => Some(1),
            _ => None,
        }
    }

    /// The bounds of the life of a token. A binding to a cluster bounds it with any preset.
    pub(super) fn bounds(self, persistent: bool, has_cluster: bool, spans: &Spans) -> Bounds {
        match (persistent, has_cluster) {
            (true, true) => Bounds {
                default: Some(spans.cluster_ttl),
                most: Setting::MOST_CLUSTER_TTL,
                way_out: ", which is the most for a token bound to a cluster",
            },
            (true, false) => Bounds { default: None, most: MAX_PERSISTENT_TTL, way_out: "" },
            (false, _) => {
                let ephemeral = Bounds::ephemeral(spans);
                let default = match self.0 {
                    Some(TokenKind::Roles) => Some(ROLES_TTL.min(ephemeral.most)),
                    _ => ephemeral.default,
                };
                Bounds { default, way_out: ": ask for less, or set persistent to true", ..ephemeral }
            }
        }
    }

    /// Checks the fields that the preset needs or forbids.
    pub(super) fn check(
        self,
        terms: &Terms,
        has_label: bool,
        expected_hosts: Option<u32>,
        faults: &mut Vec<FieldError>,
    ) {
        let kind = self.0;
        if kind == Some(TokenKind::Cluster) && terms.bindings.cluster.is_none() {
            faults.push(FieldError::new("bind.cluster", "name the cluster: the preset cluster needs one"));
        }
        if kind == Some(TokenKind::Rollout) && !has_label {
            faults.push(FieldError::new("label", "name the rollout: the preset rollout needs a label"));
        }
        match (expected_hosts, terms.max_uses) {
            (Some(_), _) if kind != Some(TokenKind::Rollout) => {
                faults.push(FieldError::new("expected_hosts", "only for the preset rollout"));
            }
            (Some(hosts), Some(most)) if hosts > most => {
                faults
                    .push(FieldError::new("expected_hosts", format!("more than max_uses, which is {most}")));
            }
            _ => {}
        }
    }

    /// The kind of a token with these terms. `one-time` with other uses makes another kind.
    pub(super) const fn kind(self, terms: &Terms) -> TokenKind {
        match self.0 {
            None | Some(TokenKind::OneTime) => TokenKind::of(terms),
            Some(kind) => kind,
        }
    }
}
