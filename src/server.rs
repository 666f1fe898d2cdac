//! The composition root: open, wire, run.
