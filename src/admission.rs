//! Whether a redemption may go ahead: pure decisions over a grant and what the host asks for.

pub mod binding;

pub use binding::{Ask, BindingError};
