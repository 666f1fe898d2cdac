//! The verbs of the store. Each is atomic; each that changes something carries the ledger entry that says so.

mod access;
mod keys;
mod sessions;
mod taking_back;

use std::time::Duration;

pub use self::access::*;
pub use self::keys::*;
pub use self::sessions::*;
pub use self::taking_back::*;
use super::outcome::*;
use super::record::*;
use super::{Answer, Store, StoreError};
use crate::access::Actor;
use crate::clock::Timestamp;
use crate::id::{HostId, KeyId, ListId, Serial, SpkiHash, StatusRef, TokenId};
use crate::ledger::Draft;
use crate::name::{DnsName, Role};

/// How long the same pair is answered with the certificate that it was given before.
pub const REPEAT_WINDOW: Duration = Duration::from_secs(24 * 3600);

/// How long what protects a token from being used again is kept after its expiry: longer than the leeway of
/// verification (60 s), a tolerated step of the clock (120 s) and [`REPEAT_WINDOW`] together.
pub const KEEP_AFTER_EXPIRY: Duration = Duration::from_secs(25 * 3600);

/// How many certificates a host gets within [`RENEWALS_WITHIN`], at least: a host renews every few weeks, and one that
/// loops must not fill tables and ledger.
pub const MOST_RENEWALS: u32 = 10;

/// The time that [`MOST_RENEWALS`] are counted in.
pub const RENEWALS_WITHIN: Duration = Duration::from_secs(3600);

macro_rules! verbs {
    ($($(#[$doc:meta])* $method:ident: $verb:ident -> $outcome:ty;)*) => {
        /// One atomic write.
        pub enum Command {
            $($(#[$doc])* $verb(Box<$verb>),)*
        }

        /// What a [`Command`] led to.
        #[derive(Debug)]
        pub enum Reply {
            $($(#[$doc])* $verb($outcome),)*
        }

        impl Command {
            /// The verb's name, for logs and metrics.
            pub const fn name(&self) -> &'static str {
                match self { $(Self::$verb(_) => stringify!($method),)* }
            }
        }

        impl dyn Store + '_ {
            $(
                $(#[$doc])*
                pub fn $method(&self, command: $verb) -> Answer<'_, $outcome> {
                    Box::pin(async move {
                        match self.execute(Command::$verb(Box::new(command))).await? {
                            Reply::$verb(outcome) => Ok(outcome),
                            // A backend that answers another verb's reply is broken; nothing it says can be trusted.
                            _ => Err(StoreError::Damaged { detail: concat!("wrong reply to ", stringify!($method)).to_owned() }),
                        }
                    })
                }
            )*
        }
    };
}

verbs! {
    /// Records the first start: signing keys, status lists, issuer, names, the admin. Refused if it was done before.
    found: Found -> Founded;
    /// Records a minted token, if the key that signed it is still the one that signs.
    record_mint: RecordMint -> Minted;
    /// Opens a status list.
    open_list: OpenList -> ();
    /// Redeems a token.
    redeem: Redeem -> Redeemed;
    /// Gives an enrolled host a new certificate for a key that redeemed the token more than a day ago.
    recertify: Recertify -> Renewed;
    /// Renews a host's certificate.
    renew: Renew -> Renewed;
    /// Remembers that a host has used its newest certificate.
    mark_seen: MarkSeen -> ();
    /// Takes a token back.
    revoke_token: RevokeToken -> TokenRevocation;
    /// Takes tokens back together and, if asked, the hosts that they admitted.
    revoke_tokens: RevokeTokens -> TokensRevoked;
    /// Records a token's successor, and when the token itself is revoked.
    rotate_token: RotateToken -> TokenRotation;
    /// Revokes tokens whose time has come: they were rotated, or their minter was deleted.
    revoke_due: RevokeDue -> DueRevoked;
    /// Revokes hosts together.
    revoke_hosts: RevokeHosts -> HostsRevoked;
    /// Revokes a host with its certificates and keys.
    revoke_host: RevokeHost -> HostRevocation;
    /// Changes a host's roles.
    set_roles: SetRoles -> RolesChange;
    /// Adds the first keys of a use that the authority had none for.
    add_keys: AddKeys -> Rotation;
    /// Moves the signing keys of one use on one place.
    rotate_keys: RotateKeys -> Rotation;
    /// Retires a signing key and every token that only it can verify.
    retire_key: RetireKey -> Retirement;
    /// Adds an external URL of the authority and the names it answers to.
    record_identity: RecordIdentity -> ();
    /// Retires a former external URL and every token that names it.
    retire_issuer: RetireIssuer -> IssuerRetirement;
    /// Sets a user's password; makes the first admin if there is no such user.
    set_password: SetPassword -> ();
    /// Creates a user.
    create_user: CreateUser -> UserCreation;
    /// Changes a user's role, limits and standing.
    change_user: ChangeUser -> UserChange;
    /// Replaces the password of a user who is there.
    replace_password: ReplacePassword -> UserChange;
    /// Signs a user out everywhere.
    sign_out_user: SignOutUser -> UserChange;
    /// Deletes a user with their sessions and API keys.
    delete_user: DeleteUser -> UserDeletion;
    /// Creates an API key.
    create_api_key: CreateApiKey -> ApiKeyCreation;
    /// Deletes an API key with those that it made.
    delete_api_key: DeleteApiKey -> ApiKeyDeletion;
    /// Remembers when API keys were last used, and from where.
    mark_api_keys_used: MarkApiKeysUsed -> ();
    /// Changes settings, or lets the configuration be in force again.
    change_settings: ChangeSettings -> ();
    /// Begins a session of a user.
    begin_session: BeginSession -> SessionBeginning;
    /// Lets a session begin its life again.
    extend_session: ExtendSession -> bool;
    /// Ends a session.
    end_session: EndSession -> bool;
    /// Remembers when sessions were used last.
    mark_sessions: MarkSessions -> ();
    /// Moves the clock mark.
    mark_clock: MarkClock -> ();
    /// Accepts the clock as it is and begins a new ephemeral epoch with a new signing key.
    accept_clock: AcceptClock -> Rotation;
    /// Takes the next number for a CRL of one issuer: it only grows.
    next_crl_number: NextCrlNumber -> u64;
    /// Appends entries that belong to no other command: summarised refusals, alarms.
    append_entries: AppendEntries -> ();
    /// Deletes a bounded number of rows that have expired.
    collect: Collect -> Collected;
}

/// See [`Command::Found`].
pub struct Found {
    /// The signing keys: for each use one that is current, and one prepared.
    pub keys: Vec<KeyRecord>,
    /// The first status lists, one of each kind.
    pub lists: Vec<ListRecord>,
    /// The external URL.
    pub issuer: String,
    /// The DNS names the authority answers to.
    pub names: Vec<DnsName>,
    /// The first admin.
    pub admin: SetPassword,
    /// The entry of the founding itself.
    pub entry: Draft,
}

/// See [`Command::RecordMint`].
pub struct RecordMint {
    /// The record; a persistent token gets its live row from it too. Its list's `next` moves past its index.
    pub record: MintRecord,
    /// Who mints: with an API key's token its owner is recorded.
    pub by: Actor,
    /// The entry, with the whole grant in its detail.
    pub entry: Draft,
}

/// See [`Command::OpenList`].
pub struct OpenList {
    /// The list.
    pub list: ListRecord,
}

/// The part of a redemption that says which token it stands on; the same facts judge a later recertification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket {
    /// The token.
    pub token: TokenId,
    /// The key that signed it: one that is retired meanwhile, or of an earlier epoch, vouches for it no more.
    pub key: KeyId,
    /// Its place in the status lists.
    pub status: StatusRef,
    /// Whether it needs a live row.
    pub persistent: bool,
    /// How many pairs it may admit; `None` = unlimited.
    pub max_uses: Option<u32>,
}

/// A certificate as it will be stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewCertificate {
    /// Its serial number.
    pub serial: Serial,
    /// The key it certifies.
    pub key: SpkiHash,
    /// The certificate, DER.
    pub der: Vec<u8>,
    /// When it was signed.
    pub issued_at: Timestamp,
    /// Its notAfter.
    pub not_after: Timestamp,
}

/// See [`Command::Redeem`].
///
/// Decided inside the transaction, in this order: the key belongs to no revoked host; the pair is new, else
/// [`Redeemed::Again`] with the winner's certificate; the token is not revoked (its status bits say so, and a persistent
/// one has a live row); a use is left; the name is free. Any refusal leaves nothing behind.
pub struct Redeem {
    /// The token it stands on.
    pub ticket: Ticket,
    /// The new host.
    pub host: NewHost,
    /// Its first certificate.
    pub certificate: NewCertificate,
    /// From when on the pair and the use count may be collected; `None` for a persistent token: while it has a row.
    pub keep_until: Option<Timestamp>,
    /// The entry of the enrollment; written only for [`Redeemed::First`].
    pub entry: Draft,
}

/// See [`Command::Recertify`]. No use is taken. The token must be live, the host live, the pair its own.
pub struct Recertify {
    /// The token it stands on.
    pub ticket: Ticket,
    /// The host the pair admitted.
    pub host: HostId,
    /// The roles the certificate was built with; another set in the row answers [`Renewed::RolesChanged`].
    pub roles: Vec<Role>,
    /// The new certificate, for the same key.
    pub certificate: NewCertificate,
    /// The entry.
    pub entry: Draft,
}

/// See [`Command::Renew`].
///
/// Idempotent by (host, key): a newest certificate for the same key that is still valid answers [`Renewed::Again`].
pub struct Renew {
    /// The host.
    pub host: HostId,
    /// How many certificates it may have got within [`RENEWALS_WITHIN`]; one more is [`RenewRefusal::TooOften`].
    pub most: u32,
    /// The serial of the certificate it presented: the newest of its lineage, or the one before it while the newest
    /// was never seen. In the latter case the entry gets the detail `superseded_unseen`, and the answer is
    /// [`Renewed::Replaced`].
    pub presented: Serial,
    /// The roles the certificate was built with.
    pub roles: Vec<Role>,
    /// The new certificate.
    pub certificate: NewCertificate,
    /// The entry.
    pub entry: Draft,
}

/// See [`Command::MarkSeen`].
pub struct MarkSeen {
    /// The host.
    pub host: HostId,
    /// The serial it used; only the newest counts.
    pub serial: Serial,
}

/// See [`Command::RevokeToken`].
pub struct RevokeToken {
    /// The token.
    pub token: TokenId,
    /// Only a token of this kind is found.
    pub kind: TokenKind,
    /// Refuse with [`TokenRevocation::Emergency`] if it is the emergency token and this is not set.
    pub even_emergency: bool,
    /// Only a persistent token is found; the Elastic list knows no other.
    pub only_persistent: bool,
    /// Every host that it admitted and that is not revoked yet is revoked with it, whether it was revoked before or not.
    pub hosts: bool,
    /// What the entries of the token and of each host begin with.
    pub entry: Draft,
}

/// See [`Command::RevokeHost`].
pub struct RevokeHost {
    /// The host.
    pub host: HostId,
    /// When.
    pub at: Timestamp,
    /// The entry.
    pub entry: Draft,
}

/// See [`Command::SetRoles`].
pub struct SetRoles {
    /// The host.
    pub host: HostId,
    /// Its roles from now on.
    pub roles: Vec<Role>,
    /// Revoke the certificates it has at once, not when the next one is issued.
    pub now: bool,
    /// When.
    pub at: Timestamp,
    /// The entry; the store adds the roles before.
    pub entry: Draft,
}

/// See [`Command::RecordIdentity`]. What is known already is left as it is, without an entry.
pub struct RecordIdentity {
    /// The external URL that is current from now on.
    pub issuer: String,
    /// The DNS names the authority answers to; names are never forgotten.
    pub names: Vec<DnsName>,
    /// When.
    pub at: Timestamp,
    /// The entry, if anything is new.
    pub entry: Draft,
}

/// See [`Command::RetireIssuer`].
pub struct RetireIssuer {
    /// The former URL.
    pub issuer: String,
    /// Go on although live persistent tokens name it; they are revoked with it.
    pub even_needed: bool,
    /// The successor of the emergency token, if that ends here; recorded only then.
    pub emergency: Option<RecordMint>,
    /// When.
    pub at: Timestamp,
    /// The entry; the store adds how many tokens ended.
    pub entry: Draft,
}

/// See [`Command::ChangeSettings`].
pub struct ChangeSettings {
    /// Each setting's name and what it is from now on; `None` = what the configuration says.
    pub changes: Vec<(&'static str, Option<Duration>)>,
    /// When.
    pub at: Timestamp,
    /// The entry.
    pub entry: Draft,
}

/// See [`Command::MarkClock`].
pub struct MarkClock {
    /// The mark; it only moves on.
    pub at: Timestamp,
}

/// See [`Command::AcceptClock`]. Every key so far verifies persistent tokens only from now on.
pub struct AcceptClock {
    /// The keys from now on; those that were prepared are dropped.
    pub keys: FreshKeys,
    /// The mark, which may move back here and nowhere else.
    pub at: Timestamp,
    /// The entry.
    pub entry: Draft,
}

/// See [`Command::NextCrlNumber`].
pub struct NextCrlNumber {
    /// The issuing CA's subject key identifier.
    pub ski: Vec<u8>,
}

/// See [`Command::AppendEntries`].
pub struct AppendEntries {
    /// The entries, in order.
    pub entries: Vec<Draft>,
}

/// See [`Command::Collect`].
pub struct Collect {
    /// Now.
    pub now: Timestamp,
    /// How long ended tokens stay listed.
    pub retention: Duration,
    /// How long a host stays after its last certificate ended.
    pub host_retention: Duration,
    /// How long a session lives that is not used.
    pub session_idle: Duration,
    /// How many rows of each kind at most.
    pub most: u32,
    /// The lists that are still being written to: they stay even when all their tokens have ended.
    pub open: Vec<ListId>,
}
