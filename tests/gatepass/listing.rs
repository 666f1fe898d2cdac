//! Tokens as a list that people work with: pages, filters, taking back with hosts, taking back many, rotating.

mod cli;
mod csv;
mod filters;
mod foreign;
mod many;
mod pages;
mod revoking;
mod rights;
mod rotating;
mod taking;
