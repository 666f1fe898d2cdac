//! Tokens in words and rows, for every page that shows them.

use super::parts::{Mark, Moment, Tone, grouped, length};
use crate::clock::Timestamp;
use crate::id::TokenId;
use crate::name::Role;
use crate::service::labels::ActorLabels;
use crate::store::{HostRecord, MintRecord, TokenKind, TokenRecord, TokenState, TokenWarning};
use crate::token::Terms;

/// A token in a list.
pub(super) struct TokenRow {
    pub(super) id: TokenId,
    pub(super) short_id: String,
    pub(super) label: String,
    pub(super) state: Mark,
    pub(super) warning: Option<Mark>,
    /// It ended: the row is grey, and offers nothing.
    pub(super) ended: bool,
    pub(super) kind: &'static str,
    pub(super) roles: String,
    pub(super) uses: String,
    pub(super) created: Moment,
    pub(super) expires: Option<Moment>,
    pub(super) last_used: Option<Moment>,
    pub(super) minter: String,
}

impl TokenRow {
    pub(super) fn new(record: &TokenRecord, labels: &ActorLabels, now: Timestamp) -> Self {
        let (mint, state) = (&record.mint, record.state(now));
        let terms = &mint.terms;
        Self {
            id: mint.token.id,
            short_id: short(&mint.token.id.to_string()),
            label: token_label(mint),
            state: state_mark(record, now),
            warning: record.warning(now).map(|warning| match warning {
                TokenWarning::RolloutComplete => Mark(Tone::Warn, "rollout complete: revoke?"),
                TokenWarning::ExpiresSoon => Mark(Tone::Warn, "expires soon: rotate"),
            }),
            ended: !TokenState::LIVE.contains(&state) && state != TokenState::Suspended,
            kind: mint.kind().unwrap_or(TokenKind::Custom).as_str(),
            roles: roles(&terms.roles),
            uses: format!("{} / {}", grouped(record.used.into()), most(terms)),
            created: Moment::new(mint.created_at, now),
            expires: terms.expires_at.map(|at| Moment::new(at, now)),
            last_used: record.last_use.map(|last| Moment::new(last.at, now)),
            minter: actor(&mint.minter, labels),
        }
    }
}

/// The last eight digits of an id, which searches find.
pub(super) fn short(id: &str) -> String {
    format!("…{}", id.get(id.len().saturating_sub(8)..).unwrap_or(id))
}

/// The label of a token, or else its kind.
pub(super) fn token_label(mint: &MintRecord) -> String {
    match mint.label.as_str() {
        "" => format!("{} token", mint.kind().unwrap_or(TokenKind::Custom).as_str()),
        label => label.to_owned(),
    }
}

/// An actor of the ledger as people say it.
pub(super) fn actor(actor: &str, labels: &ActorLabels) -> String {
    match (labels.get(actor), actor.split_once(':')) {
        (Some(label), _) => format!("{label} (API key)"),
        (None, Some(("user", name))) => name.to_owned(),
        (None, Some((kind, id))) => format!("{} {}", kind.replace('_', " "), short(id)),
        (None, None) => actor.to_owned(),
    }
}

/// The state of a token. One that has admitted nobody yet is unused.
pub(super) fn state_mark(record: &TokenRecord, now: Timestamp) -> Mark {
    match record.state(now) {
        TokenState::Pending => Mark(Tone::Wait, "unused"),
        TokenState::Active if record.used == 0 => Mark(Tone::Wait, "unused"),
        TokenState::Active => Mark(Tone::Good, "active"),
        TokenState::Used => Mark(Tone::Plain, "used"),
        TokenState::Exhausted => Mark(Tone::Plain, "exhausted"),
        TokenState::Expired => Mark(Tone::Plain, "expired"),
        TokenState::Suspended => Mark(Tone::Warn, "suspended"),
        TokenState::Revoked => Mark(Tone::Bad, "revoked"),
    }
}

/// The name of a host for people: a label, a name, or the end of its id.
pub(super) fn host_name(host: &HostRecord) -> String {
    let label = host.label.as_ref().map(ToString::to_string);
    let hostname = || host.reported.as_ref().and_then(|reported| reported.report.hostname.clone());
    let name = || host.facts.name.as_ref().map(ToString::to_string);
    label.or_else(name).or_else(hostname).unwrap_or_else(|| short(&host.id.to_string()))
}

/// Roles in words.
pub(super) fn roles(roles: &[Role]) -> String {
    match roles {
        [] => "none".to_owned(),
        roles => roles.iter().map(Role::as_str).collect::<Vec<_>>().join(", "),
    }
}

fn most(terms: &Terms) -> String {
    terms.max_uses.map_or_else(|| "∞".to_owned(), |most| grouped(most.into()))
}

/// The sentence that says what a token allows.
pub(super) fn sentence(terms: &Terms, now: Timestamp) -> String {
    let hosts = match terms.max_uses {
        Some(1) => "one host".to_owned(),
        Some(most) => format!("up to {} hosts", grouped(most.into())),
        None => "any number of hosts".to_owned(),
    };
    let hosts = match &terms.bindings.cluster {
        Some(cluster) => format!("{hosts} of the cluster {cluster}"),
        None => hosts,
    };
    let roles = match terms.roles.len() {
        0 => "without roles".to_owned(),
        1 => format!("with the role {}", roles(&terms.roles)),
        _ => format!("with the roles {}", roles(&terms.roles)),
    };
    let until = match terms.expires_at {
        Some(at) => format!("within {}", length(at.since(now))),
        None => "until you revoke it".to_owned(),
    };
    format!("Admits {hosts} {roles}, {until}.")
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_900_000_000);

    #[test]
    fn the_sentence_names_hosts_roles_and_life() {
        let of = |terms| sentence(&terms, NOW);
        let one = Terms {
            max_uses: Some(1),
            expires_at: Some(Timestamp::from_secs(1_900_000_900)),
            ..Terms::default()
        };
        assert_eq!(of(one.clone()), "Admits one host without roles, within 15 min.");
        let roles = ["proxy", "web"].map(|role| Role::parse(role).unwrap()).to_vec();
        let many = Terms { max_uses: Some(1500), expires_at: None, roles, ..Terms::default() };
        let expected = "Admits up to 1 500 hosts with the roles proxy, web, until you revoke it.";
        assert_eq!(of(many).replace('\u{202f}', " "), expected);
        let any = Terms { max_uses: None, expires_at: None, ..one };
        assert_eq!(of(any), "Admits any number of hosts without roles, until you revoke it.");
    }
}
