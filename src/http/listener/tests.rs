//! Real sockets, real TLS, impatient limits.
