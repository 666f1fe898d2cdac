//! The external URLs of the authority: the current one, and former ones that live tokens still name.

use crate::store::IssuerRecord;

/// The external URLs whose tokens are accepted.
#[derive(Clone, Debug)]
pub struct Issuers {
    current: String,
    accepted: Vec<String>,
}

impl Issuers {
    /// The URLs of the stored records; `None` if no record is current.
    pub fn from_records(records: &[IssuerRecord]) -> Option<Self> {
        let current = records.iter().find(|record| record.current)?.url.clone();
        Some(Self { current, accepted: records.iter().map(|record| record.url.clone()).collect() })
    }

    /// The URL that new tokens name.
    pub fn current(&self) -> &str {
        &self.current
    }

    /// Every URL whose tokens are accepted, the current one first.
    pub fn current_first(&self) -> impl Iterator<Item = &str> {
        let former = self.accepted.iter().filter(|issuer| **issuer != self.current);
        std::iter::once(&self.current).chain(former).map(String::as_str)
    }

    /// Every URL whose tokens are accepted.
    pub fn accepted(&self) -> &[String] {
        &self.accepted
    }
}
