//! The verbs about signing keys.

use super::RecordMint;
use crate::id::KeyId;
use crate::ledger::Draft;
use crate::store::KeyRecord;

/// See [`Verbs::add_keys`](crate::store::Verbs::add_keys).
pub struct AddKeys {
    /// The added keys.
    pub keys: Vec<KeyRecord>,
    /// Ledger entry of the act.
    pub entry: Draft,
}

/// See [`Verbs::rotate_keys`](crate::store::Verbs::rotate_keys). The prepared key becomes current, the current key becomes previous.
pub struct RotateKeys {
    /// The new prepared key.
    pub next: KeyRecord,
    /// Ledger entry of the act.
    pub entry: Draft,
}

/// See [`Verbs::retire_key`](crate::store::Verbs::retire_key). A current or prepared key retires only if it is compromised.
pub struct RetireKey {
    /// Id of the key.
    pub signing_key: KeyId,
    /// The treatment of tokens and other keys.
    pub terms: RetireTerms,
    /// The successor of the emergency token, recorded only if that is revoked here.
    pub emergency: Option<RecordMint>,
    /// The entry; the store adds the number of revoked tokens.
    pub entry: Draft,
}

/// The treatment of tokens and other keys when a key retires.
pub enum RetireTerms {
    /// Retire only if no live persistent token needs the key.
    Unneeded,
    /// Revoke the live persistent tokens that need the key.
    EvenNeeded,
    /// An attacker may have its private half and those stored beside it. The key's tokens are revoked, and the emergency token of any key.
    /// Current and prepared keys stop signing. Every key except these fresh ones, a current and a prepared
    /// one for each use, then verifies persistent tokens only.
    Compromised(Vec<KeyRecord>),
}
