//! Values that must never be printed, copied by accident or left behind in memory.

pub mod file;

use serde::{Deserialize, Deserializer};
use zeroize::Zeroize;

/// A secret: it has no `Debug`, `Display`, `Clone` or `Serialize`, and its memory is overwritten on drop.
///
/// ```compile_fail
/// let secret = gatepass::secret::Secret::new(String::from("hunter2"));
/// println!("{secret:?}");
/// ```
pub struct Secret<T: Zeroize>(T);

impl<T: Zeroize> Secret<T> {
    /// Wraps a value.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value. Review every call of this.
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

/// An empty secret, for an absent field of a request.
impl<T: Zeroize + Default> Default for Secret<T> {
    fn default() -> Self {
        Self(T::default())
    }
}

/// A field of a request is a secret from the moment it is read, also if a later field is refused.
impl<'de> Deserialize<'de> for Secret<String> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self)
    }
}
