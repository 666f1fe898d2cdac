//! The service of the authority.

use std::path::{Path, PathBuf};

use clap::Args;

use super::binary::is_private;
use super::repeated::Repeated;
use super::unit::{Kind, STRICT, Service, UnitFlags, read_write};
use super::words::setting_word;
use crate::cli::error::CliError;
use crate::cli::serve::ServerFlags;
use crate::config::{Config, DEFAULT_DATA_DIR, Environment, FILE_NAME};

/// Parent of the directories that systemd makes for services.
const STATE: &str = "/var/lib";
/// Data directory of the service, unless it has another.
pub(crate) const DATA_DIR: &str = "/var/lib/gatepass";
/// Directory in which systemd finds the file of a credential.
const CREDENTIALS: &str = "/etc/credstore";

/// Restrictions of the server alone, and its credential, which may be absent.
const SERVER: &str = "\
LoadCredential=gatepass.admin-password
ProtectProc=invisible
SystemCallFilter=@system-service
PrivateTmp=yes
SystemCallFilter=~@privileged @resources
UMask=0077
";

/// A server as a service.
#[derive(Args)]
pub(crate) struct ServeService {
    #[command(flatten)]
    unit: UnitFlags,
    #[command(flatten)]
    server: Repeated<ServerFlags>,
}

impl ServeService {
    /// The service. Its configuration was read as the service reads it.
    pub(super) fn service(self) -> Result<Service, CliError> {
        let mut words = self.server.words;
        if Path::new(FILE_NAME).exists() && !words.iter().any(|word| word == "--config") {
            return Err(CliError::Usage(format!(
                "{FILE_NAME} of this directory is not read by a service: give --config {FILE_NAME}, or run the command in another \
                 directory"
            )));
        }
        if read(&words)?.server.data_dir == Path::new(DEFAULT_DATA_DIR) {
            words.extend(["--data-dir".to_owned(), DATA_DIR.to_owned()]);
        }
        let config = read(&words)?;
        check(&config)?;
        let mut service = Service::new(Kind::Serve, self.unit, words)?;
        let own = own_directories(&config);
        service.settings = [
            state_lines(&own),
            read_write(own.iter().map(PathBuf::as_path).filter(|path| state(path).is_none())),
            capabilities(config.server.listen.port()).to_owned(),
            protect_home(own.iter().map(PathBuf::as_path).chain(files(&config))).to_owned(),
            SERVER.to_owned(),
            STRICT.to_owned(),
        ]
        .concat();
        service.directories = own;
        service.checked()
    }
}

fn read(words: &[String]) -> Result<Config, CliError> {
    let read = Repeated::<ServerFlags>::read(words.to_vec());
    let flags = read.map_err(|error| CliError::Usage(error.to_string()))?.flags;
    flags.load(&Environment::default())
}

fn check(config: &Config) -> Result<(), CliError> {
    let refused = |why: String| Err(CliError::Usage(why));
    if config.server.dev {
        return refused(
            "--dev is for development: a service keeps its keys in its data directory".to_owned(),
        );
    }
    if config.server.admin_password.is_some() {
        return refused(format!(
            "--admin-password-file: put the file at {CREDENTIALS}/gatepass.admin-password, mode 0600: the service's first start \
             reads it there"
        ));
    }
    let paths = || files(config).chain([config.server.data_dir.as_path(), config.server.keys_dir.as_path()]);
    if let Some(path) = paths().find(|path| path.is_relative()) {
        return refused(format!("{}: a service needs the whole path", path.display()));
    }
    match paths().find(|path| is_private(path)) {
        Some(path) => {
            refused(format!("{}: a service does not see it there: choose another place", path.display()))
        }
        None => Ok(()),
    }
}

/// Files that the server reads.
fn files(config: &Config) -> impl Iterator<Item = &Path> {
    let tls = config.server.tls.iter().flat_map(|tls| [&tls.certificate, &tls.key]);
    let ca = &config.ca;
    let ca = [&ca.root, &ca.root_crl, &ca.issuing_certificate, &ca.issuing_key].into_iter().flatten();
    tls.chain(ca).map(PathBuf::as_path)
}

/// Directories that the server writes to.
fn own_directories(config: &Config) -> Vec<PathBuf> {
    let (data, keys) = (config.server.data_dir.clone(), config.server.keys_dir.clone());
    if keys.starts_with(&data) { vec![data] } else { vec![data, keys] }
}

/// The name of a directory that systemd makes, relative to [`STATE`].
pub(super) fn state(path: &Path) -> Option<&Path> {
    path.strip_prefix(STATE).ok().filter(|name| !name.as_os_str().is_empty())
}

fn state_lines(directories: &[PathBuf]) -> String {
    let names = directories.iter().filter_map(|path| state(path));
    let names = names.map(|name| setting_word(&name.display().to_string())).collect::<Vec<_>>();
    match names.is_empty() {
        true => String::new(),
        false => format!("StateDirectory={}\nStateDirectoryMode=0700\n", names.join(" ")),
    }
}

/// `ProtectHome=`, for a server that uses these paths.
fn protect_home<'a>(paths: impl IntoIterator<Item = &'a Path>) -> &'static str {
    let in_home = |path: &Path| ["/home", "/root", "/run/user"].iter().any(|home| path.starts_with(home));
    match paths.into_iter().any(in_home) {
        true => "ProtectHome=read-only\n",
        false => "ProtectHome=yes\n",
    }
}

const fn capabilities(port: u16) -> &'static str {
    match port {
        1..1024 => "AmbientCapabilities=CAP_NET_BIND_SERVICE\nCapabilityBoundingSet=CAP_NET_BIND_SERVICE\n",
        _ => "CapabilityBoundingSet=\n",
    }
}
