//! The base of the tests: a real authority over real TLS with a database file, and hosts that enroll with it.

pub(crate) mod authority;
pub(crate) mod client;
pub(crate) mod cluster;
pub(crate) mod condition;
pub(crate) mod database;
pub(crate) mod described;
pub(crate) mod fleet;
pub(crate) mod follower;
pub(crate) mod forge;
pub(crate) mod gateway;
pub(crate) mod host;
pub(crate) mod inside;
pub(crate) mod listing;
pub(crate) mod manager;
pub(crate) mod pattern;
pub(crate) mod process;
pub(crate) mod pty;
pub(crate) mod sample;
pub(crate) mod schema;
pub(crate) mod served;
pub(crate) mod site;
pub(crate) mod terminal;
pub(crate) mod tunnel;
pub(crate) mod unheard;
pub(crate) mod wire;

pub(crate) use authority::Running;
pub(crate) use client::Said;
pub(crate) use condition::eventually;
pub(crate) use follower::Follower;
pub(crate) use host::Host;
pub(crate) use process::Process;
pub(crate) use pty::AtTerminal;
