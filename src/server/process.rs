//! The process itself.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Switches core dumps off, as they would hold keys, and raises the limit on open files to what the system allows.
/// What the system refuses stays as it was: the server works, with less of both. How many files may be open now; `None` if
/// any number.
pub fn harden() -> Option<usize> {
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    let files = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: files.maximum, maximum: files.maximum });
    getrlimit(Resource::Nofile).current.map(|most| usize::try_from(most).unwrap_or(usize::MAX))
}
