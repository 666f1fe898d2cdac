//! Values that must never be printed, copied by accident or left behind in memory.

use serde::{Deserialize, Deserializer};
use zeroize::Zeroize;

/// A secret: it has no `Debug`, `Display`, `Clone` or `Serialize`, and its memory is overwritten when it goes.
///
/// ```compile_fail
/// let secret = gatepass::secret::Secret::new(String::from("hunter2"));
/// println!("{secret:?}");
/// ```
pub struct Secret<T: Zeroize>(T);

impl<T: Zeroize> Secret<T> {
    /// Takes a value into custody.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value itself. Review every call of this.
    pub const fn expose(&self) -> &T {
        &self.0
    }
}

impl<T: Zeroize> Drop for Secret<T> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl<T: Zeroize> From<T> for Secret<T> {
    fn from(value: T) -> Self {
        Self(value)
    }
}

/// An empty one, where a request has none.
impl<T: Zeroize + Default> Default for Secret<T> {
    fn default() -> Self {
        Self(T::default())
    }
}

/// So that a field of a request is in custody from the moment it is read, also when what follows it is refused.
impl<'de> Deserialize<'de> for Secret<String> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self)
    }
}
