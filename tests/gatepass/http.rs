//! The HTTP surface: documents and dialects, renewal over mTLS, roles, keys and external URLs.

mod keys;
