//! The shape of the source: arrows between rooms, length of files, allowed dependencies.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The longest a source file may be, in lines.
const MOST_LINES: usize = 400;

/// The rooms that each room can name; any other arrow points the wrong way. Only `server` can name all.
const ARROWS: &[(&str, &[&str])] = &[
    ("clock", &[]),
    ("approval", &[]),
    ("text", &[]),
    ("secret", &["text"]),
    ("span", &["approval", "clock"]),
    ("file_lock", &[]),
    ("shell_word", &[]),
    ("ownership", &[]),
    ("name", &["text"]),
    ("id", &["clock"]),
    ("server_url", &["name"]),
    ("seal", &["id", "secret"]),
    ("backup", &["id", "secret"]),
    ("host_certificate", &["clock", "id", "name"]),
    ("token", &["approval", "clock", "id", "name", "secret"]),
    ("ca", &["clock", "id", "name", "secret", "text"]),
    ("ledger", &["clock", "id", "name", "secret"]),
    ("wire", &["clock", "id", "name"]),
    ("cells", &["clock", "text"]),
    ("access", &["clock", "id", "name", "secret", "span"]),
    ("admission", &["approval", "token", "clock", "id", "name", "secret", "span"]),
    (
        "store",
        &[
            "access",
            "admission",
            "approval",
            "ledger",
            "token",
            "wire",
            "clock",
            "id",
            "name",
            "secret",
            "seal",
            "file_lock",
        ],
    ),
    ("connect", &["id", "secret"]),
    ("outbound", &["connect", "id", "secret", "server_url"]),
    (
        "service",
        &[
            "backup",
            "store",
            "access",
            "admission",
            "approval",
            "token",
            "ca",
            "ledger",
            "host_certificate",
            "wire",
            "clock",
            "id",
            "name",
            "secret",
            "seal",
            "outbound",
            "server_url",
            "shell_word",
            "span",
            "text",
        ],
    ),
    (
        "http",
        &[
            "cells",
            "service",
            "store",
            "access",
            "admission",
            "approval",
            "token",
            "ca",
            "ledger",
            "wire",
            "clock",
            "id",
            "name",
            "secret",
            "server_url",
            "span",
            "text",
        ],
    ),
    (
        "dashboard",
        &[
            "http",
            "service",
            "store",
            "access",
            "admission",
            "ledger",
            "token",
            "wire",
            "approval",
            "clock",
            "id",
            "name",
            "secret",
            "span",
            "text",
        ],
    ),
    (
        "config",
        &[
            "access",
            "approval",
            "backup",
            "name",
            "ownership",
            "secret",
            "server_url",
            "span",
            "text",
            "clock",
            "id",
        ],
    ),
    ("verifier", &["connect", "token", "host_certificate", "clock", "id", "name", "secret"]),
    ("warp", &["verifier", "token", "clock", "id"]),
    (
        "client",
        &[
            "verifier",
            "ca",
            "connect",
            "token",
            "wire",
            "host_certificate",
            "span",
            "clock",
            "id",
            "name",
            "ownership",
            "secret",
            "text",
            "file_lock",
        ],
    ),
    (
        "cli",
        &[
            "backup",
            "cells",
            "client",
            "connect",
            "server",
            "config",
            "access",
            "ledger",
            "token",
            "clock",
            "id",
            "name",
            "ownership",
            "secret",
            "text",
            "shell_word",
            "span",
        ],
    ),
];

/// Rust source that is no test, by its path under `src`.
fn sources() -> BTreeMap<PathBuf, String> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut all = BTreeMap::new();
    read_into(&src, &src, &mut all);
    let tests = all.iter().flat_map(|(path, text)| test_modules(path, text)).collect::<BTreeSet<_>>();
    all.retain(|path, _| {
        !tests.iter().any(|test| path.starts_with(test) || *path == test.with_extension("rs"))
    });
    assert!(all.len() > 100, "the sources were not found");
    all
}

fn read_into(src: &Path, dir: &Path, found: &mut BTreeMap<PathBuf, String>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read_into(src, &path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.insert(path.strip_prefix(src).unwrap().to_owned(), fs::read_to_string(&path).unwrap());
        }
    }
}

/// The modules that `text` declares under `#[cfg(test)]`, as paths without an extension.
fn test_modules(path: &Path, text: &str) -> Vec<PathBuf> {
    let name = |line: &str| {
        let declared = line.trim_start_matches("pub(crate) ").trim_start_matches("pub(super) ");
        declared.strip_prefix("mod ")?.strip_suffix(';').map(str::to_owned)
    };
    let lines = text.lines().zip(text.lines().skip(1));
    let tests = lines.filter(|(above, _)| above.trim() == "#[cfg(test)]").filter_map(|(_, line)| name(line));
    tests.map(|module| path.with_extension("").join(module)).collect()
}

/// The source without what stands in its own `mod tests`, and without comments.
fn product(text: &str) -> String {
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or(text);
    text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

fn room(path: &Path) -> String {
    path.with_extension("").iter().next().unwrap().to_string_lossy().into_owned()
}

/// The rooms that a text names: `crate::room…` and the members of `crate::{room…, …}`.
fn named(text: &str) -> BTreeSet<String> {
    let word =
        |text: &str| text.chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect::<String>();
    let mut rooms = BTreeSet::new();
    for after in text.split("crate::").skip(1) {
        match after.strip_prefix('{') {
            None => {
                rooms.insert(word(after));
            }
            Some(list) => rooms.extend(members(list).iter().map(|member| word(member))),
        }
    }
    rooms.retain(|room| !room.is_empty());
    rooms
}

/// The outermost members of a `{…}` list whose opening brace is gone.
fn members(list: &str) -> Vec<String> {
    let (mut depth, mut found) = (0, vec![String::new()]);
    for c in list.chars().filter(|c| !c.is_whitespace()) {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => found.push(String::new()),
            _ => found.last_mut().unwrap().push(c),
        }
    }
    found
}

#[test]
fn every_arrow_between_rooms_points_inward() {
    let arrows = ARROWS.iter().copied().collect::<BTreeMap<_, _>>();
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        let room = room(&path);
        if matches!(room.as_str(), "lib" | "main" | "server") {
            continue;
        }
        let allowed =
            arrows.get(room.as_str()).unwrap_or_else(|| panic!("{room} is not in the list of rooms"));
        let named = named(&product(&text));
        let others = named.iter().filter(|other| **other != room && !allowed.contains(&other.as_str()));
        wrong.extend(others.map(|other| format!("{}: {room} -> {other}", path.display())));
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn the_list_of_arrows_has_no_way_back() {
    for (place, (room, inward)) in ARROWS.iter().enumerate() {
        let known = |other: &&str| ARROWS[..place].iter().any(|(earlier, _)| earlier == other);
        let unknown = inward.iter().filter(|other| **other != "server" && !known(other)).collect::<Vec<_>>();
        assert!(unknown.is_empty(), "{room} names {unknown:?}, which do not stand before it");
    }
}

#[test]
fn only_server_and_store_name_a_database() {
    let sources = sources();
    let naming = sources.iter().filter(|(_, text)| {
        let text = product(text);
        text.contains("store::sqlite") || text.contains("rusqlite")
    });
    let naming = naming.map(|(path, _)| path).filter(|path| room(path) != "server");
    let strangers = naming.filter(|path| !path.starts_with("store/sqlite") && **path != *"store/sqlite.rs");
    assert_eq!(strangers.collect::<Vec<_>>(), Vec::<&PathBuf>::new());
}

#[test]
fn imports_in_braces_are_read() {
    assert_eq!(
        named("use crate::{ca::{self, Csr}, http};\ncrate::id::random()"),
        ["ca", "http", "id"].map(String::from).into()
    );
    assert_eq!(named("use std::fmt;"), BTreeSet::new());
    assert_eq!(product("a\n// crate::http\n#[cfg(test)]\nmod tests {\n crate::http }"), "a");
}

#[test]
fn source_files_are_short_and_not_named_mod() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = BTreeMap::new();
    for dir in ["src", "tests", "benches", "examples"] {
        let dir = root.join(dir);
        if dir.exists() {
            read_into(root, &dir, &mut files);
        }
    }
    let long = files.iter().filter(|(_, text)| text.lines().count() > MOST_LINES);
    assert_eq!(long.map(|(path, _)| path).collect::<Vec<_>>(), Vec::<&PathBuf>::new());
    let called_mod = files.keys().filter(|path| path.ends_with("mod.rs"));
    assert_eq!(called_mod.collect::<Vec<_>>(), Vec::<&PathBuf>::new());
}

/// The crates of the lock file.
fn locked() -> toml::Table {
    let lock = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.lock")).unwrap();
    lock.parse().unwrap()
}

#[test]
fn the_lock_file_has_no_banned_crate() {
    let policy = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("deny.toml")).unwrap();
    let policy: toml::Table = policy.parse().unwrap();
    let bans = policy["bans"]["deny"].as_array().unwrap().iter();
    let mut banned = bans.map(|ban| ban["crate"].as_str().unwrap().to_owned()).collect::<BTreeSet<_>>();
    // The lock file names it for features that are off; .ci/run asks whether anything builds it.
    assert!(banned.remove("ring"));
    assert!(banned.contains("openssl-sys"), "{banned:?}");
    let lock = locked();
    let names = lock["package"].as_array().unwrap().iter().map(|package| package["name"].as_str().unwrap());
    assert_eq!(names.filter(|name| banned.contains(*name)).collect::<Vec<_>>(), Vec::<&str>::new());
}

#[test]
fn every_crate_comes_from_crates_io() {
    let lock = locked();
    let packages = lock["package"].as_array().unwrap().iter();
    let elsewhere = packages.filter(|package| match package.get("source") {
        Some(source) => source.as_str() != Some("registry+https://github.com/rust-lang/crates.io-index"),
        None => package["name"].as_str() != Some("gatepass"),
    });
    assert_eq!(elsewhere.collect::<Vec<_>>(), Vec::<&toml::Value>::new());
}
