//! Renewals over time: their pace, and their record in `renewal.json` beside the identity.

mod attempt;
mod lock;
mod owed;
pub mod pace;
pub mod record;
mod view;

pub(super) use self::attempt::{attempt, attempt_if_due, earliest, note};
pub use self::attempt::{renew_if_due, renew_now};
pub use self::lock::DaemonLock;
pub use self::owed::{Occasion, OwedHook};
pub use self::view::{RenewalStatus, Renewer};
