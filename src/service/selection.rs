//! What was counted, as a text that is brought back: the same number may be of others by then.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

use super::RequestError;

/// Names a set of tokens or hosts: no other set has the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection(String);

impl Selection {
    /// What names the set of these ids, in whatever order they come.
    pub(super) fn of(ids: impl Iterator<Item = [u8; 16]>) -> Self {
        let mut ids: Vec<_> = ids.collect();
        ids.sort_unstable();
        let mut whole = Sha256::new();
        ids.iter().for_each(|id| whole.update(id));
        Self(URL_SAFE_NO_PAD.encode(whole.finalize()))
    }

    /// What somebody says that names a set.
    pub const fn said(text: String) -> Self {
        Self(text)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What was counted before; if it is something else by now nothing is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expected {
    /// So many.
    Count(u64),
    /// Exactly these.
    These(Selection),
}

impl Expected {
    /// Whether `ids` are what was expected.
    ///
    /// # Errors
    /// [`RequestError::CountChanged`] if not.
    pub(super) fn judge(&self, ids: impl ExactSizeIterator<Item = [u8; 16]>) -> Result<(), RequestError> {
        let count = ids.len() as u64;
        let same = match self {
            Self::Count(expected) => *expected == count,
            Self::These(expected) => *expected == Selection::of(ids),
        };
        if same { Ok(()) } else { Err(RequestError::CountChanged { count }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selection_names_the_set_whatever_its_order_and_no_other() {
        let of = |ids: &[u8]| Selection::of(ids.iter().map(|id| [*id; 16]));
        assert_eq!(of(&[1, 2]), of(&[2, 1]));
        assert_ne!(of(&[1, 2]), of(&[1, 3]));
        assert_ne!(of(&[]), of(&[0]));
        assert_eq!(of(&[]).as_str().len(), 43);
    }

    #[test]
    fn as_many_others_are_not_what_was_counted() {
        let (counted, others) = ([[1; 16], [2; 16]], [[1; 16], [3; 16]]);
        let these = Expected::These(Selection::of(counted.into_iter()));
        let changed = Err(RequestError::CountChanged { count: 2 });
        assert_eq!(these.judge(counted.into_iter()), Ok(()));
        assert_eq!(these.judge(others.into_iter()), changed);
        assert_eq!(Expected::Count(2).judge(others.into_iter()), Ok(()));
        assert_eq!(Expected::Count(3).judge(others.into_iter()), changed);
    }
}
