//! The HTTP surface: documents and dialects, renewal over mTLS, roles, keys and external URLs.

mod first_contact;
mod identity;
mod issuers;
mod keys;
mod renewal;
mod roles;
mod surface;
