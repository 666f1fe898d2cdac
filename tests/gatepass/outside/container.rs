//! The image of `examples/container/build`: its content, and server and host in it. `.ci/run` builds it before these tests.

use std::fs;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::pod::Pod;
use super::served::{Served, eventually};
use super::tool::{Said, run};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const IMAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/target/container/gatepass.tar");
/// The user of the image.
const USER: u32 = 65_532;

fn tool(program: &str, words: &[&str]) -> Said {
    run(Command::new(program).args(words), "")
}

/// The image as a runtime unpacks it: the directory of the layout and the bundle with `rootfs` and `config.json`.
fn unpacked() -> TempDir {
    assert!(Path::new(IMAGE).exists(), "run examples/container/build first, or let .ci/run do it");
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let (layout, bundle) = (format!("oci:{}:gatepass", at("layout")), at("bundle"));
    tool("skopeo", &["copy", "--quiet", &format!("oci-archive:{IMAGE}:gatepass"), &layout]).expect_good();
    let image = format!("{}:gatepass", at("layout"));
    tool("umoci", &["unpack", "--rootless", "--image", &image, &bundle]).expect_good();
    dir
}

/// The files of a directory, below it.
fn files(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files(&path, found) } else { found.push(path) }
    }
}

#[test]
fn the_image_has_one_static_program_and_no_root() {
    let image = unpacked();
    let rootfs = image.path().join("bundle/rootfs");
    let mut found = Vec::new();
    files(&rootfs, &mut found);
    assert_eq!(found, [rootfs.join("gatepass")]);
    let program = fs::read(&found[0]).unwrap();
    let interpreter = b"/lib64/ld-linux";
    assert!(!program.windows(interpreter.len()).any(|part| part == interpreter), "it is not static");
    let said = tool("skopeo", &["inspect", "--config", &format!("oci-archive:{IMAGE}:gatepass")]);
    let config: Value = serde_json::from_str(&said.expect_good()).unwrap();
    assert_eq!(config["config"]["User"], json!(format!("{USER}:{USER}")));
    assert_eq!(config["config"]["Entrypoint"], json!(["/gatepass"]));
}

#[test]
fn linters_find_nothing_wrong_in_the_recipe() {
    let at = |name: &str| format!("{ROOT}/examples/container/{name}");
    tool("hadolint", &["--failure-threshold", "info", &at("Containerfile")]).expect_good();
    tool("shellcheck", &[&at("build"), &format!("{ROOT}/tests/gatepass/outside/pod.sh")]).expect_good();
}

/// A directory that the user of the image owns, as a new volume is.
fn volume(dir: &Path, name: &str) -> PathBuf {
    let path = dir.join(name);
    fs::create_dir(&path).unwrap();
    if rustix::process::geteuid().is_root() {
        chown(&path, Some(USER), Some(USER)).unwrap();
    }
    path
}

#[test]
fn a_host_enrolls_and_renews_in_the_image() {
    let (at, image) = (Served::start(), unpacked());
    let identity = volume(image.path(), "identity");
    let names = image.path().join("names");
    fs::create_dir(&names).unwrap();
    fs::write(names.join("token"), at.mint(&json!({ "roles": ["proxy"] }))).unwrap();
    let pod = Pod::new(image.path().join("bundle/rootfs"), "65532:65532")
        .with(&identity, "/etc/gatepass")
        .with(&names, "/run/secrets/gatepass");
    // A name, so that the static program must find its address, in the file that a runtime writes.
    fs::write(image.path().join("bundle/rootfs/etc/hosts"), "127.0.0.1 localhost\n").unwrap();
    let server = at.url.replace("127.0.0.1", "localhost");
    let token = "--token-file=/run/secrets/gatepass/token";
    let ended = pod.run(&["/gatepass", "enroll", "--if-needed", token, "--server", &server]);
    assert_eq!(ended.code, Some(0), "{}", ended.said);
    let mut daemon = pod.start(&["/gatepass", "renew", "--daemon"], &image.path().join("log"));
    daemon.says("next renewal at");
    let status = pod.run(&["/gatepass", "status"]);
    assert_eq!(status.code, Some(0), "{}", status.said);
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.ended(), Some(0));
}

/// The service of `compose.yaml`.
fn composed() -> Value {
    let file = fs::read_to_string(Path::new(ROOT).join("examples/container/compose.yaml")).unwrap();
    let to_json = "import json, sys, yaml; json.dump(yaml.safe_load(sys.stdin), sys.stdout)";
    let said = run(Command::new("python3").args(["-c", to_json]), &file).expect_good();
    serde_json::from_str::<Value>(&said).unwrap()["services"]["server"].clone()
}

#[test]
fn the_server_runs_in_the_image() {
    let (image, service) = (unpacked(), composed());
    let data = volume(image.path(), "data");
    let pod = Pod::new(image.path().join("bundle/rootfs"), "65532:65532").with(&data, "/var/lib/gatepass");
    let words = |list: &Value| {
        let words = list.as_array().unwrap().iter().map(|word| word.as_str().unwrap().to_owned());
        // Tests share this machine's ports.
        words.map(|word| word.replace("0.0.0.0:8443", "127.0.0.1:0")).collect::<Vec<_>>()
    };
    let (command, check) = (words(&service["command"]), words(&service["healthcheck"]["test"]));
    let command: Vec<_> = ["/gatepass"].into_iter().chain(command.iter().map(String::as_str)).collect();
    assert_eq!(check[0], "CMD", "there is no shell");
    let check: Vec<_> = check[1..].iter().map(String::as_str).collect();
    assert_ne!(pod.run(&check).code, Some(0), "no server, not healthy");
    let mut server = pod.start(&command, &image.path().join("log"));
    eventually("the server is healthy", || {
        let checked = pod.run(&check);
        println!("{}", checked.said);
        (checked.code == Some(0)).then_some(())
    });
    server.says("listens on");
    assert!(data.join("admin.password").exists(), "--secrets files");
    server.signal(Signal::TERM);
    assert_eq!(server.ended(), Some(0));
}
