//! Pure decisions about a redemption: a grant against the host's request.

pub mod binding;

pub use binding::{Ask, BindingError};
