//! html-validate over the HTML that the server sent.

use std::process::Command;

use serde_json::Value;

use super::super::tool;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/gatepass/outside/browser");

/// Everything that it finds, each with its rule and line.
pub(super) fn findings(source: &str) -> Vec<String> {
    let mut command = Command::new("html-validate");
    command.args(["--config", "html.mjs", "--formatter", "json", "--stdin"]).current_dir(FOLDER);
    let said = tool::run(&mut command, source);
    if said.good && said.out.trim().is_empty() {
        return Vec::new();
    }
    let files: Value = serde_json::from_str(&said.out).unwrap_or_else(|_| panic!("{}{}", said.out, said.err));
    let messages = files.as_array().unwrap().iter().flat_map(|file| file["messages"].as_array().unwrap());
    messages.map(|found| finding(found, source)).collect()
}

fn finding(found: &Value, source: &str) -> String {
    let line = found["line"].as_u64().unwrap_or(1);
    let text = source.lines().nth(usize::try_from(line).unwrap() - 1).unwrap_or_default();
    let start: String = text.trim().chars().take(160).collect();
    format!("{}: {} in line {line}: {start}", found["ruleId"], found["message"])
}
