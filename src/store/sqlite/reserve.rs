//! Reserved room on the disk. SQLite takes room even to read (`-shm`), and a start writes small files. So a start on a full
//! disk gives the reserve up, and the store changes nothing until there is room to make it again.

use std::cell::Cell;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{FallocateFlags, fallocate, statvfs};
use rustix::io::Errno;

use super::lock::directory_of;
use super::open_error::{beside, private};

/// Size of the reserve in bytes.
const SIZE: u64 = 1 << 20;
/// Free bytes below which a start gives the reserve up.
const LEAST: u64 = 128 << 10;

/// The file `reserve` beside the database.
pub(super) struct Reserve {
    path: PathBuf,
    held: Cell<bool>,
}

impl Reserve {
    /// Finds the reserve of the database at `path`. On a full disk it is given up.
    pub(super) fn find(path: &Path) -> Self {
        let path = path.with_file_name("reserve");
        // A restored file may have its length without its blocks.
        let held =
            fs::symlink_metadata(&path).is_ok_and(|file| file.is_file() && file.blocks() * 512 >= SIZE);
        let reserve = Self { path, held: Cell::new(held) };
        if held && !reserve.has_room(LEAST) {
            reserve.give_up();
        }
        reserve
    }

    /// Returns whether the reserve is there, so that the store may be changed.
    pub(super) const fn is_held(&self) -> bool {
        self.held.get()
    }

    /// Frees its room.
    pub(super) fn give_up(&self) {
        self.held.set(false);
        match fs::remove_file(&self.path) {
            Ok(()) => tracing::warn!("the disk is full: gave up the reserve to start without writing"),
            Err(error) => {
                tracing::warn!(%error, path = %self.path.display(), "the reserve could not be given up")
            }
        }
    }

    /// Makes the reserve unless it is held. Returns whether it is held then.
    pub(super) fn make(&self) -> bool {
        // Some room stays free, so that the next start does not give it up at once.
        if !self.is_held() && self.has_room(SIZE + LEAST) {
            self.held.set(self.write().is_ok());
        }
        self.is_held()
    }

    fn write(&self) -> io::Result<()> {
        let new = beside(&self.path, ".new");
        let made =
            private().open(&new).and_then(|file| allocate(&file)).and_then(|()| fs::rename(&new, &self.path));
        if made.is_err() {
            let _ = fs::remove_file(&new);
        }
        made
    }

    fn has_room(&self, bytes: u64) -> bool {
        let free = statvfs(directory_of(&self.path)).map(|disk| disk.f_bavail.saturating_mul(disk.f_frsize));
        free.is_ok_and(|free| free >= bytes)
    }
}

/// Takes the blocks of the file from the disk.
fn allocate(mut file: &File) -> io::Result<()> {
    match fallocate(file, FallocateFlags::empty(), 0, SIZE) {
        Err(Errno::OPNOTSUPP | Errno::NOSYS) => file.write_all(&vec![0; SIZE as usize]),
        allocated => Ok(allocated?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reserve_takes_its_room_and_gives_it_up() {
        let directory = tempfile::tempdir().unwrap();
        let database = directory.path().join("gatepass.db");
        let reserve = Reserve::find(&database);
        assert!(!reserve.is_held() && reserve.make());
        let file = directory.path().join("reserve");
        let taken = || fs::metadata(&file).map(|file| file.blocks() * 512).unwrap_or(0);
        assert!(reserve.is_held() && taken() >= SIZE, "{}", taken());
        reserve.give_up();
        assert!(!reserve.is_held() && taken() == 0);
        assert!(reserve.make() && taken() >= SIZE);
        assert!(Reserve::find(&database).is_held());
        File::create(&file).and_then(|file| file.set_len(SIZE)).unwrap();
        assert!(!Reserve::find(&database).is_held(), "a sparse file reserves nothing");
    }
}
