//! What changes the signing keys.

use super::RecordMint;
use crate::clock::Timestamp;
use crate::id::KeyId;
use crate::ledger::Draft;
use crate::store::KeyRecord;

/// See [`Verbs::add_keys`](crate::store::Verbs::add_keys).
pub struct AddKeys {
    /// The keys.
    pub keys: Vec<KeyRecord>,
    /// The entry.
    pub entry: Draft,
}

/// See [`Verbs::rotate_keys`](crate::store::Verbs::rotate_keys). Among the keys of its use the prepared one becomes current, the current one previous.
pub struct RotateKeys {
    /// The key that is prepared next.
    pub next: KeyRecord,
    /// When.
    pub at: Timestamp,
    /// The entry.
    pub entry: Draft,
}

/// See [`Verbs::retire_key`](crate::store::Verbs::retire_key). The current and the prepared key cannot be retired unless they are compromised.
pub struct RetireKey {
    /// The key.
    pub key: KeyId,
    /// What is done about tokens and other keys.
    pub terms: RetireTerms,
    /// The successor of the emergency token, if that ends here; recorded only then.
    pub emergency: Option<RecordMint>,
    /// When.
    pub at: Timestamp,
    /// The entry; the store adds how many tokens ended.
    pub entry: Draft,
}

/// On which terms a key is retired.
pub enum RetireTerms {
    /// Only if no live persistent token needs it.
    Unneeded,
    /// Live persistent tokens that need it are revoked with it.
    EvenNeeded,
    /// Somebody else may have its private half, and those that lay beside it. Its tokens are revoked, and the emergency
    /// token whoever signed it. Whatever key was current or prepared signs no more, and from now on every key but the
    /// fresh ones verifies persistent tokens only.
    Compromised(FreshKeys),
}

/// Keys that nobody has seen: for each use the one that is current from now on, and the one that is prepared.
#[derive(Clone)]
pub struct FreshKeys(pub Vec<KeyRecord>);
