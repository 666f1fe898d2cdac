//! Token rotation: a successor with the same terms, and the end of the token itself after an overlap.

use std::time::Duration;

use crate::clock::Timestamp;
use crate::id::TokenId;
use crate::ledger::{Action, Subjects};
use crate::service::base::ATTEMPTS;
use crate::service::policies::live::LivePolicies;
use crate::service::tokens::TokenAdmin;
use crate::service::tokens::order::{Catalogue, MAX_PERSISTENT_TTL, MintOrder};
use crate::service::{Caller, FieldError, RequestError, ServiceError, TokenError};
use crate::span::Spans;
use crate::store::{
    MintRecord, RotateToken, RotationRefusal, StoreError, TokenPurpose, TokenRotation, TokenState, TokenType,
};
use crate::token::MintedToken;

/// The overlap of a rotation that asks for no other.
pub const OVERLAP: Duration = Duration::from_secs(24 * 3600);

/// The result of a rotation.
pub struct Rotated {
    /// The successor. Its text is known nowhere else.
    pub minted: MintedToken,
    /// The order of the successor.
    pub order: MintOrder,
    /// The time at which the token itself is revoked; not later than now if it already is.
    pub revokes_at: Timestamp,
}

impl TokenAdmin {
    /// Mints a successor of a live token, with the same terms and label. The life is that of the token, or the longest one
    /// allowed now. The token itself is revoked after `overlap`, or at once without one.
    ///
    /// # Errors
    /// The token is unknown, has ended, was rotated before, or is the emergency token. It is bound to a host. The
    /// successor goes beyond the caller's limits, or cannot be minted now.
    pub async fn rotate_token(
        &self,
        caller: &Caller,
        id: TokenId,
        overlap: Option<Duration>,
    ) -> Result<Rotated, ServiceError> {
        let before = self.show_typed(TokenType::Enrollment, id).await?;
        for _ in 0..ATTEMPTS {
            let now = self.base.time.trusted()?;
            // A successor that the store would refuse is not signed.
            before.may_rotate(now).map_err(|refused| refusal(refused, id))?;
            let known = (&*self.minting.roles, &*self.minting.policies);
            let order = again(&before.mint, known, &self.spans.load(), now)?;
            caller.may(order.act(now))?;
            let (minted, successor) =
                self.minting.sign(caller, order.clone(), &self.minting.trust.ring(), now).await?;
            let revoke_at = overlap.map(|overlap| now.plus(overlap));
            let subjects = Subjects::token(id);
            let entry = caller.did(Action::TokenRotated, now).about(subjects);
            let entry = entry.with("replaced_by", successor.record.token.id.to_string());
            let entry = entry.with("revokes_at", revoke_at.unwrap_or(now).to_string());
            match self.base.store.rotate_token(RotateToken { token: id, successor, revoke_at, entry }).await?
            {
                TokenRotation::Rotated => {
                    return Ok(Rotated { minted, order, revokes_at: revoke_at.unwrap_or(now) });
                }
                // The ring has changed too, once the change of keys has finished.
                TokenRotation::KeyGone => drop(self.minting.trust.change().await),
                TokenRotation::Refused(refused) => return Err(refusal(refused, id)),
            }
        }
        Err(StoreError::Contended.into())
    }
}

fn refusal(refused: RotationRefusal, id: TokenId) -> ServiceError {
    match refused {
        RotationRefusal::Unknown => RequestError::not_found("token", id).into(),
        RotationRefusal::Emergency => TokenError::EmergencyNotRotated.into(),
        RotationRefusal::Before(successor) => TokenError::AlreadyRotated { successor }.into(),
        RotationRefusal::Ended(state) => ended(state).into(),
    }
}

/// The error of a token in a state in which it admits no host.
pub(super) const fn ended(state: TokenState) -> TokenError {
    match state {
        TokenState::Revoked => TokenError::Revoked,
        TokenState::Suspended => TokenError::Suspended,
        TokenState::Used => TokenError::Used,
        TokenState::Exhausted => TokenError::Exhausted,
        TokenState::Expired | TokenState::Pending | TokenState::Active => TokenError::Expired,
    }
}

/// The order of a successor with the same terms and of the same kind.
fn again(
    mint: &MintRecord,
    (catalogue, policies): (&Catalogue, &LivePolicies),
    spans: &Spans,
    now: Timestamp,
) -> Result<MintOrder, RequestError> {
    let TokenPurpose::Enrollment(kind) = mint.purpose else {
        return Err(RequestError::not_found("token", mint.token.id));
    };
    let mut terms = mint.terms.clone();
    let mut faults = Vec::new();
    if terms.bindings.host.is_some() {
        faults.push(FieldError::new("host", "a token with this binding has no successor"));
    }
    if let Some(policy) = terms.policy {
        match policies.get(policy) {
            None => faults.push(FieldError::new("policy", "no such policy: give the id of one")),
            Some(policy) => {
                let refusals = terms.roles.iter().filter_map(|role| policy.terms.refuses(role));
                faults.extend(refusals.map(|refusal| FieldError::new("roles", refusal)));
            }
        }
    }
    let roles = terms.roles.iter().map(ToString::to_string).collect::<Vec<_>>();
    terms.roles = catalogue.pick(&roles, &mut faults);
    RequestError::refuse(faults)?;
    // The longest life may have been shortened since the token was minted.
    let most = if terms.persistent { MAX_PERSISTENT_TTL } else { spans.max_ephemeral_ttl };
    let life = |at: Timestamp| at.since(mint.created_at).min(most);
    terms.expires_at = terms.expires_at.map(|at| now.plus(life(at)).whole_second());
    Ok(MintOrder { terms, label: mint.label.clone(), kind, expected_hosts: mint.expected_hosts })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{HostId, KeyId, ListId, PolicyId, StatusRef};
    use crate::name::{Label, Role};
    use crate::store::TokenKind;
    use crate::token::{Bindings, Terms, TokenRef};

    const NOW: Timestamp = Timestamp::from_secs(1_900_000_000);
    const SPANS: Spans = Spans {
        default_ttl: Duration::from_secs(900),
        max_ephemeral_ttl: Duration::from_secs(1800),
        cluster_ttl: OVERLAP,
        retention: OVERLAP,
    };

    fn ephemeral(life: Duration) -> MintRecord {
        let status = StatusRef { list: ListId::generate(NOW), index: 0 };
        let issuer = String::from("https://gate.example.org");
        MintRecord {
            token: TokenRef { id: TokenId::generate(NOW), issuer, status },
            terms: Terms { expires_at: Some(NOW.plus(life)), ..Terms::default() },
            signing_key: KeyId::of(b"key"),
            label: Label::parse("").unwrap(),
            minter: String::from("user:admin"),
            created_at: NOW,
            purpose: TokenPurpose::Enrollment(TokenKind::OneTime),
            expected_hosts: None,
            batch: None,
        }
    }

    fn refused(terms: Terms) -> bool {
        let refused = again(
            &MintRecord { terms, ..ephemeral(OVERLAP) },
            (&Catalogue::default(), &LivePolicies::default()),
            &SPANS,
            NOW,
        );
        matches!(refused, Err(RequestError::Fields(faults)) if faults.len() == 1)
    }

    #[test]
    fn a_successor_lives_within_the_allowed_life() {
        for (life, expected) in [
            (Duration::from_secs(600), Duration::from_secs(600)),
            (SPANS.max_ephemeral_ttl * 2, SPANS.max_ephemeral_ttl),
        ] {
            let order =
                again(&ephemeral(life), (&Catalogue::default(), &LivePolicies::default()), &SPANS, NOW)
                    .unwrap();
            assert_eq!(order.terms.expires_at, Some(NOW.plus(expected)));
        }
    }

    #[test]
    fn a_bound_token_has_no_successor() {
        let plain = ephemeral(OVERLAP).terms;
        let bindings = Bindings { host: Some(HostId::generate(NOW)), ..Bindings::default() };
        assert!(refused(Terms { bindings, ..plain.clone() }));
        assert!(refused(Terms { policy: Some(PolicyId::generate(NOW)), ..plain }));
    }

    #[test]
    fn a_removed_role_is_not_given_again() {
        let roles = vec![Role::parse("gone").unwrap()];
        assert!(refused(Terms { roles, ..ephemeral(OVERLAP).terms }));
    }
}
