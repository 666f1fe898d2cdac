//! A lock on a file that one process at a time may hold.

use std::fs::{File, TryLockError};
use std::io;

/// An exclusive lock. Dropping it unlocks the file instead of only closing it. A process that is just starting has a copy
/// of the descriptor and would keep the lock.
#[derive(Debug)]
pub struct FileLock(File);

impl FileLock {
    /// Locks `file`. Waits until no other process holds the lock.
    ///
    /// # Errors
    /// The file system has no locks.
    pub fn wait(file: File) -> io::Result<Self> {
        file.lock().map(|()| Self(file))
    }

    /// Locks `file`, without waiting.
    ///
    /// # Errors
    /// Another process holds the lock, or the file system has no locks.
    pub fn try_new(file: File) -> Result<Self, TryLockError> {
        file.try_lock().map(|()| Self(file))
    }
}

impl Drop for FileLock {
    fn drop(&mut self) {
        // The end of the process releases a lock that cannot be released here.
        let _ = self.0.unlock();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dropped_lock_is_free_despite_a_copied_descriptor() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let open = || File::open(file.path()).unwrap();
        let mine = open();
        let copy = mine.try_clone().unwrap();
        let lock = FileLock::try_new(mine).unwrap();
        assert!(matches!(FileLock::try_new(open()), Err(TryLockError::WouldBlock)));
        drop(lock);
        assert!(FileLock::try_new(open()).is_ok());
        drop(copy);
    }
}
