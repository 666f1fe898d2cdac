//! The invariants I1 to I10 of the design, each in tests that carry its name.

mod crash;
mod lost_answer;
mod model;
mod outlive;
mod race;
mod refused;
mod revoked;
mod unverified;
