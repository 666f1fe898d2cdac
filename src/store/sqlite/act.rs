//! One command inside the writer's transaction: what it reads and writes, and what it leaves for after the commit.

mod api_keys;
mod authority;
mod basis;
mod certificate;
mod collect;
pub(super) mod ending;
mod hosts;
mod keys;
mod mint;
pub(super) mod redeem;
mod renew;
mod revoke;
mod rotate;
mod sessions;
mod status;
mod users;

pub(super) use self::redeem::NAME_TAKEN;
use super::driver::{self, Sql};
use crate::clock::Timestamp;
use crate::ledger::{Basis, Draft};
use crate::store::revocations::Change;
use crate::store::{Command, Reply, StoreError};

/// What happens to the clock mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    /// It moves on to this moment, if it is not past it.
    On(Timestamp),
    /// It is set, even back: the operator said so.
    Set(Timestamp),
}

/// What a command that was kept leaves for the end of the batch.
#[derive(Default)]
pub(super) struct Effects {
    /// The entries to be chained, in order.
    pub(super) drafts: Vec<Draft>,
    /// What memory learns after the commit.
    pub(super) changes: Vec<Change>,
    /// What happens to the clock mark.
    pub(super) marks: Vec<Mark>,
}

/// What a command led to, and its effects if it has any.
type Ran = (Result<Reply, StoreError>, Option<Effects>);

/// A command at work.
pub(super) struct Act<'c> {
    sql: Sql<'c>,
    effects: Effects,
    kept: bool,
    /// What has been asked about, and why the command is undone if that is not as it was.
    asked: Option<Basis>,
    refused: Option<StoreError>,
}

/// Runs `command`; without effects it was refused, and the caller takes back whatever it wrote on the way.
pub(super) fn run(sql: Sql<'_>, command: Command) -> driver::Result<Ran> {
    let mut act = Act { sql, effects: Effects::default(), kept: true, asked: None, refused: None };
    let reply = act.dispatch(command)?;
    Ok(match act.refused {
        Some(refused) => (Err(refused), None),
        None => (Ok(reply), act.kept.then_some(act.effects)),
    })
}

impl Act<'_> {
    fn dispatch(&mut self, command: Command) -> driver::Result<Reply> {
        Ok(match command {
            Command::Found(command) => Reply::Found(self.found(*command)?),
            Command::RecordMint(command) => Reply::RecordMint(self.record_mint(*command)?),
            Command::OpenList(command) => Reply::OpenList(self.open_list(&command.list)?),
            Command::Redeem(command) => Reply::Redeem(self.redeem(*command)?),
            Command::Recertify(command) => Reply::Recertify(self.recertify(*command)?),
            Command::Renew(command) => Reply::Renew(self.renew(*command)?),
            Command::MarkSeen(command) => Reply::MarkSeen(self.mark_seen(&command)?),
            Command::RevokeToken(command) => Reply::RevokeToken(self.revoke_token(*command)?),
            Command::RevokeTokens(command) => Reply::RevokeTokens(self.revoke_tokens(*command)?),
            Command::RotateToken(command) => Reply::RotateToken(self.rotate_token(*command)?),
            Command::RevokeDue(command) => Reply::RevokeDue(self.revoke_due(&command)?),
            Command::RevokeHosts(command) => Reply::RevokeHosts(self.revoke_hosts(*command)?),
            Command::RevokeHost(command) => Reply::RevokeHost(self.revoke_host(*command)?),
            Command::SetRoles(command) => Reply::SetRoles(self.set_roles(*command)?),
            Command::AddKeys(command) => Reply::AddKeys(self.add_keys(*command)?),
            Command::RotateKeys(command) => Reply::RotateKeys(self.rotate_keys(*command)?),
            Command::RetireKey(command) => Reply::RetireKey(self.retire_key(*command)?),
            Command::RecordIdentity(command) => Reply::RecordIdentity(self.record_identity(*command)?),
            Command::RetireIssuer(command) => Reply::RetireIssuer(self.retire_issuer(*command)?),
            Command::SetPassword(command) => Reply::SetPassword(self.set_password(*command)?),
            Command::CreateUser(command) => Reply::CreateUser(self.create_user(*command)?),
            Command::ChangeUser(command) => Reply::ChangeUser(self.change_user(*command)?),
            Command::ReplacePassword(command) => Reply::ReplacePassword(self.replace_password(*command)?),
            Command::SignOutUser(command) => Reply::SignOutUser(self.sign_out_user(*command)?),
            Command::DeleteUser(command) => Reply::DeleteUser(self.delete_user(*command)?),
            Command::CreateApiKey(command) => Reply::CreateApiKey(self.create_api_key(*command)?),
            Command::DeleteApiKey(command) => Reply::DeleteApiKey(self.delete_api_key(*command)?),
            Command::MarkApiKeysUsed(command) => Reply::MarkApiKeysUsed(self.mark_api_keys_used(&command)?),
            Command::ChangeSettings(command) => Reply::ChangeSettings(self.change_settings(*command)?),
            Command::BeginSession(command) => Reply::BeginSession(self.begin_session(*command)?),
            Command::ExtendSession(command) => Reply::ExtendSession(self.extend_session(*command)?),
            Command::EndSession(command) => Reply::EndSession(self.end_session(*command)?),
            Command::KnowAddress(command) => Reply::KnowAddress(self.know_address(&command)?),
            Command::MarkSessions(command) => Reply::MarkSessions(self.mark_sessions(&command)?),
            Command::MarkClock(command) => {
                self.effects.marks.push(Mark::On(command.at));
                Reply::MarkClock(())
            }
            Command::AcceptClock(command) => Reply::AcceptClock(self.accept_clock(*command)?),
            Command::NextCrlNumber(command) => Reply::NextCrlNumber(self.next_crl_number(&command)?),
            Command::AppendEntries(command) => {
                command.entries.into_iter().try_for_each(|entry| self.enter(entry))?;
                Reply::AppendEntries(())
            }
            Command::Collect(command) => Reply::Collect(self.collect(&command)?),
        })
    }

    /// Leaves an entry for the ledger, if who it is about may still do that; the mark moves on with it.
    fn enter(&mut self, entry: Draft) -> driver::Result<()> {
        self.ask(&entry)?;
        self.effects.marks.push(Mark::On(entry.at));
        self.effects.drafts.push(entry);
        Ok(())
    }

    /// Ends the command without effects: nothing it wrote stays.
    const fn undo<T>(&mut self, outcome: T) -> driver::Result<T> {
        self.kept = false;
        Ok(outcome)
    }

    fn change(&mut self, change: Change) {
        self.effects.changes.push(change);
    }
}

impl<'c> std::ops::Deref for Act<'c> {
    type Target = Sql<'c>;

    fn deref(&self) -> &Sql<'c> {
        &self.sql
    }
}
