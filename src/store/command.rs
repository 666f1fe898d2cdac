//! The verbs of the store. Each is atomic. A verb that changes something carries its ledger entry.

mod access;
mod authority;
mod certifying;
mod keys;
mod sessions;
mod taking_back;

use std::time::Duration;

pub use self::access::*;
pub use self::authority::*;
pub use self::certifying::*;
pub use self::keys::*;
pub use self::sessions::*;
pub use self::taking_back::*;
use super::Answer;
use super::outcome::*;
use super::record::*;
use crate::access::Actor;
use crate::clock::Timestamp;
use crate::id::HostId;
use crate::ledger::Draft;
use crate::name::Role;

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

/// Hands the list of verbs to a macro: documentation, method, command, outcome. A verb is a line here, a struct, and a method of the
/// backend's transaction.
macro_rules! each_verb {
    ($then:ident) => {
        $then! {
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
                /// Changes settings, or lets the configuration be in force again.
                change_settings: ChangeSettings -> ();
                /// Begins a session of a user.
                begin_session: BeginSession -> SessionBeginning;
                /// Lets a session begin its life again.
                extend_session: ExtendSession -> bool;
                /// Ends a session.
                end_session: EndSession -> bool;
                /// Remembers the latest uses of API keys and sessions.
                record_uses: RecordUses -> ();
                /// Records that a user signed in at an address.
                know_address: KnowAddress -> ();
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
    };
}
pub(in crate::store) use each_verb;

macro_rules! declare {
    ($($(#[$doc:meta])* $method:ident: $verb:ident -> $outcome:ty;)*) => {
        /// Writing. Each verb does all of its command, with its ledger entries, durable before the answer; or nothing.
        pub trait Verbs {
            $($(#[$doc])* fn $method(&self, command: $verb) -> Answer<'_, $outcome>;)*
        }
    };
}
each_verb!(declare);

/// See [`Verbs::record_mint`](crate::store::Verbs::record_mint).
pub struct RecordMint {
    /// The record; a persistent token gets its live row from it too. Its list's `next` moves past its index.
    pub record: MintRecord,
    /// Who mints: with an API key's token its owner is recorded.
    pub by: Actor,
    /// The entry, with the whole grant in its detail.
    pub entry: Draft,
}

/// See [`Verbs::open_list`](crate::store::Verbs::open_list).
pub struct OpenList {
    /// The list.
    pub list: ListRecord,
}

/// See [`Verbs::set_roles`](crate::store::Verbs::set_roles).
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
