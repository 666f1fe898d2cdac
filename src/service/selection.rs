//! The name of a set of tokens or hosts, which a dry run returns and the revocation gives back.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use sha2::{Digest as _, Sha256};

use super::RequestError;

/// The name of a set of tokens or hosts. Another set of the same size has another name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Selection(String);

impl Selection {
    /// The name of the set of these ids, in any order.
    pub(super) fn of(ids: impl Iterator<Item = [u8; 16]>) -> Self {
        let mut ids: Vec<_> = ids.collect();
        ids.sort_unstable();
        let mut whole = Sha256::new();
        ids.iter().for_each(|id| whole.update(id));
        Self(URL_SAFE_NO_PAD.encode(whole.finalize()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Checks that `ids` are this set.
    ///
    /// # Errors
    /// [`RequestError::CountChanged`] if they are not.
    pub(super) fn judge(&self, ids: impl ExactSizeIterator<Item = [u8; 16]>) -> Result<(), RequestError> {
        let count = ids.len() as u64;
        if *self == Self::of(ids) { Ok(()) } else { Err(RequestError::CountChanged { count }) }
    }
}

impl<'de> Deserialize<'de> for Selection {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Selection;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the `selection` of a dry run, not its `count`")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Selection, E> {
                Ok(Selection(text.to_owned()))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selection_names_one_set_in_any_order() {
        let of = |ids: &[u8]| Selection::of(ids.iter().map(|id| [*id; 16]));
        assert_eq!(of(&[1, 2]), of(&[2, 1]));
        assert_ne!(of(&[1, 2]), of(&[1, 3]));
        assert_ne!(of(&[]), of(&[0]));
        assert_eq!(of(&[]).as_str().len(), 43);
    }

    #[test]
    fn another_set_of_the_same_size_is_refused() {
        let (counted, others) = ([[1; 16], [2; 16]], [[1; 16], [3; 16]]);
        let selection = Selection::of(counted.into_iter());
        assert_eq!(selection.judge(counted.into_iter()), Ok(()));
        let changed = Err(RequestError::CountChanged { count: 2 });
        assert_eq!(selection.judge(others.into_iter()), changed);
    }
}
