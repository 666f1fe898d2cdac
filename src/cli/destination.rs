//! The place of an output that a flag names: a plain file of its own, or a device or pipe that is written to.

use std::fs::{self, File, Metadata};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::error::CliError;
use super::output;
use super::private::SecretFile;
use crate::secret::Secret;

/// The names of standard output.
const STDOUT: [&str; 4] = ["-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"];

/// The directories of the descriptors that are open already.
const DESCRIPTORS: [&str; 2] = ["/dev/fd/", "/proc/self/fd/"];

/// An output that is ready to be written.
pub(crate) enum Destination {
    /// A plain file, replaced as a whole.
    File(SecretFile),
    /// A device, a pipe or an open descriptor.
    Stream(PathBuf, File),
    /// Standard output.
    Stdout,
}

/// Returns true if `path` names standard output.
pub(crate) fn is_stdout(path: &Path) -> bool {
    STDOUT.iter().any(|name| path == Path::new(name))
}

impl Destination {
    /// Opens the place of a secret. An existing plain file is replaced only with `force`.
    pub(crate) fn secret(path: &Path, force: bool) -> Result<Self, CliError> {
        match stream(path)? {
            Some(file) => Ok(Self::Stream(path.to_owned(), file)),
            None if force => SecretFile::open(path).map(Self::File),
            None => SecretFile::open_new(path).map(Self::File),
        }
    }

    /// Opens the output for many secrets, which may be standard output.
    pub(crate) fn secrets(path: &Path, force: bool) -> Result<Self, CliError> {
        if is_stdout(path) { Ok(Self::Stdout) } else { Self::secret(path, force) }
    }

    /// Opens the place of a public text. An existing plain file is replaced.
    pub(crate) fn public(path: &Path) -> Result<Self, CliError> {
        match stream(path)? {
            Some(file) => Ok(Self::Stream(path.to_owned(), file)),
            None => SecretFile::public(path).map(Self::File),
        }
    }

    /// Writes `text`: into a plain file completely or not at all.
    pub(crate) fn write(mut self, text: &Secret<String>) -> Result<(), CliError> {
        self.append(text)?;
        self.finish()
    }

    /// Adds `text`. A plain file has its name only when it is finished.
    pub(crate) fn append(&mut self, text: &Secret<String>) -> Result<(), CliError> {
        match self {
            Self::File(file) => file.append(text),
            Self::Stream(path, file) => {
                let written = file.write_all(text.expose().as_bytes()).and_then(|()| file.flush());
                written.map_err(|source| CliError::File { path: path.clone(), source })
            }
            Self::Stdout => output::deliver(text.expose()).map_err(CliError::Output),
        }
    }

    /// Gives a plain file its name.
    pub(crate) fn finish(self) -> Result<(), CliError> {
        match self {
            Self::File(file) => file.finish(),
            Self::Stream(..) | Self::Stdout => Ok(()),
        }
    }
}

/// The device, pipe or descriptor of this name; `None` for the name of a plain file.
fn stream(path: &Path) -> Result<Option<File>, CliError> {
    match is_descriptor(path) || fs::symlink_metadata(path).is_ok_and(|found| is_stream(&found)) {
        // A shell that redirects into a file has emptied it already.
        true => match File::options().append(true).open(path) {
            Ok(file) => Ok(Some(file)),
            Err(source) => Err(CliError::File { path: path.to_owned(), source }),
        },
        false => Ok(None),
    }
}

/// Returns true if `path` names an open descriptor. Such a name is a link.
fn is_descriptor(path: &Path) -> bool {
    let path = path.to_str().unwrap_or_default();
    let number = DESCRIPTORS.iter().find_map(|directory| path.strip_prefix(directory));
    path == "/dev/stderr" || number.is_some_and(|number| number.parse::<u32>().is_ok())
}

fn is_stream(found: &Metadata) -> bool {
    !(found.is_file() || found.is_dir() || found.is_symlink())
}

/// Refuses a link: its target may belong to someone else, and a file in its place would cut it off.
pub(crate) fn refuse_link(path: &Path) -> Result<(), CliError> {
    match fs::read_link(path) {
        Ok(target) => Err(CliError::Usage(format!(
            "{} is a link to {}: name the file itself; nothing was done",
            path.display(),
            target.display()
        ))),
        Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_refused_and_a_device_written_to() {
        let dir = tempfile::tempdir().unwrap();
        let (file, link, dangling) =
            (dir.path().join("file"), dir.path().join("link"), dir.path().join("dangling"));
        fs::write(&file, "kept").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        std::os::unix::fs::symlink(dir.path().join("none"), &dangling).unwrap();
        for link in [&link, &dangling] {
            let refused = Destination::secret(link, true).err().unwrap().to_string();
            assert!(refused.contains("is a link to") && refused.contains("nothing was done"), "{refused}");
            assert!(Destination::public(link).is_err());
        }
        assert_eq!(fs::read_to_string(&file).unwrap(), "kept");
        let device = Destination::secret(Path::new("/dev/null"), false).unwrap();
        assert!(matches!(device, Destination::Stream(..)));
        device.write(&Secret::new(String::from("gone"))).unwrap();
        let full = Destination::secret(Path::new("/dev/full"), false).unwrap();
        assert!(full.write(&Secret::new(String::from("lost"))).is_err());
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
    }
}
