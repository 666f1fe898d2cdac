//! The prose is plain: documents, comments, help, errors and test names avoid the habits in `prose/habits.rs`.

mod habits;
mod reading;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use habits::Finding;

/// Justified exceptions: path, part of the habit (empty: all of them), reason.
const EXCEPTIONS: &[(&str, &str, &str)] = &[
    ("tests/gatepass/prose", "", "names the habits"),
    ("CHANGELOG.md", "line", "an entry is one line"),
    ("src/store/migrations/002_verification.sql", "", "released, so its text stays"),
    ("src/store/migrations/003_access.sql", "", "released, so its text stays"),
    ("src/store/migrations/004_listing.sql", "", "released, so its text stays"),
    ("LICENSE", "", "the text of the licence"),
    ("tests/gatepass/seed_ece/promises", "test name", "a name quotes the document of the other system"),
    ("tests/gatepass/seed_linkmesh", "test name", "a name quotes the document of the other system"),
    ("tests/gatepass/seed_sielum", "test name", "a name quotes the document of the other system"),
    ("tests/gatepass/seed_telovix", "test name", "a name quotes the document of the other system"),
];

/// Folders and files that hold prose.
const READ: &[&str] = &[
    "README.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "CHANGELOG.md",
    "Cargo.toml",
    "clippy.toml",
    "deny.toml",
    ".ci",
    "benches",
    "docs",
    "examples",
    "keys",
    "src",
    "tests",
];

fn findings() -> BTreeMap<String, Vec<Finding>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    for name in READ {
        collect(&root.join(name), &mut files);
    }
    assert!(files.len() > 300, "{} files were found", files.len());
    let mut found = BTreeMap::new();
    for file in files {
        let Ok(text) = fs::read_to_string(&file) else { continue };
        let name = file.strip_prefix(root).unwrap().to_string_lossy().into_owned();
        let mut of_file = habits::all(&name, &text);
        of_file.retain(|finding| !is_exception(&name, finding));
        found.insert(name, of_file);
    }
    found.retain(|_, findings| !findings.is_empty());
    found
}

fn collect(path: &Path, files: &mut Vec<PathBuf>) {
    if path.file_name().is_some_and(|name| name == "target" || name == "node_modules") {
        return;
    }
    if !path.is_dir() {
        files.push(path.to_owned());
        return;
    }
    for entry in fs::read_dir(path).unwrap() {
        collect(&entry.unwrap().path(), files);
    }
}

fn is_exception(name: &str, finding: &Finding) -> bool {
    EXCEPTIONS.iter().any(|(path, phrase, _)| is_below(name, path) && finding.habit.contains(phrase))
}

/// Returns true if `name` is the file `path`, the module `path` or a file below it.
fn is_below(name: &str, path: &str) -> bool {
    name.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest == ".rs" || rest.starts_with('/'))
}

fn report(findings: &BTreeMap<String, Vec<Finding>>) -> String {
    let line = |name: &str, finding: &Finding| format!("{name}:{}: {}", finding.line, finding.habit);
    let lines = findings.iter().flat_map(|(name, of_file)| of_file.iter().map(move |one| line(name, one)));
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn prose_is_plain() {
    let findings = findings();
    assert!(findings.is_empty(), "\n{}", report(&findings));
}

#[test]
fn exceptions_give_a_reason() {
    assert!(EXCEPTIONS.iter().all(|(_, _, reason)| !reason.is_empty()));
}

#[test]
fn habits_are_found_in_every_kind_of_prose() {
    let found = |name: &str, text: &str| {
        let findings = habits::all(name, text).into_iter();
        findings.map(|finding| format!("{}: {}", finding.line, finding.habit)).collect::<Vec<_>>()
    };
    assert_eq!(found("a.md", "# Who\n\nIt is none.\n"), ["1: starts with \"who\"", "3: \"is none\""]);
    assert_eq!(found("a.md", "| a | whoever |\n"), ["1: starts with \"whoever\"", "1: \"whoever\""]);
    assert_eq!(found("a.rs", "/// The host.\nhost: Host,\n"), ["1: repeats the name"]);
    assert_eq!(found("a.rs", "/// How it\n/// goes on anew.\n"), ["1: starts with \"how\"", "2: \"anew\""]);
    assert_eq!(found("a.rs", "#[error(\"it begins anew\")]\n"), ["1: \"anew\""]);
    assert_eq!(found("a.rs", "#[test]\nfn what_is_shown() {}\n"), ["2: test name is no statement"]);
    assert_eq!(found("a.sql", "-- Lately.\n"), ["1: \"lately\""]);
    assert!(found("a.rs", "/// The host's id.\nid: HostId,\n// The word `anew` is code.\n").is_empty());
    assert!(found("a.md", "Who is it?\n\n```sh\nanew\n```\n").is_empty());
}
