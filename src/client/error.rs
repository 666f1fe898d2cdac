//! What can go wrong on the host's side, and what to do about it.

use std::path::PathBuf;

use super::problem::ServerProblem;
use crate::connect::ConnectError;
use crate::id::{Fingerprint, HostId, TokenId};
use crate::token::VerifyError;

/// Why the host's side, or the admin client, did not get what it wanted. No text of it holds a token or a key.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The server could not be reached, or is not who it should be.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The server said no.
    #[error("{0}")]
    Refused(Box<ServerProblem>),
    /// The server wants to be asked again later.
    #[error(
        "the server has not decided yet: run the same command again in {seconds} s; the key on this host stays the same"
    )]
    Pending {
        /// When to ask again.
        seconds: u64,
    },
    /// The server's answer is not what it should be.
    #[error("the server's answer makes no sense: {what}; is it a gatepass server of this version?")]
    Answer {
        /// What is wrong with it.
        what: String,
    },
    /// The token is not one.
    #[error(transparent)]
    Token(#[from] VerifyError),
    /// A flag and the token name different servers.
    #[error(
        "--server says {given}, but the token was made by {token}: use the token's, or ask for a token of that server"
    )]
    OtherServer {
        /// What the flag says.
        given: String,
        /// What the token says.
        token: String,
    },
    /// A flag and the token name different roots.
    #[error(
        "--ca-fingerprint says {given}, but the token pins {token}: do not go on before you know which is right"
    )]
    OtherRoot {
        /// What the flag says.
        given: Fingerprint,
        /// What the token says.
        token: Fingerprint,
    },
    /// Nothing says which root to trust.
    #[error(
        "nothing says which root to trust: give --ca-fingerprint, or --ca FILE with the root certificate"
    )]
    NoTrust,
    /// A file with certificates is not one.
    #[error("{} holds no certificate in PEM form", path.display())]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// The directory holds another identity that is still good.
    #[error(
        "{} holds the live identity of host {host}, admitted by token {token}: nothing was sent; `gatepass leave` gives \
         it up, --replace puts the new one in its place",
        dir.display()
    )]
    LiveIdentity {
        /// The directory.
        dir: PathBuf,
        /// The host it is.
        host: HostId,
        /// The token that admitted it.
        token: TokenId,
    },
    /// There is no identity.
    #[error("{} holds no identity: `gatepass enroll` makes one; --cert-dir says where it is", dir.display())]
    NotEnrolled {
        /// The directory.
        dir: PathBuf,
    },
    /// The identity has ended.
    #[error(
        "the certificate of host {host} expired at {at}: it cannot be renewed any more; ask for a new token and run \
         `gatepass enroll` again"
    )]
    Expired {
        /// The host.
        host: HostId,
        /// When.
        at: crate::clock::Timestamp,
    },
    /// Files could not be read or written.
    #[error("{}: {doing}: {source}", path.display())]
    File {
        /// The file or directory.
        path: PathBuf,
        /// What was tried.
        doing: &'static str,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The private key may be read by others: whoever did is this host too.
    #[error("{0} may be read by others (mode {mode:04o}): run `chmod 600 {0}`", path.display())]
    Exposed {
        /// The key's file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// A file holds something else than it should.
    #[error("{}: {why}; `gatepass enroll --replace` makes a new identity", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// Another process works in the directory.
    #[error("another gatepass is working in {}: wait until it is done", dir.display())]
    Busy {
        /// The directory.
        dir: PathBuf,
    },
    /// No key could be made.
    #[error("no key could be made: {why}")]
    Key {
        /// What the library said.
        why: String,
    },
}

impl ClientError {
    /// Whether trying again later can help: the network or a busy server, not a refusal.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Connect(_) | Self::Pending { .. } | Self::Busy { .. } | Self::File { .. } => true,
            Self::Refused(problem) => problem.is_transient(),
            Self::Answer { .. }
            | Self::Token(_)
            | Self::OtherServer { .. }
            | Self::OtherRoot { .. }
            | Self::NoTrust
            | Self::NoCertificate { .. }
            | Self::LiveIdentity { .. }
            | Self::NotEnrolled { .. }
            | Self::Expired { .. }
            | Self::Exposed { .. }
            | Self::Damaged { .. }
            | Self::Key { .. } => false,
        }
    }

    /// The code of the server's refusal, if it was one.
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Refused(problem) => Some(&problem.code),
            _ => None,
        }
    }
}
