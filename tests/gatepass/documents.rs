//! The documents say what the code does: their links lead somewhere, and nothing is left out that can be counted.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use gatepass::access::{Scope, UserRole};
use gatepass::http::problem::Code;
use gatepass::http::table::Table;

use crate::support::described::operation;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

const DOCUMENTS: [&str; 9] = [
    "README.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "docs/api.md",
    "docs/cli.md",
    "docs/enrolling.md",
    "docs/operation.md",
    "docs/verifying.md",
];

fn read(name: &str) -> String {
    fs::read_to_string(Path::new(ROOT).join(name)).expect(name)
}

#[test]
fn every_file_that_the_documents_link_to_is_there() {
    let mut links = 0;
    for name in DOCUMENTS {
        let folder = Path::new(ROOT).join(name).parent().unwrap().to_owned();
        for link in read(name).split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next()) {
            if !link.is_empty() && !link.contains("://") {
                assert!(folder.join(link).exists(), "{name} links to {link}");
                links += 1;
            }
        }
    }
    assert!(links > 10, "{links} links were found");
}

#[test]
fn every_native_route_is_documented() {
    let table = Table::new(true).unwrap();
    let document = read("docs/api.md");
    let native = table.routes().iter().filter(|route| !route.path.contains("/platform/"));
    for route in native {
        assert!(document.contains(&format!("{}`", route.path)), "docs/api.md lacks {}", route.path);
    }
}

/// Each route of the table in docs/api.md, `METHOD path`, with who may ask it.
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
fn who_may_ask_a_route_is_documented_as_it_is() {
    let (table, documented) = (Table::new(true).unwrap(), documented_routes());
    let native = table.routes().iter().filter(|route| route.dialect.schema.is_some() && !route.any_method);
    for route in native {
        let name = format!("{} {}", route.method, route.path);
        let operation = operation(&route.method, route.path).unwrap();
        let who = operation["x-gatepass-permission"].as_str().unwrap_or("anyone");
        let told = documented.get(&name).unwrap_or_else(|| panic!("docs/api.md lacks {name}"));
        let told = told.replace('`', "");
        assert_eq!(told.split(", or whoever").next().unwrap(), who, "{name}");
    }
}

#[test]
fn every_route_that_the_guide_to_verifying_names_is_there() {
    let table = Table::new(true).unwrap();
    let document = read("docs/verifying.md");
    let of_a_path = |c: char| c.is_ascii_alphanumeric() || "/-_.={}%&:".contains(c);
    let mut found = BTreeSet::new();
    for root in ["/api/v1/", "/oauth2/", "/status", "/.well-known/", "/ca/"] {
        for (place, _) in document.match_indices(root) {
            let before = document[..place].chars().next_back().unwrap();
            // What stands behind a variable or a server's name is a path, what stands within a path is none.
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

/// Whether `text` ends with what a path may follow: a variable of the shell, or a server.
fn is_named(text: &str) -> bool {
    text.ends_with("$AUTHORITY") || text.ends_with(":8443") || text.ends_with("https://gatepass")
}

/// Whether `path`, with its own placeholders, is one of the route `pattern`.
fn fits(pattern: &str, path: &str) -> bool {
    let (pattern, path) = (pattern.split('/').collect::<Vec<_>>(), path.split('/').collect::<Vec<_>>());
    let same = |(one, other): (&&str, &&str)| one.starts_with('{') || one == other;
    pattern.len() == path.len() && pattern.iter().zip(&path).all(same)
}

#[test]
fn every_code_of_a_problem_is_documented() {
    let document = read("docs/api.md");
    for code in Code::ALL {
        assert!(document.contains(&format!("{}`", code.as_str())), "docs/api.md lacks {}", code.as_str());
    }
}

#[test]
fn who_may_do_what_is_documented_as_it_is() {
    let document = read("docs/operation.md");
    let section = document.split("## Who may do what").nth(1).unwrap().split("\n## ").next().unwrap();
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
fn every_metric_is_documented() {
    let document = read("docs/operation.md");
    let mut sources = Vec::new();
    collect(&Path::new(ROOT).join("src"), &mut sources);
    let mut metrics = 0;
    for text in sources {
        for after in text.split("!(\"gatepass_").skip(1) {
            let name = format!("gatepass_{}", after.split('"').next().unwrap());
            assert!(document.contains(&format!("`{name}`")), "docs/operation.md lacks {name}");
            metrics += 1;
        }
    }
    assert!(metrics > 15, "{metrics} metrics were found");
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
        assert!(named.any(|cell| cell == name), "ARCHITECTURE.md does not say what {name} is for");
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
