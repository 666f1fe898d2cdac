//! The files for Ansible, cloud-init, Terraform, Puppet, Chef and MDMs enroll hosts at the real binary, as they stand.

mod ansible;
mod cloud_init;
mod installed;
pub(super) mod machine;
mod recipes;
mod terraform;

use std::collections::BTreeSet;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use super::served::Served;

/// The beginning of every token, as a file or an output would have it.
const TOKEN_BEGINS: &str = "eyJ";

/// A file of this checkout.
fn checkout(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// Writes an executable file.
fn executable(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, Permissions::from_mode(0o755)).unwrap();
}

/// Writes a `gatepass` to `path` that appends its arguments to `<path>.argv` and continues as the real one.
fn recorder(path: &Path) {
    let (real, name) = (env!("CARGO_BIN_EXE_gatepass"), path.display());
    executable(path, &format!("#!/bin/sh\necho \"$@\" >>'{name}.argv'\nexec '{real}' \"$@\"\n"));
}

/// The value of `PATH` with `first` before the other folders.
#[expect(clippy::disallowed_methods, reason = "programs of others find theirs by it")]
fn path_with(first: &Path) -> String {
    format!("{}:{}", first.display(), std::env::var("PATH").unwrap())
}

/// A program with `gatepass` in its path, and without variables of this process that gatepass reads.
fn program(name: &str, folder: &Path) -> Command {
    let mut command = Command::new(name);
    let ours = std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("GATEPASS_"));
    for (name, _) in ours {
        command.env_remove(name);
    }
    command.env("PATH", path_with(folder)).env("HOME", folder).current_dir(folder);
    command
}

/// A secret API key that mints any token.
fn api_key(at: &Served) -> String {
    let order = json!({ "label": "automation", "scopes": ["tokens:write"], "limits": "any" });
    let key = at.admin("POST", "/api/v1/api-keys", &order);
    key.json["api_key"].as_str().unwrap_or_else(|| panic!("{}", key.body)).to_owned()
}

/// The enrolled hosts.
fn hosts(at: &Served) -> Vec<Value> {
    let hosts = at.admin("GET", "/api/v1/hosts", &Value::Null);
    hosts.json["items"].as_array().unwrap_or_else(|| panic!("{}", hosts.body)).clone()
}

/// The ids of the tokens that admitted these hosts.
fn tokens_of(hosts: &[Value]) -> BTreeSet<String> {
    hosts.iter().map(|host| host["token_id"].as_str().unwrap().to_owned()).collect()
}

/// Checks that no file below `folder` has `secret`.
fn stored_nowhere(folder: &Path, secret: &str) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let kind = fs::symlink_metadata(&path).unwrap();
        if kind.is_dir() {
            stored_nowhere(&path, secret);
        } else if kind.is_file() {
            let text = fs::read(&path).unwrap();
            assert!(!text.windows(secret.len()).any(|part| part == secret.as_bytes()), "{}", path.display());
        }
    }
}
