//! The SQL of verbs and readers is shared by SQLite and PostgreSQL, and goes through the four helpers of the driver.

use std::path::{Path, PathBuf};

/// SQL that only SQLite takes, in lower case.
const SQLITE_ONLY: [&str; 20] = [
    "insert or ",
    "replace into",
    "strftime",
    "unixepoch",
    "datetime(",
    "json_",
    "rowid",
    "random()",
    "limit -1",
    " is ?",
    " is not ?",
    "ifnull(",
    " glob ",
    "hex(",
    "printf(",
    "instr(",
    "zeroblob",
    "last_insert",
    "pragma",
    "sqlite_",
];

/// The Rust files under a directory of `src/store/sqlite`, and the file beside it.
fn sources(room: &str) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store/sqlite");
    let (mut found, mut directories) = (vec![root.join(format!("{room}.rs"))], vec![root.join(room)]);
    while let Some(directory) = directories.pop() {
        let Ok(entries) = std::fs::read_dir(directory) else { continue };
        for path in entries.map(|entry| entry.unwrap().path()) {
            match path.is_dir() {
                true => directories.push(path),
                false => found.push(path),
            }
        }
    }
    found
}

/// The texts between quotes, in lower case, with one space for each run of them.
fn texts(source: &str) -> Vec<String> {
    let code =
        source.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    let texts = code.split('"').skip(1).step_by(2);
    texts
        .map(|text| text.replace("\\\n", " ").split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase())
        .collect()
}

/// Returns whether a text calls `max` or `min` with several values, which only SQLite takes.
fn compares_values(text: &str) -> bool {
    ["max(", "min("].iter().any(|call| {
        text.match_indices(call).any(|(at, _)| {
            let inner = &text[at + call.len()..];
            inner.find(')').is_some_and(|end| inner[..end].contains(','))
        })
    })
}

#[test]
fn verbs_and_readers_use_shared_sql_only() {
    for path in ["act", "read", "load"].into_iter().flat_map(sources) {
        for text in texts(&std::fs::read_to_string(&path).unwrap()) {
            let found = SQLITE_ONLY.iter().find(|word| text.contains(**word));
            assert_eq!(found, None, "{}: {text}", path.display());
            assert!(!compares_values(&text), "{}: {text}", path.display());
        }
    }
}

#[test]
fn verbs_and_readers_reach_the_driver_through_its_helpers() {
    for path in ["act", "read", "load"].into_iter().flat_map(sources) {
        let source = std::fs::read_to_string(&path).unwrap();
        for word in ["rusqlite", "prepare_cached", "query_map", "query_row", "Connection"] {
            assert!(!source.contains(word), "{}: {word}", path.display());
        }
    }
}
