//! A small ext4 file system on a loop device, which can be filled, and can lose its power.

use std::fs::{self, File};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::Fault;
use crate::tools::{need_root, run};

/// `EXT4_IOC_SHUTDOWN` with `EXT4_GOING_FLAGS_NOLOGFLUSH`: from now on nothing reaches the device, neither data nor journal.
/// Perl is on every Debian, and our own code has no `unsafe` call.
const POWER_CUT: &str = r#"my $flag = pack("I", 2); sysopen(my $dir, $ARGV[0], 0) or die "$!\n"; ioctl($dir, 0x8004587d, $flag) or die "$!\n""#;

/// A mounted file system. Dropping it unmounts it.
pub(crate) struct Disk {
    image: PathBuf,
    mount: PathBuf,
    // The image may be deleted only after the file system has gone.
    _dir: TempDir,
}

impl Disk {
    /// Makes and mounts a file system of `mebibytes`.
    pub(crate) fn new(mebibytes: u64) -> Result<Self, Fault> {
        need_root()?;
        let dir = tempfile::tempdir()?;
        let (image, mount) = (dir.path().join("image"), dir.path().join("mount"));
        File::create(&image)?.set_len(mebibytes << 20)?;
        fs::create_dir(&mount)?;
        run(Command::new("mkfs.ext4").args(["-q", "-m", "0"]).arg(&image))?;
        let disk = Self { image, mount, _dir: dir };
        disk.attach()?;
        Ok(disk)
    }

    /// The directory where it is mounted.
    pub(crate) fn path(&self) -> &Path {
        &self.mount
    }

    /// Cuts the power: everything that was not synced is gone, and the journal is replayed at the next mount.
    pub(crate) fn cut_power(&self) -> Result<(), Fault> {
        run(Command::new("perl").args(["-e", POWER_CUT]).arg(&self.mount)).map(drop)
    }

    /// Mounts it again after a power cut. No process may use it.
    pub(crate) fn restore_power(&self) -> Result<(), Fault> {
        run(Command::new("umount").arg(&self.mount))?;
        self.attach()
    }

    /// Takes all the room there is. Returns the file that holds it.
    pub(crate) fn fill(&self) -> Result<PathBuf, Fault> {
        let filler = self.mount.join("filler");
        let mut file = File::create(&filler)?;
        for size in [1 << 16, 512] {
            let block = vec![1; size];
            let full = loop {
                // Room that was only promised comes back as an error of a sync.
                if let Err(error) = file.write_all(&block).and_then(|()| file.sync_data()) {
                    break error;
                }
            };
            if full.kind() != ErrorKind::StorageFull {
                return Err(full.into());
            }
        }
        Ok(filler)
    }

    fn attach(&self) -> Result<(), Fault> {
        run(Command::new("mount").args(["-o", "loop"]).arg(&self.image).arg(&self.mount)).map(drop)
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // A lazy unmount also ends what a killed server still held.
        let _ = Command::new("umount").arg("-l").arg(&self.mount).status();
    }
}
