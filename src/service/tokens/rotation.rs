//! Rotating a token: a successor with the same grant, and an end for the token itself once every host has the new one.

use std::time::Duration;

use serde::Deserialize;
use utoipa::ToSchema;

use crate::clock::Timestamp;
use crate::id::TokenId;
use crate::ledger::{Action, Subjects};
use crate::service::tokens::TokenAdmin;
use crate::service::tokens::mint::ATTEMPTS;
use crate::service::tokens::order::{Bind, MAX_PERSISTENT_TTL, MintOrder, MintRequest};
use crate::service::{Caller, FieldError, RequestError, ServiceError, TokenError};
use crate::span::{Spans, parse_span};
use crate::store::{
    MintRecord, RotateToken, RotationRefusal, StoreError, TokenKind, TokenRotation, TokenState,
};
use crate::token::MintedToken;

/// How long both tokens are good unless asked otherwise.
const OVERLAP: Duration = Duration::from_secs(24 * 3600);

/// A rotation as it was asked for, nothing of it judged yet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(default)]
pub struct RotateRequest {
    /// How long both are good, such as `24h`; `0s` = not at all.
    #[schema(pattern = "^[0-9]+[smhd]$", example = "24h")]
    pub overlap: Option<String>,
}

impl RotateRequest {
    /// How long both are good; `None` = not at all.
    ///
    /// # Errors
    /// [`RequestError::Fields`] if that is no span.
    pub fn judge(&self) -> Result<Option<Duration>, RequestError> {
        match self.overlap.as_deref() {
            None => Ok(Some(OVERLAP)),
            // Nowhere else is no time at all a span.
            Some("0s") => Ok(None),
            Some(text) => parse_span(text).map(Some).map_err(|error| {
                let fault = FieldError::new("overlap", format!("{error}; 0s is at once"));
                RequestError::Fields(vec![fault])
            }),
        }
    }
}

/// What a rotation led to.
pub struct Rotated {
    /// The successor. Its text is known nowhere else.
    pub minted: MintedToken,
    /// What it is known by, as the one before.
    pub order: MintOrder,
    /// When the token itself is revoked: later, or it is already.
    pub revokes_at: Timestamp,
}

impl TokenAdmin {
    /// Mints a successor of a token that still admits hosts, with the same roles, uses, bindings, label and, where it expires, span of
    /// life, or the longest that is allowed by now; the token itself is revoked after `overlap`, at once without one.
    ///
    /// # Errors
    /// There is no such token, it has ended, is bound to what no mint asks for, was rotated before or is the emergency token; the successor goes beyond the caller's limits
    /// or could not be minted now.
    pub async fn rotate_token(
        &self,
        caller: &Caller,
        id: TokenId,
        overlap: Option<Duration>,
    ) -> Result<Rotated, ServiceError> {
        let before = self.show_kind(TokenKind::Enrollment, id).await?;
        for _ in 0..ATTEMPTS {
            let now = self.time.trusted()?;
            // What the store would refuse is not signed first.
            before.may_rotate(now).map_err(|refused| refusal(refused, id))?;
            let order = again(&before.mint, now, &self.spans.load())?.judge(
                &self.minting.roles,
                &self.spans.load(),
                now,
                Vec::new(),
            )?;
            caller.may(order.act(now))?;
            let (minted, successor) =
                self.minting.sign(caller, order.clone(), &self.trust.ring(), now).await?;
            let revoke_at = overlap.map(|overlap| now.plus(overlap));
            let subjects = Subjects { token: Some(id), ..Subjects::default() };
            let entry = caller.did(Action::TokenRotated, now).about(subjects);
            let entry = entry.with("replaced_by", successor.record.token.to_string());
            let entry = entry.with("revokes_at", revoke_at.unwrap_or(now).to_string());
            match self.store.rotate_token(RotateToken { token: id, successor, revoke_at, entry }).await? {
                TokenRotation::Rotated => {
                    return Ok(Rotated { minted, order, revokes_at: revoke_at.unwrap_or(now) });
                }
                // The ring has moved on too, once whoever moves the keys is done.
                TokenRotation::KeyGone => drop(self.trust.change().await),
                TokenRotation::Refused(refused) => return Err(refusal(refused, id)),
            }
        }
        Err(StoreError::Overloaded.into())
    }
}

fn refusal(refused: RotationRefusal, id: TokenId) -> ServiceError {
    match refused {
        RotationRefusal::Unknown => RequestError::NotFound { what: "token", id: id.to_string() }.into(),
        RotationRefusal::Emergency => TokenError::EmergencyNotRotated.into(),
        RotationRefusal::Before(successor) => TokenError::AlreadyRotated { successor }.into(),
        RotationRefusal::Ended(state) => match state {
            TokenState::Revoked => TokenError::Revoked.into(),
            TokenState::Used => TokenError::Used.into(),
            TokenState::Exhausted => TokenError::Exhausted.into(),
            TokenState::Expired | TokenState::Pending | TokenState::Active => TokenError::Expired.into(),
        },
    }
}

/// What would have to be asked for to get the same token now. Each field is named, so that none is lost on the way.
fn again(mint: &MintRecord, now: Timestamp, spans: &Spans) -> Result<MintRequest, RequestError> {
    let MintRecord {
        token: _,
        key: _,
        issuer: _,
        minter: _,
        status: _,
        emergency: _,
        audience: _,
        label,
        roles,
        persistent,
        created_at,
        expires_at,
        max_uses,
        dns_names,
        bound_key,
        cluster,
        host,
        policy,
    } = mint;
    let bound = [("host", host.is_some()), ("policy", policy.is_some())];
    let faults = bound.into_iter().filter(|(_, bound)| *bound);
    let faults = faults.map(|(field, _)| FieldError::new(field, "a token that is bound so has no successor"));
    let faults: Vec<_> = faults.collect();
    if !faults.is_empty() {
        return Err(RequestError::Fields(faults));
    }
    // The longest life may have been shortened since.
    let most = if *persistent { MAX_PERSISTENT_TTL } else { spans.max_ephemeral_ttl };
    let expires_at = expires_at.map(|at| now.plus(at.since(*created_at).min(most)).to_string());
    Ok(MintRequest {
        roles: roles.iter().map(ToString::to_string).collect(),
        persistent: *persistent,
        label: label.to_string(),
        ttl: None,
        expires_at,
        max_uses: Some(max_uses.map(i64::from)),
        dns_names: dns_names.iter().map(ToString::to_string).collect(),
        key_thumbprint: bound_key.map(|key| key.to_string()),
        bind: Bind { cluster: cluster.as_ref().map(ToString::to_string) },
        cluster_id: None,
        expires_days: None,
        max_nodes: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{HostId, KeyId, ListId, PolicyId, StatusRef};
    use crate::name::Label;

    const NOW: Timestamp = Timestamp::from_secs(1_900_000_000);
    const SPANS: Spans = Spans {
        default_ttl: Duration::from_secs(900),
        max_ephemeral_ttl: Duration::from_secs(1800),
        cluster_ttl: OVERLAP,
        retention: OVERLAP,
    };

    fn ephemeral(life: Duration) -> MintRecord {
        MintRecord {
            token: TokenId::generate(NOW),
            key: KeyId::of(b"key"),
            issuer: String::from("https://gate.example.org"),
            label: Label::parse("").unwrap(),
            roles: Vec::new(),
            persistent: false,
            emergency: false,
            minter: String::from("user:admin"),
            created_at: NOW,
            expires_at: Some(NOW.plus(life)),
            max_uses: None,
            dns_names: Vec::new(),
            bound_key: None,
            cluster: None,
            host: None,
            policy: None,
            status: StatusRef { list: ListId::generate(NOW), index: 0 },
            audience: None,
        }
    }

    #[test]
    fn a_successor_lives_as_long_as_the_token_or_as_long_as_is_allowed_by_now() {
        for (life, expected) in [
            (Duration::from_secs(600), Duration::from_secs(600)),
            (SPANS.max_ephemeral_ttl * 2, SPANS.max_ephemeral_ttl),
        ] {
            let asked = again(&ephemeral(life), NOW, &SPANS).unwrap();
            assert_eq!(asked.expires_at, Some(NOW.plus(expected).to_string()));
        }
    }

    #[test]
    fn a_token_that_is_bound_to_what_no_mint_asks_for_has_no_successor() {
        let plain = ephemeral(OVERLAP);
        for bound in [
            MintRecord { host: Some(HostId::generate(NOW)), ..plain.clone() },
            MintRecord { policy: Some(PolicyId::generate(NOW)), ..plain },
        ] {
            let refused = again(&bound, NOW, &SPANS);
            assert!(matches!(refused, Err(RequestError::Fields(faults)) if faults.len() == 1));
        }
    }
}
