//! Messages to the service manager that started this process: sd_notify(3) of systemd.

use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use crate::config::Environment;

/// Longest wait for a service manager that does not read.
const PATIENCE: Duration = Duration::from_secs(1);

/// The service manager, if one asks for messages.
pub(crate) struct ServiceManager(Option<(UnixDatagram, SocketAddr)>);

impl ServiceManager {
    /// The service manager that `NOTIFY_SOCKET` names. Children must not get that variable: they could report readiness.
    pub(crate) fn of(environment: &Environment) -> Self {
        let Some(name) = environment.get("NOTIFY_SOCKET") else { return Self(None) };
        match open(name) {
            Ok(open) => Self(Some(open)),
            Err(error) => {
                tracing::warn!(%error, "NOTIFY_SOCKET cannot be used: the service manager gets no messages");
                Self(None)
            }
        }
    }

    /// Reports that the service has started, or has reloaded its files.
    pub(crate) fn ready(&self, status: &str) {
        self.send(&format!("READY=1\nSTATUS={}", one_line(status)));
    }

    /// Reports a state, for people.
    pub(crate) fn status(&self, status: &str) {
        self.send(&format!("STATUS={}", one_line(status)));
    }

    /// Reports that the service reloads its files. [`Self::ready`] ends it.
    pub(crate) fn reloading(&self) {
        self.send("RELOADING=1");
    }

    /// Reports that the service is well, for the watchdog.
    pub(crate) fn alive(&self) {
        self.send("WATCHDOG=1");
    }

    /// Reports that the service stops.
    pub(crate) fn stopping(&self) {
        self.send("STOPPING=1");
    }

    fn send(&self, message: &str) {
        let Some((socket, address)) = &self.0 else { return };
        if let Err(error) = socket.send_to_addr(message.as_bytes(), address) {
            tracing::warn!(%error, message, "the service manager got no message");
        }
    }
}

/// A line of its own would be another message.
fn one_line(text: &str) -> String {
    text.replace(char::is_control, " ")
}

fn open(name: &str) -> std::io::Result<(UnixDatagram, SocketAddr)> {
    let address = match name.strip_prefix('@') {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(name)?,
    };
    let socket = UnixDatagram::unbound()?;
    socket.set_write_timeout(Some(PATIENCE))?;
    Ok((socket, address))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(name: &str, by: &UnixDatagram) -> String {
        let manager = ServiceManager::of(&Environment::from_pairs([("NOTIFY_SOCKET", name)]));
        manager.ready("listens on\nhttps://gate");
        let mut message = [0; 256];
        let length = by.recv(&mut message).unwrap();
        String::from_utf8(message[..length].to_vec()).unwrap()
    }

    #[test]
    fn both_kinds_of_sockets_get_messages() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("notify");
        let by = UnixDatagram::bind(&path).unwrap();
        let expected = "READY=1\nSTATUS=listens on https://gate";
        assert_eq!(heard(path.to_str().unwrap(), &by), expected);
        let name = format!("gatepass-test-{}", crate::id::hex(&crate::id::random::<8>()));
        let by = UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
        assert_eq!(heard(&format!("@{name}"), &by), expected);
    }

    #[test]
    fn a_process_without_a_manager_sends_nothing() {
        for pairs in [&[][..], &[("NOTIFY_SOCKET", "")], &[("NOTIFY_SOCKET", "/nonexistent/socket")]] {
            ServiceManager::of(&Environment::from_pairs(pairs.iter().copied())).ready("fine");
        }
    }
}
