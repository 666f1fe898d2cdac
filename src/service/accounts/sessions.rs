//! Sessions: beginning, use, extension, end.

use std::time::Duration;

use crate::access::session::CsrfToken;
use crate::access::{Actor, SessionKind, SessionSecret};
use crate::clock::Timestamp;
use crate::id::SessionId;
use crate::ledger::{Action, Draft, Subjects};
use crate::name::UserName;
use crate::secret::Secret;
use crate::service::accounts::Accounts;
use crate::service::{AccountError, Caller, RequestError, ServiceError};
use crate::store::{
    BeginSession, EndSession, ExtendSession, SessionBeginning, SessionRecord, StoreError, UserRecord,
};

/// Maximum number of sessions of a kind for one user. Another one ends the session that was unused for longest.
pub const MOST_PER_USER: u32 = 50;
/// Maximum life of an extended session, from its beginning. After that the user signs in again.
pub const LONGEST: Duration = Duration::from_secs(7 * 24 * 3600);

/// The session that a request came with.
pub struct LiveSession {
    /// Its session id.
    pub id: SessionId,
    /// The transport of its secret.
    pub kind: SessionKind,
    /// The time at which it ends even if it is used.
    pub expires_at: Timestamp,
    /// The time at which it ends if it stays unused.
    pub idle_after: Timestamp,
    /// The token that a changing request repeats, if the secret is a cookie.
    pub csrf: Option<CsrfToken>,
}

/// A session in the list of its user.
pub struct OwnSession {
    /// The record.
    pub session: SessionRecord,
    /// Moment of its latest use.
    pub last_used_at: Timestamp,
    /// The time at which it ends if it stays unused.
    pub idle_after: Timestamp,
}

/// A session that has just begun.
pub struct NewSession {
    /// Its secret, of which no copy is stored.
    pub secret: SessionSecret,
    /// The session.
    pub live: LiveSession,
    /// The user that began it.
    pub user: UserRecord,
}

impl LiveSession {
    fn new(record: &SessionRecord, secret: &SessionSecret, idle_after: Timestamp) -> Self {
        let csrf = (record.kind == SessionKind::Cookie).then(|| secret.csrf());
        let idle_after = idle_after.min(record.expires_at);
        Self { id: record.id, kind: record.kind, expires_at: record.expires_at, idle_after, csrf }
    }
}

impl Accounts {
    /// Signs a user in by name and password, and begins a session. `from` is the origin of the request.
    ///
    /// # Errors
    /// As [`Accounts::sign_in`]; the store cannot be written.
    pub async fn begin_session(
        &self,
        from: &Caller,
        (name, password): (&str, &Secret<String>),
        kind: SessionKind,
    ) -> Result<NewSession, ServiceError> {
        let user = self.prove(from, name, password).await?;
        let (secret, at, life) = (SessionSecret::generate(), self.base.time.now(), self.session_life);
        let session = SessionRecord {
            id: secret.id(),
            user: user.name.clone(),
            epoch: user.epoch,
            kind,
            created_at: at,
            expires_at: at.plus(life.lifetime),
            seen_at: at,
            address: from.address,
        };
        let live = LiveSession::new(&session, &secret, at.plus(life.idle));
        let caller = Caller { actor: Actor::User(user.name.clone()), ..from.clone() };
        let entry = about(&caller, Action::SessionStarted, at, &user.name)
            .with("session", session.id.to_string())
            .with("kind", kind.as_str());
        if self.base.store.count_sessions(user.name.clone()).await? >= u64::from(MOST_PER_USER) {
            // Some may have to go: the store has to know which were used.
            self.unwritten.write().await?;
        }
        let command = BeginSession { session, most: MOST_PER_USER, entry };
        match self.base.store.begin_session(command).await? {
            SessionBeginning::Begun => Ok(NewSession { secret, live, user }),
            SessionBeginning::UserChanged => Err(AccountError::Unauthenticated.into()),
        }
    }

    /// Authenticates the caller of the request `from` by the secret of a session. Role and limits are read from the store. It does not count as a use:
    /// see [`Accounts::session_used`].
    ///
    /// # Errors
    /// [`AccountError::SessionOver`]: the session expired, was unused for too long, was signed out or is of another kind. Or its
    /// user is disabled, deleted or has a new password. Or the store cannot be read.
    pub async fn resume(
        &self,
        from: &Caller,
        secret: &SessionSecret,
        kind: SessionKind,
    ) -> Result<(Caller, LiveSession), ServiceError> {
        let id = secret.id();
        let now = self.base.time.now();
        let found = self.open_session(id, now).await?.filter(|(session, _)| session.kind == kind);
        let (session, user) = found.ok_or(AccountError::SessionOver)?;
        let caller = from.by_user(user, Some(id)).ok_or(AccountError::SessionOver)?;
        let live = LiveSession::new(&session, secret, now.plus(self.session_life.idle));
        Ok((caller, live))
    }

    /// The session with its user, unless it ended before `now`.
    pub(in crate::service) async fn open_session(
        &self,
        id: SessionId,
        now: Timestamp,
    ) -> Result<Option<(SessionRecord, UserRecord)>, StoreError> {
        let found = self.base.store.session(id).await?;
        Ok(found.filter(|(session, _)| self.is_open(session, now)))
    }

    fn is_open(&self, session: &SessionRecord, now: Timestamp) -> bool {
        self.session_life.holds(session.expires_at, self.last_used(session), now)
    }

    /// The latest use, of which the store may not know yet.
    fn last_used(&self, session: &SessionRecord) -> Timestamp {
        let noted = self.unwritten.sessions.of(session.id);
        noted.map_or(session.seen_at, |noted| noted.max(session.seen_at))
    }

    /// The live sessions of the user who calls, newest first.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn list_own_sessions(&self, caller: &Caller) -> Result<Vec<OwnSession>, ServiceError> {
        let Actor::User(user) = &caller.actor else { return Ok(Vec::new()) };
        let now = self.base.time.now();
        let sessions = self.base.store.sessions_of(user.clone()).await?.into_iter();
        let live = sessions.filter(|session| self.is_open(session, now));
        Ok(live.map(|session| self.own(session)).collect())
    }

    fn own(&self, session: SessionRecord) -> OwnSession {
        let last_used_at = self.last_used(&session);
        let idle_after = last_used_at.plus(self.session_life.idle).min(session.expires_at);
        OwnSession { session, last_used_at, idle_after }
    }

    /// Notes a use of the session, once its request is admitted. Before that the request may be one of another page.
    ///
    /// # Errors
    /// The store cannot be written.
    pub async fn session_used(&self, session: &LiveSession) -> Result<(), ServiceError> {
        match self.unwritten.sessions.note(session.id, self.base.time.now()) {
            true => Ok(()),
            false => self.unwritten.write().await,
        }
    }

    /// Extends the session by a whole life, but not past [`LONGEST`] after it began.
    ///
    /// # Errors
    /// The session is over or began too long ago, or the store cannot be written.
    pub async fn extend_session(&self, caller: &Caller, id: SessionId) -> Result<Timestamp, ServiceError> {
        let Actor::User(user) = &caller.actor else { return Err(AccountError::SessionOver.into()) };
        let (session, _) = self.base.store.session(id).await?.ok_or(AccountError::SessionOver)?;
        let (at, last) = (self.base.time.now(), session.created_at.plus(LONGEST));
        if last <= at {
            return Err(AccountError::SessionOver.into());
        }
        let expires_at = at.plus(self.session_life.lifetime).min(last);
        let entry = about(caller, Action::SessionExtended, at, user).with("session", id.to_string());
        match self.base.store.extend_session(ExtendSession { id, expires_at, entry }).await? {
            true => Ok(expires_at),
            false => Err(AccountError::SessionOver.into()),
        }
    }

    /// Signs out of one session.
    ///
    /// # Errors
    /// The session is over, or the store cannot be written.
    pub async fn end_session(&self, caller: &Caller, id: SessionId) -> Result<(), ServiceError> {
        let Actor::User(user) = &caller.actor else { return Err(AccountError::SessionOver.into()) };
        match self.end(caller, user, id).await? {
            true => Ok(()),
            false => Err(AccountError::SessionOver.into()),
        }
    }

    /// Ends a live session of the user who calls.
    ///
    /// # Errors
    /// [`RequestError::NotFound`]: the session is unknown, has ended or is another user's. Or the store cannot be written.
    pub async fn end_own_session(&self, caller: &Caller, id: SessionId) -> Result<(), ServiceError> {
        let found = self.open_session(id, self.base.time.now()).await?;
        let ended = match (&caller.actor, found) {
            (Actor::User(user), Some((session, _))) if session.user == *user => {
                self.end(caller, user, id).await?
            }
            _ => false,
        };
        if ended { Ok(()) } else { Err(RequestError::not_found("session", id).into()) }
    }

    /// Deletes the session. Returns false if it has ended already.
    async fn end(&self, caller: &Caller, user: &str, id: SessionId) -> Result<bool, ServiceError> {
        let entry =
            about(caller, Action::SessionEnded, self.base.time.now(), user).with("session", id.to_string());
        let ended = self.base.store.end_session(EndSession { id, entry }).await?;
        self.unwritten.sessions.forget(id);
        Ok(ended)
    }

    /// Signs the user who calls out everywhere, as [`Accounts::sign_out_user`].
    ///
    /// # Errors
    /// The store cannot be written.
    pub async fn sign_out_everywhere(&self, caller: &Caller) -> Result<(), ServiceError> {
        let Actor::User(user) = &caller.actor else { return Err(AccountError::SessionOver.into()) };
        let user = UserName::parse(user).map_err(|_| AccountError::Unauthenticated)?;
        self.sign_out_user(caller, &user).await
    }

    /// The user that `actor` is; `None` for another kind of actor.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn user_of(&self, actor: &Actor) -> Result<Option<UserRecord>, ServiceError> {
        let Actor::User(name) = actor else { return Ok(None) };
        Ok(self.base.store.user(name.clone()).await?)
    }
}

fn about(caller: &Caller, action: Action, at: Timestamp, user: &str) -> Draft {
    caller.did(action, at).about(Subjects::user(user))
}
