//! docs/clients.md as it stands: generated clients in Python and TypeScript are compiled, and work against the real binary.

use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use super::served::{PASSWORD, Served};
use super::tool;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// The commands of a section, without those that install, which `.ci/run` does.
fn commands(section: &str) -> String {
    let guide = std::fs::read_to_string(Path::new(ROOT).join("docs/clients.md")).unwrap();
    let section = guide.split(&format!("\n## {section}\n")).nth(1).unwrap().split("\n## ").next().unwrap();
    let blocks = section.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let lines = blocks.flat_map(str::lines).filter(|line| !line.contains(" install "));
    lines.collect::<Vec<_>>().join("\n")
}

/// A copy of `example` with the files that the guide needs.
fn copied(at: &Served, example: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for file in std::fs::read_dir(Path::new(ROOT).join(example)).unwrap() {
        let file = file.unwrap().path();
        std::fs::copy(&file, folder.path().join(file.file_name().unwrap())).unwrap();
    }
    std::fs::copy(at.root(), folder.path().join("root.pem")).unwrap();
    let mut openssl = Command::new("openssl");
    openssl.args(["req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc"]);
    openssl.args(["-subj", "/CN=host", "-keyout", "host.key", "-out", "host.csr"]);
    tool::run(openssl.current_dir(&folder), "").expect_good();
    folder
}

/// Runs the commands of a section in `folder`. Returns their output.
fn follow(at: &Served, section: &str, folder: &TempDir) -> String {
    let binary = Path::new(env!("CARGO_BIN_EXE_gatepass")).parent().unwrap();
    let mut bash = Command::new("bash");
    let script = format!("PATH=\"{}:$PATH\"\n{}", binary.display(), commands(section));
    bash.args(["-euo", "pipefail", "-c", &script]).current_dir(folder);
    bash.env("GATEPASS_URL", &at.url).env("GATEPASS_PASSWORD", PASSWORD);
    bash.env("npm_config_offline", "true").env("npm_config_update_notifier", "false");
    let said = tool::run(&mut bash, "");
    println!("{}\n{}", said.out, said.err);
    said.expect_good()
}

/// Checks the lines that a program prints, and the state of its token.
fn worked(at: &Served, out: &str) {
    let word = |line: &str, place: usize| {
        let found = out.lines().find(|found| found.starts_with(line));
        found
            .and_then(|line| line.split(' ').nth(place))
            .unwrap_or_else(|| panic!("{line}: {out}"))
            .to_owned()
    };
    let (host, token) = (word("enrolled ", 1), word("listed ", 1));
    assert_eq!((word("enrolled ", 2), word("revoked ", 1)), ("proxy".to_owned(), token.clone()));
    assert!(out.contains("refused invalid_request roles[0]"), "{out}");
    let shown = at.admin("GET", &format!("/api/v1/enrollment-tokens/{token}"), &serde_json::Value::Null);
    assert_eq!((&shown.json["state"], &shown.json["last_used_by"]), (&"revoked".into(), &host.into()));
}

#[test]
fn a_generated_python_client_is_typed_and_works() {
    let at = Served::start();
    tool::run(Command::new("openapi-python-client").arg("--version"), "").expect_good();
    let folder = copied(&at, "examples/clients/python");
    let out = follow(&at, "Python", &folder);
    assert!(out.contains("Success: no issues found"), "{out}");
    worked(&at, &out);
    // A class for each schema, and for two objects of any members in ledger entries.
    let models = std::fs::read_dir(folder.path().join("gatepass_api/models")).unwrap();
    let models = models.filter(|file| file.as_ref().unwrap().path().is_file()).count() - 1;
    let schemas = gatepass::server::openapi("/")["components"]["schemas"].as_object().unwrap().len();
    assert!((100..=schemas + 2).contains(&models), "{models} classes for {schemas} schemas");
}

#[test]
fn a_generated_typescript_client_is_typed_and_works() {
    let at = Served::start();
    let folder = copied(&at, "examples/clients/typescript");
    let libraries = tool::node_modules("openapi-fetch");
    std::os::unix::fs::symlink(libraries, folder.path().join("node_modules")).unwrap();
    worked(&at, &follow(&at, "TypeScript", &folder));
}
