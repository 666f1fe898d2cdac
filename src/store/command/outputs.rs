//! The verbs about outputs and the keys of the seal.

use std::sync::Arc;

use crate::id::{OutputId, SealKeyId};
use crate::ledger::Draft;
use crate::name::Label;
use crate::seal::Seal;
use crate::store::{Output, OutputSecret, OutputSettings, SecretField};

/// Maximum number of outputs.
pub const MOST_OUTPUTS: u32 = 1000;

/// See [`Verbs::create_output`](crate::store::Verbs::create_output).
pub struct CreateOutput {
    /// The output at its first revision.
    pub output: Output,
    /// Its secrets, sealed with the newest key.
    pub secrets: Vec<OutputSecret>,
    /// Ledger entry of the act.
    pub entry: Draft,
}

/// See [`Verbs::change_output`](crate::store::Verbs::change_output). The entry's time and actor are those of the revision.
pub struct ChangeOutput {
    /// Id of the output.
    pub output: OutputId,
    /// The revision that was judged.
    pub revision: u64,
    /// New name.
    pub name: Label,
    /// New fields.
    pub settings: OutputSettings,
    /// Secrets that are new or replace others, sealed with the newest key.
    pub secrets: Vec<OutputSecret>,
    /// True if the secrets go to another address or in another way: the former cluster keeps its own until its keys have ended.
    pub is_moved: bool,
    /// Secrets that are deleted.
    pub dropped: Vec<SecretField>,
    /// Ledger entry of the act.
    pub entry: Draft,
}

/// See [`Verbs::delete_output`](crate::store::Verbs::delete_output).
pub struct DeleteOutput {
    /// Id of the output.
    pub output: OutputId,
    /// The revision that was judged.
    pub revision: u64,
    /// Ledger entry of the act.
    pub entry: Draft,
}

/// See [`Verbs::add_seal_key`](crate::store::Verbs::add_seal_key).
pub struct AddSealKey {
    /// The key. Its file exists.
    pub key: SealKeyId,
    /// Ledger entry of the act.
    pub entry: Draft,
}

/// See [`Verbs::rotate_seal`](crate::store::Verbs::rotate_seal).
pub struct RotateSeal {
    /// The new key. Its file exists.
    pub key: SealKeyId,
    /// The keys in use, and the new one as the newest.
    pub seal: Arc<Seal>,
    /// The entry; the store adds the number of secrets.
    pub entry: Draft,
}
