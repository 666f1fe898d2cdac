//! Errors of the host's side and of the admin client.

use std::path::PathBuf;

use super::problem::ServerProblem;
use crate::connect::{ConnectError, Response};
use crate::id::{Fingerprint, HostId, TokenId};
use crate::ownership::OwnershipError;
use crate::token::VerifyError;
use crate::verifier::hosts::CrlSetError;

/// A failure of the host's side or of the admin client. No text of it holds a token or a key.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The server could not be reached or is not trusted.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The server refused.
    #[error("{0}")]
    Refused(Box<ServerProblem>),
    /// The decision of the server is pending.
    #[error(
        "the server has not decided yet: run the same command again in {seconds} s; the key on this host stays the same"
    )]
    Pending {
        /// Seconds until the next try.
        seconds: u64,
    },
    /// The server's answer is invalid.
    #[error("the server's answer is invalid: {what}; check that it is a gatepass server of this version")]
    Answer {
        /// The fault in the answer.
        what: String,
    },
    /// The answer is another server's.
    #[error(
        "{server} does not answer as gatepass does: {what}; check that the address leads to the authority, without another \
         server on the way"
    )]
    NotGatepass {
        /// URL of the server.
        server: String,
        /// The fault in the answer.
        what: String,
    },
    /// Every address of the authority failed.
    #[error("no address of the authority answered:{}", listed(.0))]
    NoServer(
        /// The failure of each address.
        Vec<Self>,
    ),
    /// The token is invalid.
    #[error(transparent)]
    Token(#[from] VerifyError),
    /// A flag and the token name different servers, and no root is pinned.
    #[error(
        "--server is {given}, but the token is from {token}, and pins no root: nothing was sent; give --ca-fingerprint with \
         the authority's root (`gatepass ca fingerprint` prints it on the server), or drop --server"
    )]
    UnpinnedServer {
        /// Value of the flag.
        given: String,
        /// Value in the token.
        token: String,
    },
    /// A flag names a server that a host without a pinned root does not know.
    #[error(
        "--server is {given}, but this host was enrolled without a pinned root and knows only {}: nothing was sent; drop \
         --server, or enroll again with a new token, --ca-fingerprint and --replace",
        known.join(" and ")
    )]
    UnknownServer {
        /// Value of the flag.
        given: String,
        /// The host's addresses of the authority.
        known: Vec<String>,
    },
    /// A flag and the token name different roots.
    #[error(
        "--ca-fingerprint is {given}, but the token pins {token}: ask the server's operator which is right"
    )]
    OtherRoot {
        /// Value of the flag.
        given: Fingerprint,
        /// Value in the token.
        token: Fingerprint,
    },
    /// No trust anchor is given.
    #[error("the server cannot be verified: give --ca-fingerprint, or --ca FILE with the root certificate")]
    NoTrust,
    /// A file holds no certificate.
    #[error("{} holds no certificate in PEM form", path.display())]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// The directory holds another live identity.
    #[error(
        "{} holds the live identity of host {host}, enrolled with token {token}: nothing was sent; remove it with \
         `gatepass leave`, or give --replace",
        dir.display()
    )]
    LiveIdentity {
        /// The directory.
        dir: PathBuf,
        /// The host of that identity.
        host: HostId,
        /// The token of that identity.
        token: TokenId,
    },
    /// The directory holds no identity.
    #[error("{} holds no identity: run `gatepass enroll`, or give --cert-dir", dir.display())]
    NotEnrolled {
        /// The directory.
        dir: PathBuf,
    },
    /// The identity has expired.
    #[error(
        "the certificate of host {host} expired at {at}: it can no longer be renewed; request a new token and run \
         `gatepass enroll` again"
    )]
    Expired {
        /// Id of the host.
        host: HostId,
        /// Expiry of its certificate.
        at: crate::clock::Timestamp,
    },
    /// Files could not be read or written.
    #[error("{}: {doing}: {source}{}", path.display(), advice(source))]
    File {
        /// The file or directory.
        path: PathBuf,
        /// The failed step.
        doing: &'static str,
        /// The error of the operating system.
        source: std::io::Error,
    },
    /// Other users may read the private key, and could act as this host.
    #[error("other users may read {0} (mode {mode:04o}): run `chmod 600 {0}`", path.display())]
    Exposed {
        /// The key's file.
        path: PathBuf,
        /// Mode of the file.
        mode: u32,
    },
    /// A file or directory may be the work of somebody else.
    #[error(transparent)]
    Ownership(#[from] OwnershipError),
    /// A file is damaged.
    #[error(
        "{}: {why}; run `gatepass enroll --replace` for a new identity, or remove this one with `gatepass leave --force`",
        path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The fault in the file.
        why: String,
    },
    /// Another process uses the directory.
    #[error("another gatepass uses {}: wait until it ends", dir.display())]
    Busy {
        /// The directory.
        dir: PathBuf,
    },
    /// The CRLs of the authority are refused.
    #[error(transparent)]
    Crls(#[from] CrlSetError),
    /// The CRLs of the authority may not replace those in the file.
    #[error("{} stays as it is: {why}; if the change is intended, remove the file and try again", path.display())]
    CrlFile {
        /// The file.
        path: PathBuf,
        /// The reason.
        why: CrlSetError,
    },
    /// A credential cannot be sent.
    #[error(
        "the credential holds a control character, and was not sent: check the file or variable that it is from"
    )]
    Credential,
    /// A key or a signature failed.
    #[error("no key could be generated: {why}")]
    Key {
        /// The error of the library.
        why: String,
    },
}

impl ClientError {
    /// The answer, unless it is a refusal.
    ///
    /// # Errors
    /// [`ClientError::Refused`].
    pub(super) fn check(response: Response) -> Result<Response, Self> {
        match response.status.is_success() {
            true => Ok(response),
            false => Err(Self::Refused(Box::new(ServerProblem::of(&response)))),
        }
    }

    /// Returns true if a retry can help: the network or a busy server, not a refusal.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Connect(_) | Self::Pending { .. } | Self::Busy { .. } | Self::File { .. } => true,
            Self::NotGatepass { .. } | Self::NoServer(_) => true,
            Self::Refused(problem) => problem.is_transient() || !problem.is_of_gatepass(),
            Self::Answer { .. }
            | Self::Token(_)
            | Self::UnpinnedServer { .. }
            | Self::UnknownServer { .. }
            | Self::OtherRoot { .. }
            | Self::NoTrust
            | Self::NoCertificate { .. }
            | Self::LiveIdentity { .. }
            | Self::NotEnrolled { .. }
            | Self::Expired { .. }
            | Self::Exposed { .. }
            | Self::Ownership(_)
            | Self::Damaged { .. }
            | Self::Crls(_)
            | Self::CrlFile { .. }
            | Self::Credential
            | Self::Key { .. } => false,
        }
    }

    /// Returns true if another address of the authority may answer instead.
    pub(super) fn is_of_address(&self) -> bool {
        match self {
            Self::Connect(error) => error.is_of_address(),
            Self::Refused(problem) => !problem.is_of_gatepass(),
            Self::NotGatepass { .. } | Self::NoServer(_) => true,
            _ => false,
        }
    }

    /// The code of the server's refusal, if any.
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Refused(problem) => Some(&problem.body.code),
            _ => None,
        }
    }
}

/// The next step after an error of the operating system.
fn advice(error: &std::io::Error) -> &'static str {
    match error.kind() {
        std::io::ErrorKind::PermissionDenied => "; run the command as the owner, for example with sudo",
        _ => "",
    }
}

fn listed(failures: &[ClientError]) -> String {
    failures.iter().map(|failure| format!("\n  {failure}")).collect()
}
