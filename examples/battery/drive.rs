//! A drive that records every write and flush, and an image of each moment at which its power could be cut.
//!
//! The drive is a file that this program serves over FUSE, with an ext4 file system on a loop device over it. The kernel
//! sends a flush of the device as an fsync of the file.

mod protocol;
mod recording;

use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::thread::JoinHandle;

use tempfile::TempDir;

pub(crate) use self::recording::{Cache, Recording};
use crate::Fault;
use crate::tools::{need_root, run};

/// A mounted file system on a recording drive.
pub(crate) struct Drive {
    file: PathBuf,
    mount: PathBuf,
    events: Arc<AtomicU64>,
    serving: Option<JoinHandle<Recording>>,
    _dir: TempDir,
}

impl Drive {
    /// Makes a drive of `mebibytes` and mounts the file system on it.
    pub(crate) fn new(mebibytes: u64) -> Result<Self, Fault> {
        need_root()?;
        let dir = tempfile::tempdir()?;
        let (image, file, mount) =
            (dir.path().join("image"), dir.path().join("drive"), dir.path().join("mount"));
        File::create(&image)?.set_len(mebibytes << 20)?;
        File::create(&file)?;
        fs::create_dir(&mount)?;
        run(Command::new("mkfs.ext4").args(["-q", "-m", "0"]).arg(&image))?;
        let device = OpenOptions::new().read(true).write(true).open("/dev/fuse");
        let device = device.map_err(|error| format!("/dev/fuse: {error}"))?;
        // The root of the file system is the one file. Standard input hands the device over.
        let options = "fd=0,rootmode=100000,user_id=0,group_id=0";
        let mut mounting = Command::new("mount");
        mounting.args(["-i", "-t", "fuse", "-o", options, "battery"]).arg(&file).stdin(device.try_clone()?);
        run(&mut mounting)?;
        let events = Arc::new(AtomicU64::new(0));
        let recording = Recording::new(fs::read(&image)?, Arc::clone(&events));
        let serving = Some(std::thread::spawn(move || protocol::serve(device, recording)));
        let drive = Self { file, mount, events, serving, _dir: dir };
        attach(&drive.file, &drive.mount)?;
        Ok(drive)
    }

    /// The directory where the file system is mounted.
    pub(crate) fn path(&self) -> &Path {
        &self.mount
    }

    /// Number of writes and flushes so far.
    pub(crate) fn events(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.events)
    }

    /// Unmounts everything. Returns the record of the drive.
    pub(crate) fn finish(mut self) -> Result<Recording, Fault> {
        run(Command::new("umount").arg(&self.mount))?;
        run(Command::new("umount").arg(&self.file))?;
        let serving = self.serving.take().ok_or("the drive is not served")?;
        serving.join().map_err(|_| "the drive failed".into())
    }

    /// Mounts the file system of an image, and copies a directory out of it, if it is there.
    pub(crate) fn copy_out(image: &[u8], from: &str, to: &Path) -> Result<(), Fault> {
        let dir = tempfile::tempdir()?;
        let (file, mount) = (dir.path().join("image"), dir.path().join("mount"));
        fs::write(&file, image)?;
        fs::create_dir(&mount)?;
        attach(&file, &mount)?;
        let from = mount.join(from);
        let copied = if from.exists() {
            run(Command::new("cp").arg("-a").arg(from).arg(to))
        } else {
            Ok(String::new())
        };
        run(Command::new("umount").arg(&mount))?;
        copied.map(drop)
    }
}

impl Drop for Drive {
    fn drop(&mut self) {
        if self.serving.is_some() {
            // A lazy unmount also ends what a killed server still held.
            let _ = Command::new("umount").arg("-l").arg(&self.mount).status();
            let _ = Command::new("umount").arg("-l").arg(&self.file).status();
        }
    }
}

fn attach(image: &Path, mount: &Path) -> Result<(), Fault> {
    run(Command::new("mount").args(["-o", "loop"]).arg(image).arg(mount)).map(drop)
}
