//! Configuration: file, environment and flags into one validated value.
