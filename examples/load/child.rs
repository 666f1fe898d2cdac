//! The server as a child of an example: its binary, and the line that names its URL.

use std::io::{self, BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::ChildStdout;
use std::sync::mpsc::{Receiver, channel};

/// `gatepass` beside this program: an example's directory is one below it.
pub(crate) fn beside() -> io::Result<PathBuf> {
    let own = std::env::current_exe()?;
    let mut places = own.ancestors().skip(1).take(2).map(|dir| dir.join("gatepass"));
    let missing =
        "there is no gatepass beside this program: run `cargo build --release`, or give --gatepass FILE";
    places.find(|path| path.is_file()).ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, missing))
}

/// Receives the URL of a server and its address in parentheses. The sender is dropped if the server ends before.
pub(crate) fn listening(stdout: ChildStdout) -> Receiver<String> {
    let (sender, receiver) = channel();
    // The whole output is read, because a full pipe would stop the server.
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            if let Some(rest) = line.strip_prefix("gatepass listens on ") {
                // A receiver that has gone needs no URL.
                let _ = sender.send(rest.to_owned());
            }
        }
    });
    receiver
}
