//! The content of a sealed backup: a tar of database, keys, configuration and CRLs.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Component, Path};

use tar::{Archive, Builder, EntryType, Header};

use super::sealing::Sealing;
use super::{BackupError, CHUNK, Opened, create, create_directory, open_file, shown};
use crate::secret::Secret;

/// The database in an archive.
pub const DATABASE: &str = "gatepass.db";

/// The configuration file in an archive.
pub const CONFIG: &str = "gatepass.toml";

/// The keys directory in an archive.
pub const KEYS: &str = "keys";

/// The directory of CRLs in an archive.
pub const CRLS: &str = "crl";

/// Maximum size of a part that is read into memory. A CRL with a hundred thousand serials has 4 MiB.
const LARGEST: u64 = 256 << 20;

/// A file of the archive besides the database. All are read while rotations are held.
pub struct Part {
    /// Its path in the archive, such as `keys/ca.json`.
    pub name: String,
    /// Its content.
    pub bytes: Secret<Vec<u8>>,
}

/// Reads a part. Returns `None` if the file is missing.
///
/// # Errors
/// The file cannot be read, or is no plain file.
pub fn read_part(name: String, path: &Path) -> Result<Option<Part>, BackupError> {
    let failed = |error: &io::Error| BackupError::of(path, error);
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(&error)),
    };
    let data = file.metadata().map_err(|error| failed(&error))?;
    if !data.is_file() || data.size() > LARGEST {
        return Err(failed(&io::Error::other("it is no plain file, or too large for a backup")));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(data.size()).unwrap_or(0));
    (&file).take(LARGEST).read_to_end(&mut bytes).map_err(|error| failed(&error))?;
    Ok(Some(Part { name, bytes: Secret::new(bytes) }))
}

/// Writes an archive of the signed `database` and `parts` to the new file `to`, and syncs it. `progress` gets the bytes of the
/// database that were written. Returns the size of the file.
///
/// # Errors
/// A file cannot be read or written.
pub fn seal(
    to: &Path,
    sealing: &Sealing,
    (database, parts): (&Path, &[Part]),
    progress: &mut dyn FnMut(u64),
) -> Result<u64, BackupError> {
    let (file, source) = (create(to)?, open_file(database)?);
    let written = sealing.encrypt(io::BufWriter::with_capacity(CHUNK, file), |plain| {
        let mut archive = Builder::new(plain);
        for Part { name, bytes } in parts {
            archive.append_data(&mut header(bytes.expose().len() as u64), name, bytes.expose().as_slice())?;
        }
        let size = source.metadata()?.len();
        let counted = Counted { inner: source, read: 0, progress };
        archive.append_data(&mut header(size), DATABASE, counted)?;
        archive.finish()
    });
    let file = written.and_then(|file| file.into_inner().map_err(io::IntoInnerError::into_error));
    let size = file.and_then(|file| file.sync_all().and_then(|()| file.metadata()));
    size.map(|data| data.len()).map_err(|error| BackupError::of(to, &error))
}

fn header(size: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_size(size);
    header.set_mode(0o600);
    header.set_entry_type(EntryType::Regular);
    header
}

/// A reader that reports its progress.
struct Counted<'a> {
    inner: File,
    read: u64,
    progress: &'a mut dyn FnMut(u64),
}

impl Read for Counted<'_> {
    fn read(&mut self, part: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(part)?;
        self.read += read as u64;
        (self.progress)(self.read);
        Ok(read)
    }
}

/// Unpacks an archive into the directory `into`. A path that `gatepass backup` does not write is refused.
pub(super) fn unpack(plain: impl Read, file: &Path, into: &Path) -> Result<Opened, BackupError> {
    let changed = || BackupError::Changed { path: shown(file) };
    let failed = |error: io::Error| match error.kind() {
        // A chunk that was changed or cut off.
        io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof | io::ErrorKind::Other => changed(),
        _ => BackupError::of(file, &error),
    };
    let mut archive = Archive::new(plain);
    let (mut database, mut keys, mut config, mut crls) = (None, None, None, Vec::new());
    for entry in archive.entries().map_err(failed)? {
        let mut entry = entry.map_err(failed)?;
        let name = entry.path().map_err(failed)?.into_owned();
        if entry.header().entry_type() != EntryType::Regular || !is_ours(&name) {
            return Err(changed());
        }
        let path = into.join(&name);
        let directory = name.parent().filter(|parent| !parent.as_os_str().is_empty());
        if let Some(directory) = directory {
            create_directory(&into.join(directory))?;
        }
        let mut to = create(&path)?;
        io::copy(&mut entry, &mut to)
            .and_then(|_| to.flush())
            .and_then(|()| to.sync_all())
            .map_err(failed)?;
        match directory.and_then(Path::to_str) {
            Some(KEYS) => keys = Some(into.join(KEYS)),
            Some(_) => crls.push(path),
            None if name == Path::new(DATABASE) => database = Some(path),
            None => config = Some(path),
        }
    }
    // The seal covers the end of the file, which the archive does not read.
    io::copy(&mut archive.into_inner(), &mut io::sink()).map_err(failed)?;
    Ok(Opened { database: database.ok_or_else(changed)?, keys, config, crls })
}

/// Returns true for a path that an archive may have.
fn is_ours(name: &Path) -> bool {
    let parts = name.components().map(|part| match part {
        Component::Normal(part) => part.to_str().filter(|part| is_plain(part)),
        _ => None,
    });
    let parts = parts.collect::<Option<Vec<_>>>();
    matches!(parts.as_deref(), Some([DATABASE | CONFIG] | [KEYS | CRLS, _]))
}

fn is_plain(part: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
    !part.starts_with('.') && part.bytes().all(plain)
}
