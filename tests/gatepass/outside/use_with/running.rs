//! A server of others that runs with the lines of the page.

use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command};

use rustix::process::{Pid, Signal, kill_process};

use super::page;
use crate::outside::proxy::{free_port, run, stop};
use crate::outside::served::{Served, eventually};
use crate::outside::tool;

/// A server that the page describes.
pub(super) struct Program {
    /// Its name in the table.
    pub(super) name: &'static str,
    /// The page's section.
    pub(super) section: &'static str,
    /// Its executable, and the argument with which that prints its version.
    pub(super) version: (&'static str, &'static str),
    /// Starts it in the foreground; the process that gets the signal is the first.
    pub(super) start: fn(&Setting<'_>) -> Vec<Child>,
    /// The signal that the page's reload amounts to, if the server does not see a new file without.
    pub(super) reload: Option<Signal>,
    /// Gives it the hosts with the role by their ids, if it needs that.
    pub(super) list: Option<fn(&Setting<'_>)>,
    /// Returns true if it admits a host.
    pub(super) admits: fn(&Setting<'_>, &str) -> bool,
}

/// The files, port and neighbours of a server.
pub(super) struct Setting<'a> {
    pub(super) at: &'a Served,
    /// The address of a service behind a proxy.
    pub(super) service: &'a str,
    pub(super) port: u16,
    program: &'static Program,
}

impl Setting<'_> {
    /// The lines of the page with this title, for the files, port and service of the test.
    pub(super) fn lines(&self, title: &str) -> String {
        let text = page::block(self.program.section, title);
        let text = text.replace("/etc/ssl/gatepass", self.trust("").trim_end_matches('/'));
        text.replace("127.0.0.1:8080", self.service)
    }

    /// A file beside the root and the CRLs.
    pub(super) fn trust(&self, name: &str) -> String {
        trust(self.at, name)
    }

    /// A path in a directory of the server's own.
    pub(super) fn path(&self, name: &str) -> String {
        let directory = self.program.name.to_lowercase().replace(' ', "-");
        std::fs::create_dir_all(self.at.path(&directory)).unwrap();
        self.at.arg(&format!("{directory}/{name}"))
    }

    /// Writes a file there; its path.
    pub(super) fn file(&self, name: &str, text: &str) -> String {
        let path = self.path(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// Starts a process that writes to the log.
    pub(super) fn run(&self, command: &mut Command) -> Child {
        run(self.at, command)
    }
}

/// A file beside the root and the CRLs.
pub(super) fn trust(at: &Served, name: &str) -> String {
    at.arg(&format!("trust/{name}"))
}

/// A running server. Dropping it stops it.
pub(super) struct Running<'a> {
    setting: Setting<'a>,
    processes: Vec<Child>,
}

impl<'a> Running<'a> {
    /// Starts `program`.
    pub(super) fn start(program: &'static Program, at: &'a Served, service: &'a str) -> Self {
        // A port that was free a moment ago may be taken by now; then the server ends at once.
        let started = (0..10).find_map(|_| {
            let setting = Setting { at, service, port: free_port(), program };
            let processes = (program.start)(&setting);
            Self { setting, processes }.listening()
        });
        let started =
            started.unwrap_or_else(|| panic!("{} does not start:\n{}", program.name, at.text("proxy.log")));
        started.list();
        started
    }

    fn listening(mut self) -> Option<Self> {
        let listens = eventually("the server to listen, or to end", || {
            let ended = self.processes.iter_mut().any(|process| process.try_wait().unwrap().is_some());
            let listens = TcpStream::connect(("127.0.0.1", self.setting.port)).is_ok();
            (ended || listens).then_some(!ended)
        });
        listens.then_some(self)
    }

    pub(super) fn program(&self) -> &'static Program {
        self.setting.program
    }

    /// Returns true if it reads CRLs.
    pub(super) fn reads_crls(&self) -> bool {
        page::names_crls(self.program().section)
    }

    /// Makes it read its files again, as the page says.
    pub(super) fn reload(&self) {
        self.list();
        if let Some(signal) = self.program().reload {
            kill_process(Pid::from_child(&self.processes[0]), signal).unwrap();
        }
    }

    /// The output of a GET as the host `name`, over a new session that is kept (`-sess_out`) or over that one (`-sess_in`).
    pub(super) fn session(&self, name: &str, direction: &str) -> String {
        let at = self.setting.at;
        let address = format!("localhost:{}", self.setting.port);
        let (session, chain) = (self.setting.path("session"), at.arg(&format!("{name}-chain.pem")));
        let (certificate, key) = (at.arg(&format!("{name}.pem")), at.arg(&format!("{name}.key")));
        let mut client = Command::new("openssl");
        client.args(["s_client", "-connect", &address, "-CAfile", &self.setting.trust("server.pem")]);
        client.args(["-cert", &certificate, "-cert_chain", &chain, "-key", &key, "-ign_eof"]);
        // A server that resumes no sessions leaves none.
        if direction == "-sess_out" || Path::new(&session).exists() {
            client.args([direction, &session]);
        }
        let said = tool::run(&mut client, "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        said.out + &said.err
    }

    fn list(&self) {
        if let Some(list) = self.program().list {
            list(&self.setting);
        }
    }

    /// Returns true if it admits the host `name`.
    pub(super) fn admits(&self, name: &str) -> bool {
        (self.program().admits)(&self.setting, name)
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("{}", self.setting.at.text("proxy.log"));
            self.setting.at.file("proxy.log", "");
        }
        self.processes.iter_mut().for_each(stop);
    }
}
