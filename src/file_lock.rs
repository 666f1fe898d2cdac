//! A lock on a file that one process at a time may hold.

use std::fs::{File, TryLockError};

/// An exclusive lock. Dropping it unlocks the file by name of the lock, not merely by closing it: a process that is just
/// being started has a copy of the descriptor until it runs, and would hold the lock for that long.
#[derive(Debug)]
pub struct FileLock(File);

impl FileLock {
    /// Locks `file`, without waiting.
    ///
    /// # Errors
    /// Somebody else holds the lock, or the file system knows no locks.
    pub fn try_new(file: File) -> Result<Self, TryLockError> {
        file.try_lock().map(|()| Self(file))
    }
}

impl Drop for FileLock {
    fn drop(&mut self) {
        // What cannot be unlocked is unlocked when the process ends.
        let _ = self.0.unlock();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dropped_lock_is_free_although_the_descriptor_lives_on_elsewhere() {
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
