//! The threat model is true: each test that docs/threat-model.md names exists.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// The cases of a store's contract are functions that `contract!` makes tests of.
const CONTRACT: &str = "store::contract::";

/// The tests in the last column of the tables with the heading `test`, in code spans such as `module::test`.
fn named(page: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut has_tests = false;
    for line in page.lines() {
        let Some(row) = line.strip_prefix('|').and_then(|row| row.strip_suffix('|')) else {
            has_tests = false;
            continue;
        };
        let last = row.rsplit('|').next().unwrap_or(row).trim();
        has_tests |= last == "test";
        if !has_tests || last == "test" || last.starts_with("---") {
            continue;
        }
        let spans = last.split('`').collect::<Vec<_>>();
        let between = spans.iter().step_by(2).all(|text| matches!(text.trim(), "" | ","));
        assert!(spans.len() > 1 && between, "only code spans and commas belong to the last cell: {line}");
        found.extend(spans.into_iter().skip(1).step_by(2).map(str::to_owned));
    }
    found
}

/// The tests of the library and of this binary, with their modules.
fn existing() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for base in ["src", "tests/gatepass"] {
        collect(&Path::new(ROOT).join(base), "", &mut found);
    }
    found
}

fn collect(folder: &Path, module: &str, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = format!("{module}{}::", path.file_stem().unwrap().to_string_lossy());
        if path.is_dir() {
            collect(&path, &name, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.extend(tests_of(&fs::read_to_string(&path).unwrap(), &name));
        }
    }
}

/// The tests in the source of `module`. An indented one belongs to the inline module before it.
fn tests_of(source: &str, module: &str) -> Vec<String> {
    let (mut found, mut inline, mut is_test) = (Vec::new(), String::new(), false);
    for line in source.lines() {
        let text = line.trim();
        if let Some(name) = line.strip_prefix("mod ").and_then(|rest| rest.strip_suffix(" {")) {
            inline = format!("{name}::");
        }
        is_test |= text.starts_with("#[test]") || text.starts_with("#[tokio::test");
        if let Some((_, rest)) = text.split_once("fn ").filter(|(before, _)| !before.contains("//")) {
            let name = rest.split(['(', '<']).next().unwrap_or(rest);
            if is_test || module.starts_with(CONTRACT) {
                found.push(format!("{module}{}{name}", if line.starts_with(' ') { &inline } else { "" }));
            }
            is_test = false;
        }
    }
    found
}

#[test]
fn every_test_of_the_threat_model_exists() {
    let (named, existing) = (named(include_str!("../../docs/threat-model.md")), existing());
    assert!(named.len() > 3 && existing.len() > 1000, "{} of {}", named.len(), existing.len());
    let missing = named.iter().filter(|name| !existing.contains(*name)).collect::<Vec<_>>();
    assert!(missing.is_empty(), "docs/threat-model.md names no test by these names: {missing:#?}");
}

#[test]
fn a_test_is_found_by_its_whole_name_only() {
    let existing = existing();
    for name in [
        "threat_model::a_test_is_found_by_its_whole_name_only",
        "id::tests::a_digest_has_one_spelling",
        "bad_input::requests::many_mistakes_lead_to_a_short_answer",
        "store::contract::roles::roles_that_were_not_judged_stay",
    ] {
        assert!(existing.contains(name), "{name}");
        let (module, test) = name.rsplit_once("::").unwrap();
        for wrong in [test.to_owned(), format!("{module}::no_{test}"), format!("{module}s::{test}")] {
            assert!(!existing.contains(&wrong), "{wrong}");
        }
    }
    // A helper is not a test.
    assert!(!existing.contains("threat_model::existing"));
    let page = "| a | test |\n|---|---|\n| x | `m::t`, `m::u` |\n\n| a | b |\n|---|---|\n| x | `no` |\n";
    assert_eq!(named(page), ["m::t", "m::u"]);
}
