//! The process itself.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Switches core dumps off, as they would hold keys, and raises the limit on open files to what the system allows.
/// What the system refuses stays as it was: the server works, with less of both.
pub fn harden() {
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    let files = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: files.maximum, maximum: files.maximum });
}
