//! The live identity that an enrollment replaces. It is presented with the new token: one act of the server hands its name
//! over and revokes its host.

use serde::Serialize;

use super::directory::{CertDir, load, load_identity};
use super::error::ClientError;
use super::host::HostFile;
use crate::clock::Timestamp;
use crate::connect::{ConnectError, Identity};
use crate::id::HostId;
use crate::name::{DnsName, DnsPattern};
use crate::wire::REPLACES_NONE;

/// The end of the identity that an enrollment replaced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Handover {
    /// Its host is revoked.
    Revoked {
        /// The UUID that the authority gave it.
        host_id: HostId,
    },
    /// Its host is as it was.
    Left {
        /// The UUID that the authority gave it.
        host_id: HostId,
        /// The reason.
        why: String,
    },
}

/// A live identity that can be presented.
pub(super) struct OldIdentity<'a> {
    dir: &'a CertDir,
    host: HostFile,
}

impl<'a> OldIdentity<'a> {
    /// The identity in `dir`. An expired certificate would break the handshake, and a damaged one cannot be presented.
    pub(super) fn find(dir: &'a CertDir, now: Timestamp) -> Option<Self> {
        let host = load(dir.path()).ok()??;
        let usable = host.is_live(now) && load_identity(dir.path()).is_ok();
        usable.then_some(Self { dir, host })
    }

    /// Its host file.
    pub(super) const fn host(&self) -> &HostFile {
        &self.host
    }

    /// The certificate and the key to present.
    pub(super) fn identity(&self) -> Result<Identity, ClientError> {
        load_identity(self.dir.path())
    }

    /// Its DNS name, if the new token allows it.
    pub(super) fn name(&self, allowed: &[DnsPattern]) -> Option<DnsName> {
        let name = self.host.certified.name.as_ref()?;
        allowed.iter().any(|pattern| pattern.matches(name)).then(|| name.clone())
    }

    /// It was presented, and the server revoked it.
    pub(super) const fn revoked(&self) -> Handover {
        Handover::Revoked { host_id: self.host.host_id }
    }

    /// It was not presented, or presented in vain.
    pub(super) fn left(&self, why: impl Into<String>) -> Handover {
        Handover::Left { host_id: self.host.host_id, why: why.into() }
    }
}

/// Returns true if the server refused the old certificate and not the token. The enrollment can go on without it.
pub(super) fn refuses_old(error: &ClientError) -> bool {
    match error {
        ClientError::Connect(ConnectError::IdentityRefused { .. }) => true,
        ClientError::Refused(problem) => match problem.body.code.as_str() {
            "host_revoked"
            | "host_unknown"
            | "certificate_revoked"
            | "certificate_superseded"
            | "unauthenticated" => true,
            // A server of an earlier version, or a proxy that ends TLS.
            "invalid_request" => match problem.body.fields.as_slice() {
                [fault] => fault.field == "replace" && fault.message != REPLACES_NONE,
                _ => false,
            },
            _ => false,
        },
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::problem::ServerProblem;
    use crate::wire::{FieldError, ProblemBody};

    fn refused(code: &str, fields: &[&str]) -> ClientError {
        let fields = fields.iter().map(|field| FieldError::new(*field, "no such field")).collect();
        let body = ProblemBody { code: code.to_owned(), fields, ..ProblemBody::default() };
        ClientError::Refused(Box::new(ServerProblem { body, ..ServerProblem::default() }))
    }

    #[test]
    fn refusals_of_the_old_certificate_are_passed_over() {
        for code in [
            "host_revoked",
            "host_unknown",
            "certificate_revoked",
            "certificate_superseded",
            "unauthenticated",
        ] {
            assert!(refuses_old(&refused(code, &[])), "{code}");
        }
        for code in ["token_used", "invalid_token", "name_taken", "binding_mismatch", "store_unavailable"] {
            assert!(!refuses_old(&refused(code, &[])), "{code}");
        }
        assert!(refuses_old(&refused("invalid_request", &["replace"])), "an earlier server");
        assert!(!refuses_old(&refused("invalid_request", &["replace", "name"])));
        assert!(!refuses_old(&refused("invalid_request", &[])));
        let fields = vec![FieldError::new("replace", REPLACES_NONE)];
        let body = ProblemBody { code: String::from("invalid_request"), fields, ..ProblemBody::default() };
        let waits = ClientError::Refused(Box::new(ServerProblem { body, ..ServerProblem::default() }));
        assert!(!refuses_old(&waits), "a host that waits replaces none");
    }
}
