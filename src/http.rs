//! The HTTP surface: listener, TLS, front, the table of routes, problems.
