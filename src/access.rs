//! Who may do what: actors, permissions, passwords. Pure decisions; nothing here reads a store or a clock.

pub mod actor;
pub mod password;
pub mod permission;
pub mod proof;

pub use actor::Actor;
pub use permission::Permission;
