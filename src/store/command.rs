//! The verbs of the store. Each is atomic. A verb that changes something carries its ledger entry.

mod access;
mod authority;
mod certifying;
mod enrollments;
mod fleet;
mod hosts;
mod keys;
mod opaque_keys;
mod output_keys;
mod outputs;
mod policies;
mod releasing;
mod restoring;
mod rules;
mod sessions;
mod taking_back;

use std::time::Duration;

pub use self::access::*;
pub use self::authority::*;
pub use self::certifying::*;
pub use self::enrollments::*;
pub use self::fleet::*;
pub use self::hosts::*;
pub use self::keys::*;
pub use self::opaque_keys::*;
pub use self::output_keys::*;
pub use self::outputs::*;
pub use self::policies::*;
pub use self::releasing::*;
pub use self::restoring::*;
pub use self::rules::*;
pub use self::sessions::*;
pub use self::taking_back::*;
use super::StoreFuture;
use super::outcome::*;
use super::record::*;
use crate::access::Actor;
use crate::ledger::Draft;

/// Time during which the same pair gets the certificate of its first redemption again.
pub const REPEAT_WINDOW: Duration = Duration::from_secs(24 * 3600);

/// Time after a token's expiry during which the rows stay that prevent another use. It is longer than the leeway of verification (60 s), a
/// tolerated clock step (120 s) and [`REPEAT_WINDOW`] together.
pub const KEEP_AFTER_EXPIRY: Duration = Duration::from_secs(25 * 3600);

/// Number of certificates that a host gets within [`RENEWALS_WITHIN`]. A host renews every few weeks; one that loops must not fill tables
/// and ledger.
pub const MOST_RENEWALS: u32 = 10;

/// Time in which [`MOST_RENEWALS`] are counted.
pub const RENEWALS_WITHIN: Duration = Duration::from_secs(3600);

/// Time in which quarantines are counted.
pub const QUARANTINES_WITHIN: Duration = Duration::from_secs(3600);

/// Hands the list of verbs to a macro: documentation, method, command, outcome. A verb is a line here, a struct, and a method of the
/// backend's transaction.
macro_rules! each_verb {
    ($then:ident) => {
        $then! {
                /// Records the first start: signing keys, the first keys of Fleet and seal, status lists, issuer, names, the admin. A second founding changes nothing.
                found: Found -> Founded;
                /// Records a minted token, if the key that signed it is still the one that signs.
                record_mint: RecordMint -> MintOutcome;
                /// Records tokens of a batch: all of them or none.
                record_batch: RecordBatch -> BatchOutcome;
                /// Records a minted token that is bound to a host, if the host is as it was judged.
                mint_reenrollment: MintReenrollment -> HostMint;
                /// Opens a status list.
                open_list: OpenList -> ();
                /// Redeems a token.
                redeem: Redeem -> Redeemed;
                /// Redeems a token that is bound to an enrolled host: its lineage continues with a new key.
                reenroll: Reenroll -> Redeemed;
                /// Admits a host that waits.
                approve_enrollment: ApproveEnrollment -> Deciding;
                /// Refuses a host that waits, and its key.
                deny_enrollment: DenyEnrollment -> Deciding;
                /// Records that an enrollment has expired and that its host was answered so. Returns false if it was before.
                expire_enrollment: ExpireEnrollment -> bool;
                /// Gives an enrolled host a new certificate for a key that redeemed the token more than a day ago.
                recertify: Recertify -> Renewed;
                /// Renews a host's certificate.
                renew: Renew -> Renewed;
                /// Records the first use of a host's newest certificate.
                mark_seen: MarkSeen -> ();
                /// Gives a host another opaque key, if the one before was never used. Returns false if it does not.
                replace_opaque_key: ReplaceOpaqueKey -> bool;
                /// Records the first use of an opaque key. Returns false if the key was replaced.
                use_opaque_key: UseOpaqueKey -> bool;
                /// Revokes a token.
                revoke_token: RevokeToken -> TokenRevocation;
                /// Revokes many tokens and, on request, the hosts that they admitted.
                revoke_tokens: RevokeTokens -> TokensRevoked;
                /// Records a token's successor and the moment at which the token is revoked.
                rotate_token: RotateToken -> TokenRotation;
                /// Releases suspended tokens. The outcomes are in the order of the tokens.
                release_tokens: ReleaseTokens -> Vec<TokenRelease>;
                /// Revokes tokens that are due: they were rotated, or their minter or their policy was deleted.
                revoke_due: RevokeDue -> DueRevoked;
                /// Revokes many hosts.
                revoke_hosts: RevokeHosts -> HostsRevoked;
                /// Revokes a host with its certificates and keys.
                revoke_host: RevokeHost -> HostRevocation;
                /// Puts a host in quarantine, if its certificate shows that two machines have one identity.
                quarantine_host: QuarantineHost -> Quarantining;
                /// Ends the quarantine of many hosts. The outcomes are in the order of the hosts.
                release_hosts: ReleaseHosts -> Vec<HostRelease>;
                /// Changes a host's roles.
                set_roles: SetRoles -> RolesChange;
                /// Gives many hosts another policy. The outcomes are in the order of the hosts.
                move_hosts: MoveHosts -> HostsMoved;
                /// Changes or removes the label that an administrator gave a host.
                set_label: SetLabel -> LabelChange;
                /// Records the facts that a host reports of itself.
                record_report: RecordReport -> ();
                /// Records the last contacts of hosts.
                record_contacts: RecordContacts -> ();
                /// Records the newest check-ins of hosts.
                record_checkins: RecordCheckIns -> ();
                /// Adds the first keys of a use.
                add_keys: AddKeys -> ();
                /// Rotates the signing keys of one use.
                rotate_keys: RotateKeys -> ();
                /// Retires a signing key and every token that only it can verify.
                retire_key: RetireKey -> Retirement;
                /// Adds a key of Elastic Fleet's API. Tokens minted from now on get their `api_key` from it.
                add_fleet_key: AddFleetKey -> ();
                /// Retires a key of Elastic Fleet's API and every token that it gave an `api_key`.
                retire_fleet_key: RetireFleetKey -> Retirement;
                /// Records a token minted by Elastic Fleet's API, if no listed token of its policy has its name.
                mint_fleet_token: MintFleetToken -> FleetMint;
                /// Revokes tokens that Elastic Fleet's API lists. Returns the number of those that are revoked, now or before.
                delete_fleet_tokens: DeleteFleetTokens -> u64;
                /// Adds an external URL of the authority and its DNS names.
                record_identity: RecordIdentity -> ();
                /// Changes the SPIFFE trust domain of certificates.
                set_trust_domain: SetTrustDomain -> ();
                /// Retires a former external URL and every token that names it.
                retire_issuer: RetireIssuer -> Retirement;
                /// Sets a user's password. An unknown user is created as an admin.
                set_password: SetPassword -> ();
                /// Creates a user.
                create_user: CreateUser -> UserCreation;
                /// Changes a user's role, limits and state.
                change_user: ChangeUser -> UserChange;
                /// Replaces the password of an existing user.
                replace_password: ReplacePassword -> UserChange;
                /// Signs a user out everywhere.
                sign_out_user: SignOutUser -> UserChange;
                /// Deletes a user with their sessions and API keys.
                delete_user: DeleteUser -> UserDeletion;
                /// Creates an API key.
                create_api_key: CreateApiKey -> ApiKeyCreation;
                /// Deletes an API key and the keys that were created with it.
                delete_api_key: DeleteApiKey -> Option<Removal>;
                /// Releases suspended API keys. The outcomes are in the order of the keys.
                release_api_keys: ReleaseApiKeys -> Vec<ApiKeyRelease>;
                /// Creates an auto-approve rule.
                create_rule: CreateRule -> RuleCreation;
                /// Changes the conditions of an auto-approve rule.
                change_rule: ChangeRule -> RuleChange;
                /// Deletes an auto-approve rule.
                delete_rule: DeleteRule -> RuleChange;
                /// Creates a policy, and records its first token.
                create_policy: CreatePolicy -> PolicyCreation;
                /// Changes the terms of a policy, and keeps the revision before.
                change_policy: ChangePolicy -> PolicyChange;
                /// Deletes a policy that no host has, and makes its live tokens due.
                delete_policy: DeletePolicy -> PolicyDeletion;
                /// Creates an output with its secrets.
                create_output: CreateOutput -> OutputCreation;
                /// Changes an output and its secrets.
                change_output: ChangeOutput -> OutputChange;
                /// Deletes an output that no policy has.
                delete_output: DeleteOutput -> OutputDeletion;
                /// Records that a host is to get keys of outputs.
                want_output_keys: WantOutputKeys -> ();
                /// Records an attempt to make a key, before its cluster is asked. Returns false if no key is to be made.
                ask_output_key: AskOutputKey -> bool;
                /// Records the key that an attempt made.
                keep_output_key: KeepOutputKey -> KeyKeeping;
                /// Begins a call to a failing cluster, and keeps others from it. Returns false if another one has begun.
                probe_cluster: ProbeCluster -> bool;
                /// Records that a call to a cluster failed, and the time of the next one.
                fail_output_work: FailOutputWork -> ();
                /// Ends attempts that nobody pursues: their keys are to be invalidated. Returns their number.
                abandon_output_keys: AbandonOutputKeys -> u64;
                /// Records that a host reports failing keys. Returns the number of those that are to be checked.
                doubt_output_keys: DoubtOutputKeys -> u64;
                /// Records the end of such a check.
                judge_output_key: JudgeOutputKey -> ();
                /// Withdraws those of these keys that their hosts may have no longer.
                withdraw_output_keys: WithdrawOutputKeys -> ();
                /// Records the end of a try to invalidate a key.
                settle_invalidation: SettleInvalidation -> ();
                /// Adds the first key of the seal.
                add_seal_key: AddSealKey -> ();
                /// Seals every secret again with a new key, and retires the others.
                rotate_seal: RotateSeal -> SealRotation;
                /// Changes settings or resets them to the configuration.
                change_settings: ChangeSettings -> ();
                /// Begins a session of a user.
                begin_session: BeginSession -> SessionBeginning;
                /// Extends a session.
                extend_session: ExtendSession -> bool;
                /// Ends a session.
                end_session: EndSession -> bool;
                /// Records the latest uses of API keys and sessions.
                record_uses: RecordUses -> ();
                /// Records that a user signed in at an address.
                know_address: KnowAddress -> ();
                /// Moves the clock mark.
                mark_clock: MarkClock -> ();
                /// Records a backup, whose time shows its age.
                record_backup: RecordBackup -> ();
                /// Accepts the clock and begins a new ephemeral epoch with a new signing key.
                accept_clock: AcceptClock -> ();
                /// Makes a restored database safe: a new epoch, a new ledger chain, and suspended tokens and accounts. Open the store again afterwards.
                restore: Restore -> Restored;
                /// Makes a certificate that a host got between the backup and its restore the newest one. Returns false if it is not.
                adopt_certificate: AdoptCertificate -> bool;
                /// Returns the next number for a CRL of one issuer. Numbers only grow.
                next_crl_number: NextCrlNumber -> u64;
                /// Appends entries that belong to no other command: summarised refusals, alarms.
                append_entries: AppendEntries -> ();
                /// Deletes a bounded number of expired rows.
                collect: Collect -> Collected;
        }
    };
}
pub(in crate::store) use each_verb;

macro_rules! declare {
    ($($(#[$doc:meta])* $method:ident: $verb:ident -> $outcome:ty;)*) => {
        /// The writes of a store. Each does its whole command with its ledger entries, durable before the answer, or nothing.
        pub trait Verbs {
            $($(#[$doc])* fn $method(&self, command: $verb) -> StoreFuture<'_, $outcome>;)*
        }
    };
}
each_verb!(declare);

/// See [`Verbs::record_mint`](crate::store::Verbs::record_mint).
pub struct RecordMint {
    /// The record. A persistent token also gets its row in `tokens` from it. The list's `next` moves past its index.
    pub record: MintRecord,
    /// The minter. For an API key, its owner is recorded too.
    pub by: Actor,
    /// The entry, with the whole grant in its detail.
    pub entry: Draft,
}

/// See [`Verbs::record_batch`](crate::store::Verbs::record_batch).
pub struct RecordBatch {
    /// The mints, in the order of their entries.
    pub mints: Vec<RecordMint>,
    /// The idempotency key of the request, with the first mints of its batch.
    pub once: Option<IdempotencyRecord>,
}

/// See [`Verbs::mint_reenrollment`](crate::store::Verbs::mint_reenrollment). The host has another revision then, so that a move that was
/// judged before is judged again: its time must be later than the token's.
pub struct MintReenrollment {
    /// The mint of a token that is bound to a host.
    pub mint: RecordMint,
    /// State of the host that was judged.
    pub revision: u64,
    /// The key of the request, with the batch of the token.
    pub once: Option<IdempotencyRecord>,
}

/// See [`Verbs::open_list`](crate::store::Verbs::open_list).
pub struct OpenList {
    /// The new list.
    pub list: ListRecord,
}
