//! Generations: whole identities, of which the link `current` names one.
//!
//! Another program reads `host.key`, which is a link to `current/host.key`. So one `rename` of `current` replaces every file
//! at once. A directory gets the name of a generation only when its files are complete and on the disk. Therefore the newest
//! generation is the identity, and a crash before the `rename` of `current` loses nothing.

use std::fs;
use std::path::{Path, PathBuf};

use super::examine::is_whole;
use super::file_access::FileAccess;
use super::files::{link, read_text, remove, remove_all, set_mode, sync, there, write};
use super::{CHAIN, ClientError, FILES, FULL_CHAIN, LEAF, PENDING, READY, RENEWING, REQUEST, failed};
use crate::client::key::full_chain;
use crate::ownership::check_link;
use crate::secret::Secret;

/// The link to the generation in use.
pub(super) const CURRENT: &str = "current";
/// A new link, until it takes the place of another.
pub(super) const LINK: &str = ".link";
/// A copy of the files of an earlier version, until it is a generation.
const COPY: &str = ".copy";
/// The last generation, from the moment that `leave` removes it.
const LEFT: &str = ".left";
/// Mode of a generation. The directory above decides which users come this far.
const MODE: u32 = 0o755;
const PREFIX: &str = ".identity-";

/// The name of generation `number`.
pub(super) fn name_of(number: u64) -> String {
    format!("{PREFIX}{number}")
}

fn number_of(name: &str) -> Option<u64> {
    let number = name.strip_prefix(PREFIX)?.parse().ok()?;
    (name_of(number) == name).then_some(number)
}

/// The numbers of the generations in `dir`, in order.
pub(super) fn generations(dir: &Path) -> Result<Vec<u64>, ClientError> {
    let unreadable = || failed(dir, "the directory cannot be read");
    let entries = there(fs::read_dir(dir)).map_err(unreadable())?;
    let mut numbers = Vec::new();
    for entry in entries.into_iter().flatten() {
        let entry = entry.map_err(unreadable())?;
        numbers.extend(entry.file_name().to_str().and_then(number_of));
    }
    numbers.sort_unstable();
    Ok(numbers)
}

/// The number of the generation in use.
///
/// # Errors
/// If `current` is not a link to a generation.
pub(super) fn current(dir: &Path) -> Result<Option<u64>, ClientError> {
    let number = |target: &Path| target.to_str().and_then(number_of);
    let target = check_link(&dir.join(CURRENT), |target| number(target).is_some())?;
    Ok(target.as_deref().and_then(number))
}

/// The directory of the files in use.
pub(super) fn used(dir: &Path) -> Result<PathBuf, ClientError> {
    Ok(current(dir)?.map_or_else(|| dir.to_owned(), |number| dir.join(name_of(number))))
}

pub(super) fn target_of(name: &str) -> PathBuf {
    Path::new(CURRENT).join(name)
}

/// Returns true if no process was interrupted in a change, and no earlier version wrote here.
pub(super) fn is_settled(dir: &Path) -> Result<bool, ClientError> {
    let current = current(dir)?;
    let newest_alone = generations(dir)? == Vec::from_iter(current);
    let named = |place: u64| {
        let place = dir.join(name_of(place));
        FILES.iter().all(|name| is_linked(dir, name) || !is_plain(&place.join(name)))
    };
    Ok(newest_alone
        && plain(dir).is_empty()
        && [READY, LEFT].iter().all(|name| !dir.join(name).is_dir())
        && current.is_none_or(named))
}

/// Completes an interrupted change, and gives a directory of an earlier version this layout. Until the last step every file has
/// the content under its name that it had before.
pub(super) fn settle(dir: &Path) -> Result<(), ClientError> {
    if !plain(dir).is_empty() {
        adopt(dir)?;
    }
    // An earlier version was interrupted, after it had a whole new identity here.
    let ready = dir.join(READY);
    if ready.is_dir() {
        add(dir, &compose(dir, &ready)?)?;
    }
    use_newest(dir, Foreign::Stays)?;
    remove_all(&ready)?;
    remove_all(&dir.join(LEFT))
}

/// Makes a generation with the plain files that stand in place of links. Those that do not fit the identity in use stay as they
/// are: replacing it would destroy the only copy of a key.
fn adopt(dir: &Path) -> Result<(), ClientError> {
    let made = compose(dir, dir)?;
    match current(dir)?.is_none() || is_whole(&made)? {
        true => {
            add(dir, &made)?;
            use_newest(dir, Foreign::Goes)
        }
        false => remove_all(&made),
    }
}

/// A plain file in place of a link, with another content.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Foreign {
    Stays,
    Goes,
}

/// The files in `dir` that are not links.
fn plain(dir: &Path) -> Vec<&'static str> {
    FILES.into_iter().filter(|name| is_plain(&dir.join(name))).collect()
}

fn is_plain(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|data| data.is_file())
}

pub(super) fn is_linked(dir: &Path, name: &str) -> bool {
    fs::read_link(dir.join(name)).is_ok_and(|target| target == target_of(name))
}

/// Copies the files in `from`, with those in use where `from` has none. Returns the directory with the copies.
fn compose(dir: &Path, from: &Path) -> Result<PathBuf, ClientError> {
    let made = dir.join(COPY);
    remove_all(&made)?;
    fs::create_dir(&made).map_err(failed(&made, "the directory cannot be made"))?;
    let sources = [from, &used(dir)?];
    for name in FILES.into_iter().filter(|name| *name != FULL_CHAIN) {
        let mut found = sources.iter().map(|source| source.join(name)).filter(|path| is_plain(path));
        if let Some(found) = found.next() {
            copy(&found, &made.join(name))?;
        }
    }
    if let (Some(leaf), Some(chain)) = (read_text(&made.join(LEAF))?, read_text(&made.join(CHAIN))?) {
        write(&made.join(FULL_CHAIN), full_chain(leaf.expose(), chain.expose()).as_bytes(), 0o644)?;
    }
    Ok(made)
}

fn copy(from: &Path, to: &Path) -> Result<(), ClientError> {
    let bytes = fs::read(from).map(Secret::new).map_err(failed(from, "the file cannot be read"))?;
    write(to, bytes.expose(), 0o600)?;
    let access = FileAccess::of(from).map_err(failed(from, "its mode cannot be read"))?;
    access.map_or(Ok(()), |access| access.give(to)).map_err(failed(to, "its mode cannot be set"))
}

/// Makes the directory `made`, which holds complete files, the newest generation.
pub(super) fn add(dir: &Path, made: &Path) -> Result<(), ClientError> {
    set_mode(made, MODE)?;
    sync(made)?;
    let number = generations(dir)?.last().map_or(1, |newest| newest + 1);
    fs::rename(made, dir.join(name_of(number))).map_err(failed(made, "the new files cannot be taken"))?;
    sync(dir)
}

/// Makes the newest generation the one in use, and removes the others.
pub(super) fn use_newest(dir: &Path, foreign: Foreign) -> Result<(), ClientError> {
    let mut generations = generations(dir)?;
    let Some(newest) = generations.pop() else { return remove_links(dir) };
    let place = dir.join(name_of(newest));
    if current(dir)? != Some(newest) {
        // The atomic step of a change.
        link(Path::new(&name_of(newest)), &dir.join(CURRENT), &dir.join(LINK))?;
        sync(dir)?;
    }
    for name in FILES {
        let (held, path) = (place.join(name), dir.join(name));
        let stays =
            foreign == Foreign::Stays && is_plain(&path) && fs::read(&path).ok() != fs::read(&held).ok();
        if is_plain(&held) && !is_linked(dir, name) && !stays {
            link(&target_of(name), &path, &dir.join(LINK))?;
        }
    }
    remove(&place.join(REQUEST))?;
    for former in generations {
        remove_all(&dir.join(name_of(former)))?;
    }
    sync(dir)
}

/// Removes the identity, with one `rename`.
pub(super) fn clear(dir: &Path) -> Result<(), ClientError> {
    let left = dir.join(LEFT);
    for number in generations(dir)? {
        remove_all(&left)?;
        let place = dir.join(name_of(number));
        fs::rename(&place, &left).map_err(failed(&place, "the identity cannot be removed"))?;
    }
    remove_links(dir)?;
    [LEFT, PENDING, RENEWING, READY, COPY].iter().try_for_each(|name| remove_all(&dir.join(name)))
}

/// Removes the links of an identity that is gone.
fn remove_links(dir: &Path) -> Result<(), ClientError> {
    let own = FILES.into_iter().filter(|name| is_linked(dir, name));
    own.chain([CURRENT, LINK]).try_for_each(|name| remove(&dir.join(name)))
}

#[cfg(test)]
mod tests;
