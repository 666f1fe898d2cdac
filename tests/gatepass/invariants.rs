//! The invariants I1 to I10 of the design, each in tests that carry its name.

mod collection;
mod crash;
mod entries;
mod grants;
mod lost_answer;
mod model;
mod outlive;
mod race;
mod refused;
mod revoked;
mod routes;
mod secrets;
mod unverified;
