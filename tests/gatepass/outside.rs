//! Other tools against the real binary: openssl, curl, PyJWT, jose, Redocly and strace.
//!
//! `.ci/run` installs the tools and runs these; a tool that is missing fails its tests and is named.

mod certificates;
mod durability;
mod echo;
mod guide;
mod lint;
mod proxies;
mod proxy;
mod requests;
mod revocation;
mod script;
mod scripts;
mod served;
mod staged;
mod tls;
mod tokens;
mod tool;
mod trace;
