//! The facts that a new host reports of itself, with the first use of its certificate. Until the server has taken or refused
//! them, they are kept beside the identity.

use std::fs;

use serde_json::json;

use super::authority::PresentedHost;
use super::authority::{HostClient, WHOAMI};
use super::error::ClientError;
use super::host::ThisHost;
use super::renewal::note;
use super::servers::Question;
use crate::name::{LONGEST_FREE_TEXT, Label, free_text};
use crate::text::printable;
use crate::wire::HostReport;

/// Files that name the operating system (os-release(5)), the first that exists.
const OS_RELEASE: [&str; 2] = ["/etc/os-release", "/usr/lib/os-release"];

/// Flags of the report about this host.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct ReportFlags {
    /// Label of this host in lists, at most 128 characters. The first one stays: `gatepass host set-label` changes it
    #[arg(long, value_name = "TEXT", value_parser = Label::parse)]
    pub label: Option<Label>,
    /// Report neither hostname nor operating system, architecture and version to the server
    #[arg(long)]
    pub no_report: bool,
}

impl ReportFlags {
    /// The report to send; `None` if there is nothing to report.
    pub(super) fn report(&self) -> Option<HostReport> {
        let label = self.label.as_ref().map(Label::to_string).filter(|label| !label.is_empty());
        let facts = if self.no_report { HostReport::default() } else { of_machine() };
        Some(HostReport { label, ..facts }).filter(|report| *report != HostReport::default())
    }
}

/// Presents the certificate of `this` host with a report, and without it if that fails. An older server has no such route, and
/// a proxy may refuse it. A report is never the reason that a certificate was not seen.
pub(super) async fn present_with(
    report: &HostReport,
    client: HostClient<'_>,
    this: &ThisHost,
) -> Result<PresentedHost, ClientError> {
    match client.ask(&Question::post(WHOAMI, json!(report))).await {
        Ok(answer) => {
            note(this, |record| record.report = None);
            client.adopt(answer)
        }
        Err(unreached @ ClientError::Connect(_)) => Err(unreached),
        Err(error) => {
            tracing::debug!(%error, "the server did not take the report of this host");
            if !error.is_transient() {
                note(this, |record| record.report = None);
            }
            client.present().await
        }
    }
}

/// The facts of this machine.
fn of_machine() -> HostReport {
    let system = rustix::system::uname();
    let release = OS_RELEASE.iter().find_map(|file| fs::read_to_string(file).ok());
    HostReport {
        hostname: fact(&system.nodename().to_string_lossy()),
        os: release.as_deref().and_then(pretty_name).as_deref().and_then(fact),
        arch: fact(&system.machine().to_string_lossy()),
        version: fact(env!("CARGO_PKG_VERSION")),
        label: None,
    }
}

/// A fact in the form that the server accepts: hidden characters escaped, cut at the longest length.
fn fact(text: &str) -> Option<String> {
    let text: String = printable(text.trim()).chars().take(LONGEST_FREE_TEXT).collect();
    Some(text).filter(|text| !text.is_empty() && free_text("fact", text).is_ok())
}

/// The value of `PRETTY_NAME` in an os-release file, as a shell reads it. The last one counts.
fn pretty_name(release: &str) -> Option<String> {
    let value = release.lines().rev().find_map(|line| line.trim().strip_prefix("PRETTY_NAME="))?;
    let quoted = |quote: char| value.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
    if let Some(literal) = quoted('\'') {
        return Some(literal.to_owned());
    }
    let (mut name, mut characters) = (String::new(), quoted('"').unwrap_or(value).chars());
    while let Some(character) = characters.next() {
        // A backslash stands before the character that it makes a plain one.
        name.push(if character == '\\' { characters.next()? } else { character });
    }
    Some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_the_system_is_unquoted() {
        let name = |line: &str| pretty_name(&format!("NAME=x\n{line}\nID=x\n"));
        let debian = Some("Debian GNU/Linux 12 (bookworm)".to_owned());
        assert_eq!(name(r#"PRETTY_NAME="Debian GNU/Linux 12 (bookworm)""#), debian);
        assert_eq!(name("PRETTY_NAME='Debian GNU/Linux 12 (bookworm)'"), debian);
        assert_eq!(name("PRETTY_NAME=Alpine").as_deref(), Some("Alpine"));
        assert_eq!(name(r#"PRETTY_NAME="a \"b\" \\ \$c""#).as_deref(), Some(r#"a "b" \ $c"#));
        assert_eq!(name("PRETTY_NAME=a\nPRETTY_NAME=b").as_deref(), Some("b"));
        assert_eq!(name("OTHER=a"), None);
    }

    #[test]
    fn every_fact_is_one_that_the_server_accepts() {
        assert_eq!(fact(" web-7\n").as_deref(), Some("web-7"));
        assert_eq!(fact("a\u{202e}b\u{1b}[2J").as_deref(), Some(r"a\u{202e}b\u{1b}[2J"));
        assert_eq!(fact(&"\u{fc}".repeat(200)).map(|text| text.chars().count()), Some(LONGEST_FREE_TEXT));
        assert_eq!(fact("  "), None);
    }

    #[test]
    fn a_report_has_only_what_its_flags_allow() {
        let label = Label::parse("rack 7").ok();
        let whole = ReportFlags::default().report().unwrap();
        assert!(whole.hostname.is_some() && whole.arch.is_some() && whole.version.is_some(), "{whole:?}");
        let only = ReportFlags { label: label.clone(), no_report: true }.report();
        assert_eq!(only, Some(HostReport { label: Some("rack 7".to_owned()), ..HostReport::default() }));
        assert_eq!(ReportFlags { label: Label::parse("").ok(), no_report: true }.report(), None);
        assert_eq!(ReportFlags { label, no_report: false }.report().unwrap().hostname, whole.hostname);
    }
}
