//! Errors of the host's side and of the admin client.

mod retry;

use std::path::PathBuf;

use super::directory::Hold;
use super::problem::{RetryAfter, ServerProblem};
use crate::clock::Timestamp;
use crate::connect::{ConnectError, Response};
use crate::id::{Fingerprint, HostId, TokenId};
use crate::ownership::OwnershipError;
use crate::text::printable;
use crate::token::VerifyError;
use crate::verifier::hosts::CrlSetError;
use crate::wire::WaitAnswer;

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
    /// An administrator has not decided about the host yet.
    #[error(
        "enrollment {id} (code {}) waits for approval until {}: an administrator approves it with `gatepass enrollment approve \
         {id}`; run the same command again, the key on this host stays the same",
        printable(&.enrollment.code), .enrollment.expires_at, id = .enrollment.enrollment_id
    )]
    Waiting {
        /// Its id, its code, and the end of the wait.
        enrollment: Box<WaitAnswer>,
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
        /// The time of a retry, if the answer names one.
        retry_after: Option<RetryAfter>,
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
    /// The server refused an expired token.
    #[error(
        "{problem}\n{}",
        expiry(*at, *now, problem.date)
    )]
    TokenExpired {
        /// The refusal.
        problem: Box<ServerProblem>,
        /// Expiry of the token.
        at: Timestamp,
        /// The time of this machine.
        now: Timestamp,
    },
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
    /// An `api_key` was given without a server.
    #[error(
        "an api_key names no server: nothing was sent; give --server with its URL, and --ca-fingerprint with the authority's \
         root (`gatepass ca fingerprint` prints it on the server)"
    )]
    NoAddress,
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
    #[error(
        "the server cannot be verified: give --ca-fingerprint, --ca FILE with the root certificate, or the system's roots in \
         SSL_CERT_FILE or SSL_CERT_DIR"
    )]
    NoTrust,
    /// A file holds no certificate.
    #[error("{} holds no certificate, in PEM or DER form{found}", path.display())]
    NoCertificate {
        /// The file.
        path: PathBuf,
        /// The parts of it.
        found: String,
    },
    /// The directory holds another live identity.
    #[error(
        "{} holds the live identity of host {host}, enrolled with token {token}: nothing was sent; \
         to keep that host, enroll with a token of `gatepass host reenroll`; for a new host, remove it with `gatepass leave`, \
         or give --replace",
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
    /// The token is bound to a key that the directory does not hold.
    #[error(
        "the token is bound to another key than the one in {dir}: nothing was sent; run \
         `gatepass enroll --print-key-thumbprint --cert-dir {dir}`, and enroll with a token for that key",
        dir = .0.display()
    )]
    OtherKey(PathBuf),
    /// The host has no opaque key in the file that was asked for.
    #[error(
        "the identity of host {host} is in place, but the server gave no opaque key for {}: it gives one with a first \
         certificate only; enroll with a token of `gatepass host reenroll {host}`",
        path.display()
    )]
    NoOpaqueKey {
        /// The file that was asked for.
        path: PathBuf,
        /// The host that has the identity.
        host: HostId,
    },
    /// The directory holds no identity.
    #[error("{} holds no identity: run `gatepass enroll`, or give --cert-dir", dir.display())]
    NotEnrolled {
        /// The directory.
        dir: PathBuf,
    },
    /// The identity has expired.
    #[error(
        "the certificate of host {host} expired at {at}, and this machine's clock says {now}: if the clock is right, it can no \
         longer be renewed; run `gatepass enroll` with a token of `gatepass host reenroll {host}`, which keeps the host"
    )]
    Expired {
        /// Id of the host.
        host: HostId,
        /// Expiry of its certificate.
        at: Timestamp,
        /// Time of this machine's clock.
        now: Timestamp,
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
    /// A file cannot be replaced, and so no answer could be stored.
    #[error("{}: {hold}; nothing was sent", path.display())]
    Held {
        /// The file or directory.
        path: PathBuf,
        /// The reason.
        hold: Hold,
    },
    /// A group cannot reach the key.
    #[error(
        "group {group} may not enter {path} (mode {mode:04o}): run `chgrp {group} {path}` and `chmod g+x {path}`, or give another \
         --cert-dir; nothing was sent",
        path = path.display()
    )]
    ShutOut {
        /// The directory.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
        /// Name of the group.
        group: String,
    },
    /// Other users may read the private key, and could act as this host.
    #[error(
        "other users may read {0} (mode {mode:04o}): run `chmod 600 {0}`, or `chmod 640 {0}` for a group that needs it",
        path.display()
    )]
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
    /// Another daemon renews the identity.
    #[error(
        "another `gatepass renew --daemon`{} renews the identity in {}: stop that one first",
        pid.map_or_else(String::new, |pid| format!(" (process {pid})")), dir.display()
    )]
    OtherDaemon {
        /// The directory.
        dir: PathBuf,
        /// The other process.
        pid: Option<u32>,
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

/// The clocks that show why a token has expired. A token also ends earlier: with the signing keys of its time.
fn expiry(at: Timestamp, now: Timestamp, server: Option<Timestamp>) -> String {
    if now < at && server.is_some_and(|server| server < at) {
        return format!("the token would expire at {at}, but the server has new signing keys");
    }
    let server = server.map_or_else(String::new, |date| format!(", the server's {date}"));
    format!("the token expired at {at}; this machine's clock says {now}{server}")
}

impl ClientError {
    /// The answer of the server at `url`, unless it is a refusal.
    ///
    /// # Errors
    /// [`ClientError::Refused`] with gatepass's own document, [`ClientError::NotGatepass`] with any other answer.
    pub(super) fn check(url: &str, response: Response) -> Result<Response, Self> {
        match response.status.is_success() {
            true => Ok(response),
            false => Err(match ServerProblem::of(&response) {
                Some(problem) => Self::Refused(Box::new(problem)),
                None => Self::foreign(url, &response),
            }),
        }
    }

    /// An answer that gatepass did not write, such as a proxy's page.
    pub(super) fn foreign(url: &str, response: &Response) -> Self {
        let media_type =
            response.headers.get(http::header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let kind = media_type.map_or_else(|| String::from("a body without a type"), printable);
        let retry_after = RetryAfter::of(&response.headers);
        Self::NotGatepass {
            server: url.to_owned(),
            what: format!("{} with {kind}", response.status),
            retry_after,
        }
    }

    /// Returns true if gatepass itself reports that the host is revoked, which is for good.
    pub fn is_revoked(&self) -> bool {
        self.code() == Some("host_revoked")
    }

    /// Returns true if gatepass itself refuses the identity of this host. No retry helps before an operator acts.
    pub fn is_shut_out(&self) -> bool {
        matches!(
            self.code(),
            Some(
                "host_revoked"
                    | "host_unknown"
                    | "host_quarantined"
                    | "certificate_revoked"
                    | "certificate_superseded"
                    | "lineage_conflict"
            )
        )
    }

    /// The code of the server's refusal, if any.
    pub fn code(&self) -> Option<&str> {
        self.refusal().map(|problem| problem.body.code.as_str())
    }

    /// The server's refusal, if it is one.
    pub fn refusal(&self) -> Option<&ServerProblem> {
        match self {
            Self::Refused(problem) | Self::TokenExpired { problem, .. } => Some(problem),
            _ => None,
        }
    }

    /// Returns true if the command line is wrong. A flag that names another root than the token does is no such mistake: one of
    /// them may be forged.
    pub fn is_usage(&self) -> bool {
        match self {
            Self::UnpinnedServer { .. } | Self::UnknownServer { .. } | Self::NoAddress | Self::NoTrust => {
                true
            }
            other => other.refusal().is_some_and(ServerProblem::is_usage),
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
