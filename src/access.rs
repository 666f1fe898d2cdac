//! Access: actors, permissions, limits, passwords. Pure decisions that read no store. Only rate limits read a clock, a
//! monotonic one that their caller passes in.

pub mod actor;
pub mod address;
pub mod api_key;
pub mod limits;
pub mod mask;
pub mod opaque_key;
pub mod password;
pub mod permission;
pub mod proof;
pub mod rights;
pub mod scope;
mod secret_text;
pub mod session;
pub mod sign_in;
pub mod throttle;
pub mod user_role;

pub use actor::Actor;
pub use api_key::ApiKey;
pub use limits::Limits;
pub use opaque_key::OpaqueKey;
pub use permission::{Permission, Permissions};
pub use rights::{Act, Excess, Rights};
pub use scope::Scope;
pub use session::{SessionKind, SessionSecret};
pub use sign_in::SignInLimits;
pub use user_role::UserRole;
