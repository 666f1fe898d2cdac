//! The server under load: a child of this program, or one that runs already.

use std::fs::{self, File};
use std::net::ToSocketAddrs as _;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use gatepass::id::{hex, random};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use tempfile::TempDir;

use crate::arguments::Arguments;
use crate::child::{beside, listening};
use crate::cores::Cores;
use crate::error::LoadError;
use crate::wire::Place;

/// Beside a data directory that is kept: the password of its admin.
const PASSWORD_FILE: &str = "load.password";

/// A server that answers.
pub(crate) struct Server {
    child: Option<Child>,
    pid: Option<u32>,
    temporary: Option<TempDir>,
    /// Address and name.
    pub(crate) place: Place,
    /// Its root certificates.
    pub(crate) roots: Vec<CertificateDer<'static>>,
    /// The password of the user that prepares.
    pub(crate) password: String,
    /// Time from its start to its first line; `None` for a running server.
    pub(crate) listens_after: Option<Duration>,
}

impl Server {
    /// The running server that the arguments name.
    pub(crate) fn running(url: &str, arguments: &Arguments) -> Result<Self, LoadError> {
        let environment = gatepass::config::Environment::of_process();
        let password = environment.get("GATEPASS_PASSWORD").unwrap_or_default().to_owned();
        let roots = arguments.ca.as_deref().map(certificates).transpose()?.unwrap_or_default();
        let (child, temporary, listens_after) = (None, None, None);
        let place = place(url)?;
        Ok(Self { child, pid: arguments.pid, temporary, place, roots, password, listens_after })
    }

    /// Starts a server on `data_dir`, or on a temporary directory.
    pub(crate) fn start(
        arguments: &Arguments,
        cores: &Cores,
        data_dir: Option<&Path>,
    ) -> Result<Self, LoadError> {
        let gatepass = match &arguments.gatepass {
            Some(path) => path.clone(),
            None => beside().map_err(LoadError::io("finding this program"))?,
        };
        if !gatepass.is_file() {
            return Err(LoadError::NoBinary(gatepass));
        }
        let temporary = match data_dir {
            Some(_) => None,
            None => Some(tempfile::tempdir().map_err(LoadError::io("a temporary directory"))?),
        };
        let new = temporary.as_ref().map(|dir| dir.path().join("data"));
        let data = data_dir.map(Path::to_owned).or(new).unwrap_or_default();
        let password = password(&data)?;
        let audience = arguments.audience.as_str();
        let log = data.with_extension("log");
        let began = Instant::now();
        let spawned = cores.on_server(|| spawn(&gatepass, &data, &log, &password, audience));
        let (mut child, stdout) = spawned?;
        let Ok(line) = listening(stdout).recv() else {
            // The server has ended, or is about to end. Its log has the reason.
            let _ = child.kill();
            let _ = child.wait();
            return Err(LoadError::NotStarted(fs::read_to_string(&log).unwrap_or_default()));
        };
        let listens_after = Some(began.elapsed());
        let roots = certificates(&data.join("root.pem"))?;
        let (pid, place) = (Some(child.id()), place(line.split(' ').next().unwrap_or_default())?);
        Ok(Self { child: Some(child), pid, temporary, place, roots, password, listens_after })
    }

    /// Its process, if it is known.
    pub(crate) const fn pid(&self) -> Option<u32> {
        self.pid
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        // SIGTERM lets it close its store; a data directory that is thrown away needs no such care.
        if self.temporary.is_none() {
            let pid = rustix::process::Pid::from_child(&child);
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        } else {
            let _ = child.kill();
        }
        let _ = child.wait();
    }
}

/// Returns true if the server knows a setting. Earlier versions may not.
fn knows(gatepass: &Path, setting: &str) -> bool {
    let mut check = Command::new(gatepass);
    check.env_clear().args(["check-config", "--set", setting]);
    let check = check.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    check.is_ok_and(|status| status.success())
}

fn spawn(
    gatepass: &Path,
    data: &Path,
    log: &Path,
    password: &str,
    audience: &str,
) -> Result<(Child, ChildStdout), LoadError> {
    let log = File::create(log).map_err(LoadError::io("the server's log"))?;
    let mut command = Command::new(gatepass);
    command.env_clear().env("GATEPASS_ADMIN_PASSWORD", password);
    command.args(["serve", "--listen", "127.0.0.1:0", "--data-dir"]).arg(data);
    // The whole load has one address.
    for setting in ["http.max_connections=100000", "http.max_connections_per_address=100000"] {
        command.args(["--set", setting]);
    }
    let audiences = format!("tokens.audiences={audience}");
    // The limits are off: the measured value is the cost of a request.
    for setting in [audiences.as_str(), "limits.address=off", "limits.actor=off", "limits.refused_token=off"]
    {
        if knows(gatepass, setting) {
            command.args(["--set", setting]);
        }
    }
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(log)
        .spawn()
        .map_err(LoadError::io("starting the server"))?;
    let stdout =
        child.stdout.take().ok_or_else(|| LoadError::NotStarted(String::from("it has no output")))?;
    Ok((child, stdout))
}

/// The admin's password: kept beside a data directory that this program has founded.
fn password(data: &Path) -> Result<String, LoadError> {
    let file = data.join(PASSWORD_FILE);
    if let Ok(kept) = fs::read_to_string(&file) {
        return Ok(kept);
    }
    if data.join("gatepass.db").exists() {
        let message = format!(
            "{} has no {PASSWORD_FILE}: write the admin's password into it, without a newline",
            data.display()
        );
        return Err(LoadError::Usage(message));
    }
    let password = hex(&random::<16>());
    fs::create_dir_all(data).map_err(LoadError::io(format!("making {}", data.display())))?;
    fs::write(&file, &password).map_err(LoadError::io(format!("writing {}", file.display())))?;
    Ok(password)
}

/// The certificates of a PEM file.
pub(crate) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, LoadError> {
    let pem = fs::read(path).map_err(LoadError::io(format!("reading {}", path.display())))?;
    CertificateDer::pem_slice_iter(&pem).collect::<Result<_, _>>().map_err(LoadError::crypto)
}

fn place(url: &str) -> Result<Place, LoadError> {
    let wrong = || LoadError::Usage(format!("{url:?} is no https://host:port"));
    let authority = url.strip_prefix("https://").map(|rest| rest.trim_end_matches('/')).ok_or_else(wrong)?;
    let with_port = if authority.contains(':') { authority.to_owned() } else { format!("{authority}:443") };
    let address = with_port.to_socket_addrs().map_err(LoadError::io("finding the server"))?.next();
    let host = with_port.rsplit_once(':').map_or(authority, |(host, _)| host);
    let name = ServerName::try_from(host.trim_matches(['[', ']']).to_owned()).map_err(|_| wrong())?;
    Ok(Place { address: address.ok_or_else(wrong)?, name, authority: authority.to_owned() })
}
