//! The trailer of a copied database: its digest, and the proof that the authority made it.
//!
//! SQLite takes the size of a database from its header and ignores the bytes behind it. So the file stays a database.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use aws_lc_rs::{digest, hmac};

use super::{BackupError, BackupKey, each_chunk, open_file, shown};

/// The first bytes of the trailer, with the number of its format.
const MAGIC: &[u8] = b"gatepass backup 1\n";

/// Size of SHA-256 and of HMAC-SHA-256 in bytes.
const DIGEST: usize = 32;

/// Size of the trailer in bytes.
const SIZE: u64 = (MAGIC.len() + 2 * DIGEST) as u64;

/// Adds the trailer, and syncs the file. Returns its size.
pub(super) fn append(path: &Path, key: &BackupKey) -> Result<u64, BackupError> {
    let failed = |error| BackupError::of(path, &error);
    let mut file = OpenOptions::new().read(true).write(true).open(path).map_err(failed)?;
    let size = file.metadata().map_err(failed)?.len();
    let digest = digest_of(&file, size, path)?;
    let proof = hmac::sign(&key.hmac(), &proven(digest.as_ref()));
    file.seek(SeekFrom::Start(size)).map_err(failed)?;
    let trailer = [MAGIC, digest.as_ref(), proof.as_ref()].concat();
    file.write_all(&trailer).and_then(|()| file.sync_all()).map_err(failed)?;
    Ok(size + SIZE)
}

/// Checks the trailer of a file.
pub(super) fn check(path: &Path, key: &BackupKey) -> Result<(), BackupError> {
    let changed = || BackupError::Changed { path: shown(path) };
    let mut file = open_file(path)?;
    let size = content(&file, path)?;
    let digest = digest_of(&file, size, path)?;
    let mut trailer = Vec::new();
    file.read_to_end(&mut trailer).map_err(|error| BackupError::of(path, &error))?;
    let rest = trailer.strip_prefix(MAGIC).ok_or_else(changed)?;
    let (written, proof) = rest.split_at_checked(DIGEST).ok_or_else(changed)?;
    let is_proven = hmac::verify(&key.hmac(), &proven(written), proof).is_ok();
    if is_proven && written == digest.as_ref() { Ok(()) } else { Err(changed()) }
}

/// Removes the trailer of a file.
pub(super) fn cut(path: &Path) -> Result<(), BackupError> {
    let failed = |error| BackupError::of(path, &error);
    let file = OpenOptions::new().write(true).open(path).map_err(failed)?;
    let size = content(&file, path)?;
    file.set_len(size).and_then(|()| file.sync_all()).map_err(failed)
}

/// The bytes that HMAC covers. The length of both parts is fixed.
fn proven(digest: &[u8]) -> Vec<u8> {
    [MAGIC, digest].concat()
}

/// The size of a file without its trailer.
fn content(file: &File, path: &Path) -> Result<u64, BackupError> {
    let size = file.metadata().map_err(|error| BackupError::of(path, &error))?.len();
    size.checked_sub(SIZE).ok_or_else(|| BackupError::Changed { path: shown(path) })
}

fn digest_of(file: &File, size: u64, path: &Path) -> Result<digest::Digest, BackupError> {
    let mut context = digest::Context::new(&digest::SHA256);
    each_chunk(&mut file.take(size), path, |chunk| {
        context.update(chunk);
        Ok(())
    })?;
    Ok(context.finish())
}
