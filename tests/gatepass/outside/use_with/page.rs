//! `docs/use-with.md`: the lines for each server, and the tables of the answers that were measured with them.

use std::sync::{Mutex, PoisonError};

use crate::outside::tool;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/use-with.md");

/// The variable that lets the tests write the tables instead of comparing them.
const WRITE: &str = "GATEPASS_WRITE_TABLES";

/// One writer at a time.
static WRITING: Mutex<()> = Mutex::new(());

/// A row of a table: a program, its version, and the other cells.
pub(in crate::outside) struct Row {
    pub(in crate::outside) program: &'static str,
    pub(in crate::outside) version: String,
    pub(in crate::outside) cells: Vec<String>,
}

impl Row {
    /// The row of the page for any version.
    fn text(&self) -> String {
        format!("{} | {}", self.program, self.cells.join(" | "))
    }

    fn line(&self) -> String {
        format!("| {} {} | {} |", self.program, self.version, self.cells.join(" | "))
    }
}

fn read() -> String {
    std::fs::read_to_string(PAGE).unwrap()
}

/// The section with this heading.
fn section(name: &str) -> String {
    let text = read();
    let (_, rest) = text.split_once(&format!("\n## {name}\n")).expect(name);
    rest.split("\n## ").next().unwrap().to_owned()
}

/// Returns true if the lines of a section name the file of CRLs.
pub(super) fn names_crls(name: &str) -> bool {
    section(name).contains("/crl.pem")
}

/// The code block in the section `name` with the line `# <title>`.
pub(super) fn block(name: &str, title: &str) -> String {
    let section = section(name);
    let blocks = section.split("```").skip(1).step_by(2).map(|block| block.split_once('\n').unwrap().1);
    let title = format!("# {title}");
    let mut found = blocks.filter(|block| block.lines().any(|line| line == title));
    found.next().expect(&title).to_owned()
}

/// The program of a table's line, and its other cells.
fn parse(line: &str) -> Option<(&str, String)> {
    let (program, cells) = line.strip_prefix("| ")?.strip_suffix(" |")?.split_once(" | ")?;
    let (program, version) = program.rsplit_once(' ')?;
    version.starts_with(|c: char| c.is_ascii_digit()).then(|| (program, format!("{program} | {cells}")))
}

/// The programs of all rows, in the order of the page.
pub(super) fn programs() -> Vec<String> {
    let mut found =
        read().lines().filter_map(parse).map(|(program, _)| program.to_owned()).collect::<Vec<_>>();
    found.dedup();
    found
}

/// Compares the rows with those of the page for the same programs. If [`WRITE`] is set, it writes them into the table
/// that begins with `| <table> |`.
pub(in crate::outside) fn check(table: &str, rows: &[Row]) {
    let _writing = WRITING.lock().unwrap_or_else(PoisonError::into_inner);
    let text = read();
    let is_ours =
        |line: &str| parse(line).is_some_and(|(name, _)| rows.iter().any(|row| row.program == name));
    if writes() {
        return std::fs::write(PAGE, written(&text, table, rows, is_ours)).unwrap();
    }
    let said = text.lines().filter(|line| is_ours(line)).filter_map(parse).map(|(_, row)| row);
    let said = said.collect::<Vec<_>>().join("\n");
    let measured = rows.iter().map(Row::text).collect::<Vec<_>>().join("\n");
    assert!(
        said == measured,
        "docs/use-with.md says\n{said}\n\nbut measured was\n{measured}\n\n{WRITE}=1 writes it there"
    );
}

#[expect(clippy::disallowed_methods, reason = "it decides about this test, not about the product")]
fn writes() -> bool {
    std::env::var_os(WRITE).is_some()
}

/// The page with these rows instead of its own.
fn written(text: &str, table: &str, rows: &[Row], is_ours: impl Fn(&str) -> bool) -> String {
    let mut lines = text.lines().map(str::to_owned).collect::<Vec<_>>();
    let head = lines.iter().position(|line| line.starts_with(&format!("| {table} |"))).unwrap();
    let end =
        lines.iter().skip(head).position(|line| !line.starts_with('|')).map_or(lines.len(), |n| head + n);
    let at = lines.iter().position(|line| is_ours(line)).unwrap_or(end);
    let rest = lines.split_off(at);
    lines.extend(rows.iter().map(Row::line));
    lines.extend(rest.into_iter().filter(|line| !is_ours(line)));
    lines.join("\n") + "\n"
}

/// The version in the output of `program` with `argument`: the first numbers with dots between them.
pub(in crate::outside) fn version(program: &str, argument: &str) -> String {
    let said = tool::run(std::process::Command::new(program).arg(argument), "");
    let text = said.out + &said.err;
    let numbers = text.split(|c: char| !c.is_ascii_digit() && c != '.').map(|part| part.trim_matches('.'));
    numbers.filter(|part| part.contains('.')).map(str::to_owned).next().expect(program)
}
