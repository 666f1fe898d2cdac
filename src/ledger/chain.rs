//! The hash chain: each entry's hash covers the hash of the one before it.

use sha2::{Digest as _, Sha256};

use super::entry::Draft;
use crate::id::ChainId;

/// Keeps the hash of an entry from ever being the hash of anything else.
const TAG: &[u8] = b"gatepass ledger entry";
const VERSION: u8 = 1;
const PREFIX: usize = TAG.len() + 1;
const BODY: usize = PREFIX + 16 + 8 + 32;

/// The end of a chain, to which the next entry is chained.
///
/// A writer works on a copy of it and keeps the copy only once the entries are committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChainHead {
    /// Id of the chain.
    pub chain: ChainId,
    /// Number of the last entry; 0 in an empty chain.
    pub seq: u64,
    /// Hash of the last entry; zeros in an empty chain.
    pub hash: [u8; 32],
}

/// An entry with its number in the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Number of the entry.
    pub seq: u64,
    /// The hashed bytes, to be stored unchanged.
    pub bytes: Vec<u8>,
    /// Their SHA-256.
    pub hash: [u8; 32],
}

impl ChainHead {
    /// The head of a chain without entries.
    pub const fn start(chain: ChainId) -> Self {
        Self { chain, seq: 0, hash: [0; 32] }
    }

    /// Appends `draft`: numbers it and chains it to the last entry.
    ///
    /// # Panics
    /// Never: a draft consists of texts, numbers and maps with text keys, which always serialise.
    pub fn append(&mut self, draft: &Draft) -> Link {
        let seq = self.seq + 1;
        let mut bytes = Vec::with_capacity(512);
        bytes.extend_from_slice(TAG);
        bytes.push(VERSION);
        bytes.extend_from_slice(self.chain.as_bytes());
        bytes.extend_from_slice(&seq.to_be_bytes());
        bytes.extend_from_slice(&self.hash);
        #[expect(clippy::expect_used, reason = "texts, numbers and maps with text keys always serialise")]
        serde_json::to_writer(&mut bytes, draft).expect("a draft is always JSON");
        let hash = Sha256::digest(&bytes).into();
        (self.seq, self.hash) = (seq, hash);
        Link { seq, bytes, hash }
    }
}

/// The parts of the hashed bytes of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HashedEntry<'a> {
    /// Id of the chain.
    pub chain: ChainId,
    /// Number in the chain.
    pub seq: u64,
    /// Hash of the preceding entry.
    pub previous: [u8; 32],
    /// The entry, as JSON.
    pub body: &'a [u8],
}

/// Splits the hashed bytes of an entry; `None` if they have another form or version.
pub fn parse(bytes: &[u8]) -> Option<HashedEntry<'_>> {
    let rest = bytes.strip_prefix(TAG)?.strip_prefix(&[VERSION])?;
    let (chain, rest) = rest.split_first_chunk::<16>()?;
    let (seq, rest) = rest.split_first_chunk::<8>()?;
    let (previous, body) = rest.split_first_chunk::<32>()?;
    debug_assert_eq!(bytes.len() - body.len(), BODY);
    Some(HashedEntry {
        chain: ChainId::from_bytes(*chain),
        seq: u64::from_be_bytes(*seq),
        previous: *previous,
        body,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use crate::ledger::Action;

    #[test]
    fn each_entry_names_its_predecessor() {
        let now = Timestamp::from_secs(1_900_000_000);
        let mut head = ChainHead::start(ChainId::generate(now));
        let draft = Draft::done(Action::TokenCreated, now, "user:admin").with("label", "x");
        let first = head.append(&draft);
        let second = head.append(&draft);
        let parsed = parse(&first.bytes).unwrap();
        assert_eq!((parsed.chain, parsed.seq, parsed.previous), (head.chain, 1, [0; 32]));
        assert_eq!(parsed.body, serde_json::to_vec(&draft).unwrap());
        let parsed = parse(&second.bytes).unwrap();
        assert_eq!((parsed.seq, parsed.previous), (2, first.hash));
        assert_eq!((head.seq, head.hash), (2, second.hash));
    }

    #[test]
    fn bytes_of_another_form_are_not_an_entry() {
        assert_eq!(parse(b""), None);
        assert_eq!(parse(TAG), None);
        let mut other = TAG.to_vec();
        other.extend_from_slice(&[VERSION + 1; 80]);
        assert_eq!(parse(&other), None);
    }
}
