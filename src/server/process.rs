//! The process itself.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Disables core dumps, which would hold keys, and raises the limit of open files as far as the system allows.
/// A change that the system refuses is skipped. Returns the number of files that may be open; `None` if it is unlimited.
pub fn harden() -> Option<usize> {
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    let files = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: files.maximum, maximum: files.maximum });
    getrlimit(Resource::Nofile).current.map(|most| usize::try_from(most).unwrap_or(usize::MAX))
}
