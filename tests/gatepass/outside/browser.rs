//! The dashboard in a real Chromium, as people see and use it: with and without script, by keyboard, in each look.
//!
//! A test starts a [`Browser`] on a [`Served`](super::served::Served). Its end fails if the console has an entry.

mod accounts;
mod acts;
mod admin;
mod axe;
mod check;
mod devtools;
mod driver;
mod html;
mod keyboard;
mod log;
mod look;
mod page;
mod pages;
mod pictures;
mod policies;
mod queue;
mod rights;
mod sample;
mod session;
mod wizard;
