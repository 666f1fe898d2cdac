//! The dashboard, as a browser uses it.

mod events;
