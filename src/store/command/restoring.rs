//! The verbs of a restored database.

use crate::clock::Timestamp;
use crate::id::{ChainId, Serial};
use crate::ledger::Draft;
use crate::store::{KeyRecord, ListRecord, RevocationReason, StoredCertificate};

/// See [`Verbs::restore`](crate::store::Verbs::restore).
pub struct Restore {
    /// The new signing keys: a current and a prepared one for each use.
    pub keys: Vec<KeyRecord>,
    /// The new chain of the ledger. Its id is greater than the one before.
    pub chain: ChainId,
    /// The new status lists, one of each kind.
    pub lists: Vec<ListRecord>,
    /// The certificates on the newest CRLs.
    pub revoked: Vec<ListedCertificate>,
    /// The end of every certificate that the database does not know.
    pub ends_at: Timestamp,
    /// The ledger entry; the store adds the restored head and the numbers.
    pub entry: Draft,
}

/// A certificate on a CRL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListedCertificate {
    /// Its serial number.
    pub serial: Serial,
    /// The time of its revocation.
    pub revoked_at: Timestamp,
    /// The reason on the CRL.
    pub reason: RevocationReason,
}

/// See [`Verbs::adopt_certificate`](crate::store::Verbs::adopt_certificate).
pub struct AdoptCertificate {
    /// The certificate that the host presents.
    pub certificate: StoredCertificate,
    /// The ledger entry.
    pub entry: Draft,
}
