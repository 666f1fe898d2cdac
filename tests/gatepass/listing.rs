//! Tokens as a list that people work with: pages, order, search, filters, taking back with hosts, taking back many, rotating.

mod cli;
mod csv;
mod filters;
mod foreign;
mod many;
mod pages;
mod revoking;
mod rights;
mod rotating;
mod sorting;
mod taking;
