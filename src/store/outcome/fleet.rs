//! The outcomes of verbs for Elastic Fleet's API.

/// Outcome of minting a token by Elastic Fleet's API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FleetMint {
    /// The token is valid now.
    Recorded,
    /// Its signing key no longer signs. Nothing was written: sign the token again.
    KeyGone,
    /// A token of the same policy has the name, maybe one that has ended. Nothing was written.
    NameTaken,
}
