//! The documents are true: links have targets, and routes, codes, scopes, metrics and fields are complete.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use gatepass::access::{Scope, UserRole};
use gatepass::http::metrics::{Labels, METRICS, Metric};
use gatepass::http::problem::Code;
use gatepass::http::table::Table;

use crate::support::described::operation;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// Every document with links.
fn documents() -> Vec<String> {
    let names = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"];
    let pages = fs::read_dir(Path::new(ROOT).join("docs")).unwrap();
    let pages = pages.map(|page| format!("docs/{}", page.unwrap().file_name().to_string_lossy()));
    let pages = pages.filter(|page| page.ends_with(".md"));
    names.map(String::from).into_iter().chain(pages).collect()
}

fn read(name: &str) -> String {
    fs::read_to_string(Path::new(ROOT).join(name)).expect(name)
}

#[test]
fn every_link_leads_to_a_file_and_a_heading() {
    let mut links = 0;
    for name in documents() {
        let folder = Path::new(ROOT).join(&name).parent().unwrap().to_owned();
        for link in read(&name).split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if link.contains("://") {
                continue;
            }
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() { Path::new(ROOT).join(&name) } else { folder.join(file) };
            assert!(target.exists(), "{name} links to {link}");
            if !anchor.is_empty() {
                let text = fs::read_to_string(&target).unwrap();
                let mut headings = text.lines().filter(|line| line.starts_with('#')).map(anchor_of);
                assert!(headings.any(|heading| heading == anchor), "{name} links to {link}");
            }
            links += 1;
        }
    }
    assert!(links > 40, "{links} links were found");
}

/// The anchor that GitHub gives a heading.
fn anchor_of(heading: &str) -> String {
    let text = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = text.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

#[test]
fn every_page_is_linked_from_the_readme() {
    let readme = read("README.md");
    for name in documents().iter().filter(|name| name.starts_with("docs/")) {
        assert!(readme.contains(&format!("({name})")), "README.md lacks {name}");
    }
}

#[test]
fn the_configuration_reference_is_the_example() {
    let (mut section, mut doc, mut rows) = ("", "", Vec::new());
    for line in gatepass::config::example().leak().lines() {
        match line.strip_prefix("# ").map(|rest| rest.split_once(" = ")) {
            Some(Some((key, value))) if !section.is_empty() && !key.contains(' ') => {
                rows.push(format!("| `{section}.{key}` | `{value}` | {doc} |"));
            }
            Some(_) => doc = &line[2..],
            None if line.starts_with('[') => section = line.trim_matches(['[', ']']),
            None => {}
        }
    }
    // The lists of tables at the end.
    let fields = ["role", "description", "name", "certificate", "key"].map(|key| format!("| `log.{key}`"));
    rows.retain(|row| !fields.iter().any(|field| row.starts_with(field)));
    let document = read("docs/configuration.md");
    let documented = document.lines().filter(|line| line.starts_with("| `") && line.contains('.'));
    let documented = documented.filter(|line| line.split('`').nth(1).is_some_and(|name| name.contains('.')));
    assert_eq!(documented.collect::<Vec<_>>(), rows, "docs/configuration.md:\n{}", rows.join("\n"));
}

#[test]
fn every_native_route_is_documented() {
    let table = Table::new(true).unwrap();
    let document = read("docs/api.md");
    let native = table
        .routes()
        .iter()
        .filter(|route| !route.path.contains("/platform/") && route.dialect.name != "fleet");
    for route in native {
        assert!(document.contains(&format!("{}`", route.path)), "docs/api.md lacks {}", route.path);
    }
}

/// The routes of the table in docs/api.md, as `METHOD path`, with their caller.
fn documented_routes() -> BTreeMap<String, String> {
    let document = read("docs/api.md");
    let section = document.split("\n## Routes").nth(1).unwrap().split("\n## ").next().unwrap();
    let mut routes = BTreeMap::new();
    for row in section.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<_> = row.split(" | ").collect();
        let mut method = "";
        for route in cells[0].split('`').skip(1).step_by(2) {
            let path = match route.split_once(' ') {
                Some((named, path)) => {
                    method = named;
                    path
                }
                None => route,
            };
            routes.insert(format!("{method} {path}"), cells[1].to_owned());
        }
    }
    routes
}

#[test]
fn the_documented_caller_of_a_route_is_true() {
    let (table, documented) = (Table::new(true).unwrap(), documented_routes());
    let native = table
        .routes()
        .iter()
        .filter(|route| !["ece", "fleet"].contains(&route.dialect.name) && !route.takes_any_method());
    for route in native {
        let name = format!("{} {}", route.method, route.path);
        let operation = operation(&route.method, route.path).unwrap();
        let who = operation["x-gatepass-permission"].as_str().unwrap_or("anyone");
        let caller = documented.get(&name).unwrap_or_else(|| panic!("docs/api.md lacks {name}"));
        let caller = caller.replace('`', "");
        assert_eq!(caller.split(", or any").next().unwrap(), who, "{name}");
    }
}

#[test]
fn the_verifying_guide_names_existing_routes() {
    let table = Table::new(true).unwrap();
    let document = read("docs/verifying.md");
    let of_a_path = |c: char| c.is_ascii_alphanumeric() || "/-_.={}%&:".contains(c);
    let mut found = BTreeSet::new();
    for root in ["/api/v1/", "/oauth2/", "/status", "/.well-known/", "/ca/"] {
        for (place, _) in document.match_indices(root) {
            let before = document[..place].chars().next_back().unwrap();
            // A path stands after a variable or the name of a server, not inside another path.
            if before == '/'
                || before == '>'
                || (before.is_ascii_alphanumeric() && !is_named(&document[..place]))
            {
                continue;
            }
            let path = document[place..].split(|c| !of_a_path(c)).next().unwrap();
            found.insert(path.trim_end_matches(['.', ':', '/']));
        }
    }
    for path in &found {
        let routes = table.routes();
        assert!(routes.iter().any(|route| fits(route.path, path)), "there is no route {path}");
    }
    assert!(found.len() >= 9, "{found:?}");
}

/// Returns whether `text` ends with a shell variable or a server, which a path can follow.
fn is_named(text: &str) -> bool {
    text.ends_with("$AUTHORITY") || text.ends_with(":8443") || text.ends_with("https://gatepass")
}

/// Returns whether `path`, with its placeholders, matches the route `pattern`.
fn fits(pattern: &str, path: &str) -> bool {
    let (pattern, path) = (pattern.split('/').collect::<Vec<_>>(), path.split('/').collect::<Vec<_>>());
    let same = |(one, other): (&&str, &&str)| one.starts_with('{') || one == other;
    pattern.len() == path.len() && pattern.iter().zip(&path).all(same)
}

#[test]
fn every_problem_code_is_documented() {
    let document = read("docs/api.md");
    for code in Code::ALL {
        assert!(document.contains(&format!("{}`", code.as_str())), "docs/api.md lacks {}", code.as_str());
    }
}

#[test]
fn the_scopes_of_each_role_are_documented() {
    let document = read("docs/roles-and-keys.md");
    let section = document.split("\n## Scopes").nth(1).unwrap().split("\n## ").next().unwrap();
    let roles = [UserRole::Viewer, UserRole::Analyst, UserRole::Operator, UserRole::Admin];
    for scope in Scope::ALL {
        let row = section.lines().find(|line| line.starts_with(&format!("| `{scope}` |"))).unwrap();
        let cells = row.split('|').map(str::trim).collect::<Vec<_>>();
        for (role, cell) in roles.into_iter().zip(&cells[2..]) {
            let has = scope.permissions().beyond(role.permissions()).next().is_none();
            assert_eq!(*cell == "yes", has, "{scope} of {role}");
        }
    }
}

#[test]
fn the_metrics_reference_is_the_list() {
    let rows = METRICS.iter().map(row_of_metric).collect::<Vec<_>>();
    let document = read("docs/metrics.md");
    let section = document.split("\n## Metrics").nth(1).unwrap().split("\n## ").next().unwrap();
    let documented = section.lines().filter(|line| line.starts_with("| `")).collect::<Vec<_>>();
    assert_eq!(documented, rows, "docs/metrics.md:\n{}", rows.join("\n"));
}

fn row_of_metric(metric: &Metric) -> String {
    let labels = match metric.labels {
        Labels::None => String::new(),
        Labels::Each(label, values) => format!("{label}: {}", values.join(", ")),
        Labels::Open(labels) => labels.join(", "),
    };
    format!("| `{}` | {} | {labels} | {} |", metric.name, metric.kind, metric.help).replace("|  |", "| |")
}

#[test]
fn every_metric_is_listed_and_used() {
    let mut sources = Vec::new();
    collect(&Path::new(ROOT).join("src"), &mut sources);
    let mut used = BTreeSet::new();
    for text in sources {
        for kind in ["counter", "gauge", "histogram"] {
            let call = format!("metrics::{kind}!(\"");
            let calls = text.split(&call).skip(1);
            used.extend(calls.map(|after| format!("{} {kind}", after.split('"').next().unwrap())));
        }
        let outcomes = text.split("const OUTCOMES").nth(1).and_then(|rest| rest.split("];").next());
        let names = outcomes
            .into_iter()
            .flat_map(|list| list.split('"').filter(|word| word.starts_with("gatepass_")));
        used.extend(names.map(|name| format!("{name} counter")));
    }
    let listed = METRICS.iter().map(|metric| format!("{} {}", metric.name, metric.kind));
    assert_eq!(used, listed.collect(), "the names in the source, and those of METRICS");
}

#[test]
fn every_dependency_is_justified() {
    let document = read("ARCHITECTURE.md");
    let table = document.split("## Dependencies").nth(1).unwrap();
    let manifest = read("Cargo.toml");
    let sections = manifest
        .split("\n[")
        .filter(|section| section.starts_with("dependencies]") || section.starts_with("dev-dependencies]"));
    let lines =
        sections.flat_map(|section| section.lines().skip(1)).filter_map(|line| line.split_once(" = "));
    let mut names = 0;
    for (name, _) in lines {
        let cells = table.lines().filter_map(|line| line.strip_prefix("| ")?.split(" |").next());
        let mut named = cells.flat_map(|cell| cell.split(", "));
        assert!(named.any(|cell| cell == name), "ARCHITECTURE.md has no reason for {name}");
        names += 1;
    }
    assert!(names > 40, "{names} dependencies were found");
}

fn collect(folder: &Path, texts: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path: PathBuf = entry.unwrap().path();
        match path.extension() {
            _ if path.is_dir() => collect(&path, texts),
            Some(extension) if extension == "rs" => texts.push(fs::read_to_string(&path).unwrap()),
            _ => {}
        }
    }
}
