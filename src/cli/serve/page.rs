//! The page that a server prints when it starts. At the first start it has secrets: on the terminal, or in files.

use std::fs;
use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::super::error::CliError;
use super::super::logging::Queue;
use crate::config::DEFAULT_DATA_DIR;
use crate::secret::Secret;
use crate::server::{ADMIN, FIRST_SECRETS, FirstStart, Server};
use crate::shell_word::shell_word;

/// Longest wait for a terminal that takes the secrets. Then they go to files.
const PATIENCE: Duration = Duration::from_secs(10);

/// The place of the first start's secrets.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Secrets {
    /// Files of mode 0600 in the data directory
    Files,
    /// Standard output, which must be a terminal that nothing records
    Terminal,
}

/// The texts of the page for the secrets, in their order: the secrets themselves, or the paths of their files.
type FirstTexts = [Option<Secret<String>>; 3];

impl Secrets {
    /// The place in use. A terminal that does not exist is refused before anything is created.
    pub(super) fn checked(chosen: Option<Self>) -> Result<Self, CliError> {
        match (chosen, io::stdout().is_terminal()) {
            (Some(Self::Terminal), false) => Err(CliError::Usage(String::from(
                "--secrets terminal: standard output is not a terminal; give --secrets files",
            ))),
            (Some(chosen), _) => Ok(chosen),
            (None, true) => Ok(Self::Terminal),
            (None, false) => Ok(Self::Files),
        }
    }

    /// Prints the page. If the terminal does not take the secrets of a first start, they go to files too.
    pub(super) fn print(self, page: &StartPage<'_>, output: &Queue) -> Result<(), CliError> {
        let Some(first) = page.server.first_start() else {
            page.later_start().iter().for_each(|line| output.line(line));
            return Ok(());
        };
        if self == Self::Terminal {
            let texts = first.secrets().map(|secret| Some(Secret::new(secret?.expose().clone())));
            page.first_start(&texts).iter().for_each(|line| output.line(line.expose()));
            output.line("This page is not shown again.\n");
            if output.flush(PATIENCE) {
                return Ok(());
            }
        }
        let texts = in_files(first, page.server)?;
        page.first_start(&texts).iter().for_each(|line| output.line(line.expose()));
        output.line("");
        Ok(())
    }
}

/// Writes the secrets to their files. Returns the paths.
fn in_files(first: &FirstStart, server: &Server) -> Result<FirstTexts, CliError> {
    let mut texts = FirstTexts::default();
    for ((text, secret), file) in texts.iter_mut().zip(first.secrets()).zip(FIRST_SECRETS) {
        if let Some(secret) = secret {
            // Without the file the start fails, and the next one makes new secrets.
            let path = server.keep_first_secret(file, secret).map_err(CliError::Run)?;
            tracing::warn!(file = %path.display(), "a file has a secret of the first start: move it to a safe");
            let path = whole(&path).display().to_string();
            *text = Some(Secret::new(format!("in {path}, which only its owner can read")));
        }
    }
    Ok(texts)
}

/// The facts of the page.
pub(super) struct StartPage<'a> {
    server: &'a Server,
    data_dir: &'a Path,
}

impl<'a> StartPage<'a> {
    pub(super) const fn new(server: &'a Server, data_dir: &'a Path) -> Self {
        Self { server, data_dir }
    }

    /// The lines of a first start: the password and the next steps first, the emergency token last.
    fn first_start(&self, [password, roles, emergency]: &FirstTexts) -> Vec<Secret<String>> {
        let given = "as given to this start";
        let password = password.as_ref().map_or(given, |text| text.expose().as_str());
        let mut lines = vec![format!("user      {ADMIN}"), format!("password  {password}"), String::new()];
        lines.extend(self.next_steps());
        lines.push(String::new());
        lines.extend(self.whereabouts());
        if let Some(token) = roles {
            lines.push(String::from(
                "\nfirst roles token: admits any number of hosts, without roles, until it is revoked",
            ));
            lines.push(format!("  {}", token.expose()));
        }
        if let Some(token) = emergency {
            lines.push(String::from(
                "\nemergency token: admits any number of hosts with every role except allocator, on the day when nobody can mint\n\
                 keep it in a safe, away from this server: each use is an alarm",
            ));
            lines.push(format!("  {}", token.expose()));
        }
        lines.into_iter().map(Secret::new).collect()
    }

    /// The lines of a later start.
    fn later_start(&self) -> Vec<String> {
        let mut lines = self.whereabouts();
        lines.extend_from_slice(self.server.notices());
        lines.push(format!("{} gatepass overview{}", self.next(), self.at()));
        lines
    }

    fn next_steps(&self) -> Vec<String> {
        let (at, url) = (self.at(), self.server.url());
        let anchor = match self.server.presents_own_certificate() {
            true => format!("--ca-fingerprint {}", self.server.root_fingerprint()),
            false => String::from("--outside-tls"),
        };
        vec![
            self.next().to_owned(),
            format!("  gatepass overview{at}"),
            format!("  gatepass token create --role proxy{at}"),
            format!("  gatepass login --server {url} {anchor}"),
        ]
    }

    fn whereabouts(&self) -> Vec<String> {
        let server = self.server;
        vec![
            format!("gatepass listens on {} ({})", server.url(), server.local_addr()),
            format!("dashboard         {}", server.url()),
            format!("version           {}", env!("CARGO_PKG_VERSION")),
            format!("root fingerprint  {}", server.root_fingerprint()),
            format!("data directory    {}", whole(self.data_dir).display()),
        ]
    }

    /// The heading of the next commands. A relative path means another directory elsewhere.
    fn next(&self) -> &'static str {
        match self.data_dir.is_absolute() {
            true => "next, in another terminal:",
            false => "next, in another terminal in this directory:",
        }
    }

    /// The flag by which commands find a data directory that is not the default one.
    fn at(&self) -> String {
        match self.data_dir == Path::new(DEFAULT_DATA_DIR) {
            true => String::new(),
            false => format!(" --data-dir {}", shell_word(&self.data_dir.display().to_string())),
        }
    }
}

/// The absolute path.
fn whole(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}
