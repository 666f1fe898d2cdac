//! The content of an entry: actor, address, action, subjects, outcome and reason.

use std::net::IpAddr;

use serde::Serialize;
use serde_json::{Map, Value};

use super::Basis;
use crate::clock::Timestamp;
use crate::id::{ApiKeyId, HostId, KeyId, RequestId, Serial, TokenId};

/// An act, done or attempted. The names are a contract: stored entries and exports contain them.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    Serialize,
    strum::Display,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Action {
    /// The authority began on an empty data directory.
    AuthorityCreated,
    /// A configured setting that tokens depend on changed: the issuer URL or a name of the authority.
    AuthorityChanged,
    /// A token was minted.
    TokenCreated,
    /// A service token was minted.
    ServiceTokenCreated,
    /// The `api_key` of a token, or of several, was read.
    TokenShown,
    /// A token was revoked.
    TokenRevoked,
    /// A token got a successor. The token is revoked later or at once.
    TokenRotated,
    /// A token that a restore had suspended was released.
    TokenReleased,
    /// A token with a good signature was refused.
    TokenRefused,
    /// A host redeemed a token and waits for a decision.
    EnrollmentWaiting,
    /// A waiting host was refused, and its key.
    EnrollmentDenied,
    /// Nobody decided about a waiting host in time.
    EnrollmentExpired,
    /// A host is enrolled: it redeemed a token, or was approved.
    HostEnrolled,
    /// An enrolled host was given a new certificate for the key it had redeemed with before.
    HostReenrolled,
    /// An enrolled host repeated its request and was given another opaque key: the one before was never used.
    OpaqueKeyReplaced,
    /// A host renewed its certificate.
    HostRenewed,
    /// A host presented a certificate that it got after the restored backup: it is the newest one now.
    HostAdopted,
    /// A host was refused: its certificate was revoked or superseded.
    HostRefused,
    /// A host's superseded certificate renewed: the host is in quarantine.
    HostQuarantined,
    /// A quarantine ended: one certificate of the host stays.
    HostReleased,
    /// A host's roles were changed.
    HostRolesChanged,
    /// A host's label was changed.
    HostLabelChanged,
    /// A host's name became the authority's: its next certificate is without the name.
    NameWithdrawn,
    /// The authority took a host's name over and revoked its certificates.
    NameTakenOver,
    /// A host was moved to another policy.
    HostMoved,
    /// An ephemeral host was deleted after its certificate had expired.
    HostCollected,
    /// A host was revoked.
    HostRevoked,
    /// The signing keys were rotated.
    KeyRotated,
    /// A signing key was retired.
    KeyRetired,
    /// A new issuing CA took over.
    CaRotated,
    /// A former issuing CA was revoked.
    CaRevoked,
    /// A former issuer URL was retired.
    IssuerRetired,
    /// The trust domain of certificates was changed.
    TrustDomainChanged,
    /// An operator accepted a clock in doubt.
    ClockAccepted,
    /// The authority was restored from a backup, and a new chain began.
    Restored,
    /// A backup was made.
    BackupMade,
    /// A user's password was set.
    PasswordSet,
    /// A user was created.
    UserCreated,
    /// A user's role or limits were changed.
    UserChanged,
    /// A user was disabled.
    UserDisabled,
    /// A disabled user was enabled again.
    UserEnabled,
    /// A user was signed out everywhere.
    UserSignedOut,
    /// A user was deleted, with their API keys.
    UserDeleted,
    /// An API key was created.
    ApiKeyCreated,
    /// An API key that a restore had suspended was released.
    ApiKeyReleased,
    /// An API key was deleted.
    ApiKeyDeleted,
    /// An auto-approve rule was created.
    RuleCreated,
    /// The conditions of an auto-approve rule were changed.
    RuleChanged,
    /// An auto-approve rule was deleted.
    RuleDeleted,
    /// A policy was created.
    PolicyCreated,
    /// The terms of a policy were changed.
    PolicyChanged,
    /// A policy was deleted.
    PolicyDeleted,
    /// An output was created.
    OutputCreated,
    /// An output, or a secret of it, was changed.
    OutputChanged,
    /// An output was deleted.
    OutputDeleted,
    /// A cluster made a key for a host.
    OutputKeyCreated,
    /// A cluster made a host's key invalid.
    OutputKeyInvalidated,
    /// Settings were changed at run time.
    SettingsChanged,
    /// A user signed in for a session.
    SessionStarted,
    /// The life of a session was extended.
    SessionExtended,
    /// A user signed out of one session or of all.
    SessionEnded,
    /// A sign-in was refused; the name may belong to no user.
    SignInRefused,
    /// Expired rows were deleted.
    Collected,
}

impl Action {
    /// The name in entries.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// The end of an act.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, strum::EnumString, strum::IntoStaticStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Outcome {
    /// The act was committed together with the entry.
    Done,
    /// The act was refused.
    Refused,
}

impl Outcome {
    /// The name in entries.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// The things that an entry is about. Ids only: an entry never contains a token, a key or a password.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Subjects {
    /// Id of the token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<TokenId>,
    /// Id of the host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<HostId>,
    /// Serial number of the certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub serial: Option<Serial>,
    /// Id of the signing key.
    #[serde(rename = "key", skip_serializing_if = "Option::is_none")]
    pub signing_key: Option<KeyId>,
    /// Name of the user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Id of the API key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_key: Option<ApiKeyId>,
}

impl Subjects {
    /// Returns the subjects of an act on a token.
    pub fn token(id: TokenId) -> Self {
        Self { token: Some(id), ..Self::default() }
    }

    /// Returns the subjects of an act on a host.
    pub fn host(id: HostId) -> Self {
        Self { host: Some(id), ..Self::default() }
    }

    /// Returns the subjects of an act on a signing key.
    pub fn signing_key(id: KeyId) -> Self {
        Self { signing_key: Some(id), ..Self::default() }
    }

    /// Returns the subjects of an act on a user.
    pub fn user(name: impl Into<String>) -> Self {
        Self { user: Some(name.into()), ..Self::default() }
    }

    /// Returns the subjects of an act on an API key.
    pub fn api_key(id: ApiKeyId) -> Self {
        Self { api_key: Some(id), ..Self::default() }
    }

    /// The same subjects and a token.
    #[must_use]
    pub fn with_token(self, id: TokenId) -> Self {
        Self { token: Some(id), ..self }
    }

    /// The same subjects and a certificate.
    #[must_use]
    pub fn with_serial(self, serial: Serial) -> Self {
        Self { serial: Some(serial), ..self }
    }
}

/// The circumstances of an act: time, actor, address and request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Origin {
    /// The moment of the decision.
    pub at: Timestamp,
    /// The actor: `user:admin`, `host:<id>`, `token:<id>`, `system`.
    pub actor: String,
    /// The client's address, if there was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<IpAddr>,
    /// Id of the request, if there was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<RequestId>,
}

/// An entry before the writer has numbered and chained it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Draft {
    /// The circumstances of the act.
    #[serde(flatten)]
    pub origin: Origin,
    /// The act.
    pub action: Action,
    /// The things that the entry is about.
    pub subjects: Subjects,
    /// The end of the act.
    pub outcome: Outcome,
    /// The exact reason, as a code such as `token_expired`; empty where none is needed.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// Further facts: a mint's whole grant, a number of refusals, the roles before and after.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub detail: Map<String, Value>,
    /// The record that the caller's rights were read from. The entry is written only if the record is still the same.
    #[serde(skip)]
    pub basis: Option<Basis>,
}

impl Draft {
    /// An entry of something done by `actor` at `at`; the rest is filled in by the builder methods.
    pub fn done(action: Action, at: Timestamp, actor: impl Into<String>) -> Self {
        Self {
            origin: Origin { at, actor: actor.into(), address: None, request: None },
            action,
            subjects: Subjects::default(),
            outcome: Outcome::Done,
            reason: String::new(),
            detail: Map::new(),
            basis: None,
        }
    }

    /// An entry of something refused for `reason`.
    pub fn refused(action: Action, at: Timestamp, actor: impl Into<String>, reason: &str) -> Self {
        Self { outcome: Outcome::Refused, reason: reason.to_owned(), ..Self::done(action, at, actor) }
    }

    /// The moment of the decision.
    pub const fn at(&self) -> Timestamp {
        self.origin.at
    }

    /// The same entry, about these subjects.
    #[must_use]
    pub fn about(mut self, subjects: Subjects) -> Self {
        self.subjects = subjects;
        self
    }

    /// The same entry, with one more detail.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.detail.insert(name.to_owned(), value.into());
        self
    }
}
