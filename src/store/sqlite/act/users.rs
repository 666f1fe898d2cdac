//! Users: their state, and the last admin.

use serde_json::json;

use super::Execution;
use crate::access::{Limits, UserRole};
use crate::id::{ApiKeyId, SessionId, random};
use crate::ledger::Draft;
use crate::store::sqlite::driver::{self, params};
use crate::store::sqlite::read::{USER_BY_NAME, user};
use crate::store::sqlite::value::Json;
use crate::store::{
    ChangeUser, CreateUser, DeleteUser, KnowAddress, MOST_KNOWN_ADDRESSES, Removal, ReplacePassword,
    SetPassword, SignOutUser, UserChange, UserCreation, UserDeletion, UserRecord,
};

impl Execution<'_> {
    pub(super) fn set_password(&mut self, command: SetPassword) -> driver::Result<()> {
        let SetPassword { user, hash, entry } = command;
        self.ask(&entry)?;
        let sql = "INSERT INTO users (name, password_hash, role, limits, epoch, version, created_at, changed_at) \
                   VALUES (?1, ?2, 'admin', '\"any\"', 0, ?4, ?3, ?3) ON CONFLICT (name) DO UPDATE \
                   SET password_hash = excluded.password_hash, changed_at = excluded.changed_at, epoch = users.epoch + 1, \
                   version = users.version + 1";
        self.execute(sql, params![user, hash.expose(), entry.at(), beginning()])?;
        self.end_sessions(&user, None)?;
        self.enter(entry)?;
        Ok(())
    }

    pub(super) fn create_user(&mut self, command: CreateUser) -> driver::Result<UserCreation> {
        let CreateUser { user, hash, role, limits, entry } = command;
        self.ask(&entry)?;
        // A remembered proof of an earlier user of that name must not be valid for this one.
        let sql = "INSERT INTO users (name, password_hash, role, limits, epoch, version, created_at, changed_at) \
                   VALUES (?1, ?2, ?3, ?4, ?6, ?7, ?5, ?5) \
                   ON CONFLICT (name) DO NOTHING";
        let (at, epoch, version) = (entry.at(), beginning(), beginning());
        let params = params![user.as_str(), hash.expose(), role, Json(&limits), at, epoch, version];
        if self.execute(sql, params)? == 0 {
            return self.undo(UserCreation::Taken);
        }
        self.enter(entry)?;
        Ok(UserCreation::Created)
    }

    pub(super) fn change_user(&mut self, command: ChangeUser) -> driver::Result<UserChange> {
        let ChangeUser { before, role, limits, disabled, entries } = command;
        entries.iter().try_for_each(|entry| self.ask(entry))?;
        if let Some(refused) = self.not_as_judged(&before)? {
            return self.undo(refused);
        }
        let stays = !disabled && is_whole_admin(role, &limits);
        if !stays && self.is_last_admin(&before)? {
            return self.undo(UserChange::LastAdmin);
        }
        let at = entries.first().map(Draft::at);
        let since = before.disabled_at.or(at).filter(|_| disabled);
        let sql = "UPDATE users SET role = ?2, limits = ?3, disabled_at = ?4, version = version + 1 WHERE name = ?1";
        self.execute(sql, params![before.name, role, Json(&limits), since])?;
        if disabled && before.disabled_at.is_none() {
            self.begin_user_epoch(&before.name, None)?;
        }
        entries.into_iter().try_for_each(|entry| self.enter(entry))?;
        Ok(UserChange::Done)
    }

    pub(super) fn replace_password(&mut self, command: ReplacePassword) -> driver::Result<UserChange> {
        let ReplacePassword { before, hash, keep, entry } = command;
        self.ask(&entry)?;
        if let Some(refused) = self.not_as_judged(&before)? {
            return self.undo(refused);
        }
        let sql = "UPDATE users SET password_hash = ?2, changed_at = ?3 WHERE name = ?1";
        self.execute(sql, params![before.name, hash.expose(), entry.at()])?;
        self.begin_user_epoch(&before.name, keep)?;
        self.enter(entry)?;
        Ok(UserChange::Done)
    }

    pub(super) fn sign_out_user(&mut self, command: SignOutUser) -> driver::Result<UserChange> {
        let SignOutUser { user, entry } = command;
        self.ask(&entry)?;
        if self.begin_user_epoch(user.as_str(), None)? == 0 {
            return self.undo(UserChange::Unknown);
        }
        self.enter(entry)?;
        Ok(UserChange::Done)
    }

    pub(super) fn delete_user(&mut self, command: DeleteUser) -> driver::Result<UserDeletion> {
        let DeleteUser { user: name, revoke_tokens, entry } = command;
        self.ask(&entry)?;
        let Some(before) = self.one(USER_BY_NAME, [name.as_str()], user)? else {
            return self.undo(UserDeletion::Unknown);
        };
        if self.is_last_admin(&before)? {
            return self.undo(UserDeletion::LastAdmin);
        }
        let sql = "SELECT id FROM api_keys WHERE owner = ?1 ORDER BY id";
        let keys: Vec<ApiKeyId> = self.all(sql, [name.as_str()], |row| row.get(0))?;
        let tokens = match revoke_tokens {
            true => self.make_minted_due(&format!("user:{name}"), Some(name.as_str()), &entry.origin)?,
            false => 0,
        };
        // The delete cascades to sessions and API keys.
        self.execute("DELETE FROM users WHERE name = ?1", [name.as_str()])?;
        let api_keys = keys.len() as u64;
        self.enter(entry.with("api_keys", json!(keys)).with("tokens", tokens))?;
        Ok(UserDeletion::Deleted(Removal { api_keys, tokens }))
    }

    pub(super) fn know_address(&self, command: KnowAddress) -> driver::Result<()> {
        let KnowAddress { user, site, at } = command;
        let sql = "INSERT INTO known_addresses (user_name, site, last_at) \
                   SELECT name, CAST(?2 AS TEXT), CAST(?3 AS BIGINT) FROM users WHERE name = ?1 \
                   ON CONFLICT (user_name, site) DO UPDATE SET last_at = excluded.last_at";
        self.execute(sql, params![user, site.to_string(), at])?;
        let sql = "DELETE FROM known_addresses WHERE user_name = ?1 AND site NOT IN ( \
                   SELECT site FROM known_addresses WHERE user_name = ?1 ORDER BY last_at DESC, site LIMIT ?2)";
        self.execute(sql, params![user, MOST_KNOWN_ADDRESSES]).map(drop)
    }

    /// Returns the reason against a change that `before` allowed.
    fn not_as_judged(&self, before: &UserRecord) -> driver::Result<Option<UserChange>> {
        Ok(match self.one(USER_BY_NAME, [&before.name], user)? {
            None => Some(UserChange::Unknown),
            Some(now) if now != *before => Some(UserChange::Moved),
            Some(_) => None,
        })
    }

    /// Returns whether the user is the last enabled admin without limits. An admin with limits cannot give rights beyond them, so it could
    /// not create an admin without limits.
    fn is_last_admin(&self, user: &UserRecord) -> driver::Result<bool> {
        if user.disabled_at.is_some() || !is_whole_admin(user.role, &user.limits) {
            return Ok(false);
        }
        let sql = "SELECT limits FROM users WHERE role = 'admin' AND disabled_at IS NULL AND name <> ?1";
        let others = self.all(sql, [&user.name], |row| row.get::<_, Json<Limits>>(0))?;
        Ok(!others.iter().any(|Json(limits)| *limits == Limits::ANY))
    }

    /// Ends everything proven of the user so far, except one session to keep.
    fn begin_user_epoch(&self, name: &str, keep: Option<SessionId>) -> driver::Result<usize> {
        self.end_sessions(name, keep)?;
        self.execute("UPDATE sessions SET epoch = epoch + 1 WHERE user_name = ?1", [name])?;
        self.execute("UPDATE users SET epoch = epoch + 1, version = version + 1 WHERE name = ?1", [name])
    }

    fn end_sessions(&self, name: &str, keep: Option<SessionId>) -> driver::Result<()> {
        self.execute(
            "DELETE FROM sessions WHERE user_name = ?1 AND digest IS DISTINCT FROM ?2",
            params![name, keep],
        )
        .map(drop)
    }
}

/// Returns a first epoch or version that no earlier user of that name had. Counting on never overflows.
fn beginning() -> i64 {
    i64::from_be_bytes(random()) & 0x3fff_ffff_ffff_ffff
}

fn is_whole_admin(role: UserRole, limits: &Limits) -> bool {
    role == UserRole::Admin && *limits == Limits::ANY
}
