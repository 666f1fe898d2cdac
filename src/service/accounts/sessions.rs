//! Sessions: signing in once, and out again.

mod seen;

use std::time::Duration;

use self::seen::Noted;
pub(in crate::service) use self::seen::Seen;
use crate::access::session::CsrfToken;
use crate::access::{Actor, SessionKind, SessionSecret};
use crate::clock::Timestamp;
use crate::id::SessionId;
use crate::ledger::{Action, Draft, Subjects};
use crate::name::UserName;
use crate::secret::Secret;
use crate::service::accounts::Accounts;
use crate::service::accounts::sign_in::SignedIn;
use crate::service::{AccountError, Caller, ServiceError};
use crate::store::{
    BeginSession, EndSession, ExtendSession, SessionBeginning, SessionRecord, StoreError, UserRecord,
};

/// How many sessions of a kind a user has at most: who begins another ends the one that was not used for longest.
pub const MOST_PER_USER: u32 = 50;
/// How long a session is extended at most, from its beginning on: then the password has to be shown again.
pub const LONGEST: Duration = Duration::from_secs(7 * 24 * 3600);

/// The session that a request came with.
pub struct LiveSession {
    /// Its id.
    pub id: SessionId,
    /// How its secret travels.
    pub kind: SessionKind,
    /// When it ends however much it is used.
    pub expires_at: Timestamp,
    /// When it ends unless it is used before.
    pub idle_after: Timestamp,
    /// What a request that changes something has to repeat, where the secret is a cookie.
    pub csrf: Option<CsrfToken>,
}

/// A session that has just begun.
pub struct NewSession {
    /// Its secret, which is nowhere else.
    pub secret: SessionSecret,
    /// The session.
    pub live: LiveSession,
    /// Whose it is.
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
    /// Signs a user in by name and password, and begins a session. `from` is where the request came from.
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
        let (secret, at, life) = (SessionSecret::generate(), self.time.now(), self.session_life);
        let session = SessionRecord {
            id: secret.id(),
            user: user.name.clone(),
            epoch: user.epoch,
            kind,
            created_at: at,
            expires_at: at.plus(life.lifetime),
            seen_at: at,
        };
        let live = LiveSession::new(&session, &secret, at.plus(life.idle));
        let caller = Caller { actor: Actor::User(user.name.clone()), ..from.clone() };
        let entry = about(&caller, Action::SessionStarted, at, &user.name)
            .with("session", session.id.to_string())
            .with("kind", kind.as_str());
        if self.store.count_sessions(user.name.clone()).await? >= u64::from(MOST_PER_USER) {
            // Some may have to go: the store has to know which were used.
            self.write_seen_sessions().await?;
        }
        let command = BeginSession { session, most: MOST_PER_USER, entry };
        match self.store.begin_session(command).await? {
            SessionBeginning::Begun => Ok(NewSession { secret, live, user }),
            SessionBeginning::UserChanged => Err(AccountError::Unauthenticated.into()),
        }
    }

    /// Who comes with the secret of a session that travelled as `kind` says, and the session. Role and limits are read fresh. It is
    /// not used by that: see [`Accounts::session_used`].
    ///
    /// # Errors
    /// [`AccountError::SessionOver`]: it expired, was not used for too long, was signed out, is of another kind, or its user
    /// is disabled, gone, or has another password since; or the store cannot be read.
    pub async fn resume(
        &self,
        secret: &SessionSecret,
        kind: SessionKind,
    ) -> Result<(SignedIn, LiveSession), ServiceError> {
        let id = secret.id();
        let now = self.time.now();
        let found = self.open_session(id, now).await?.filter(|(session, _)| session.kind == kind);
        let (session, user) = found.ok_or(AccountError::SessionOver)?;
        let signed_in = SignedIn::user(user, Some(id)).ok_or(AccountError::SessionOver)?;
        let live = LiveSession::new(&session, secret, now.plus(self.session_life.idle));
        Ok((signed_in, live))
    }

    /// The session with its user, unless it ended before `now`.
    pub(in crate::service) async fn open_session(
        &self,
        id: SessionId,
        now: Timestamp,
    ) -> Result<Option<(SessionRecord, UserRecord)>, StoreError> {
        let found = self.store.session(id).await?;
        Ok(found.filter(|(session, _)| {
            let seen_at = self.seen.of(id).map_or(session.seen_at, |noted| noted.max(session.seen_at));
            self.session_life.holds(session.expires_at, seen_at, now)
        }))
    }

    /// Notes that a session was used, now that what came with it is let in: until then it may have been anybody's page.
    ///
    /// # Errors
    /// The store cannot be written.
    pub async fn session_used(&self, session: &LiveSession) -> Result<(), ServiceError> {
        match self.seen.note(session.id, self.time.now()) {
            Noted::Kept => Ok(()),
            Noted::Full => self.write_seen_sessions().await,
        }
    }

    /// Lets the session live its whole life again, but not past [`LONGEST`] after it began.
    ///
    /// # Errors
    /// It is over meanwhile, it began so long ago, or the store cannot be written.
    pub async fn extend_session(&self, caller: &Caller, id: SessionId) -> Result<Timestamp, ServiceError> {
        let Actor::User(user) = &caller.actor else { return Err(AccountError::SessionOver.into()) };
        let (session, _) = self.store.session(id).await?.ok_or(AccountError::SessionOver)?;
        let (at, last) = (self.time.now(), session.created_at.plus(LONGEST));
        if last <= at {
            return Err(AccountError::SessionOver.into());
        }
        let expires_at = at.plus(self.session_life.lifetime).min(last);
        let entry = about(caller, Action::SessionExtended, at, user).with("session", id.to_string());
        match self.store.extend_session(ExtendSession { id, at, expires_at, entry }).await? {
            true => Ok(expires_at),
            false => Err(AccountError::SessionOver.into()),
        }
    }

    /// Signs out of one session.
    ///
    /// # Errors
    /// It is over already, or the store cannot be written.
    pub async fn end_session(&self, caller: &Caller, id: SessionId) -> Result<(), ServiceError> {
        let Actor::User(user) = &caller.actor else { return Err(AccountError::SessionOver.into()) };
        let entry =
            about(caller, Action::SessionEnded, self.time.now(), user).with("session", id.to_string());
        let ended = self.store.end_session(EndSession { id, entry }).await?;
        self.seen.forget(id);
        if ended { Ok(()) } else { Err(AccountError::SessionOver.into()) }
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

    /// The user that `actor` is; `None` if it is none.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn user_of(&self, actor: &Actor) -> Result<Option<UserRecord>, ServiceError> {
        let Actor::User(name) = actor else { return Ok(None) };
        Ok(self.store.user(name.clone()).await?)
    }

    /// Writes down when sessions were used last. For a timer, once a minute, and for the end.
    ///
    /// # Errors
    /// The store cannot be written; it is tried again next time.
    pub async fn write_seen_sessions(&self) -> Result<(), ServiceError> {
        self.seen.write(self.store.as_ref()).await
    }
}

fn about(caller: &Caller, action: Action, at: Timestamp, user: &str) -> Draft {
    caller.did(action, at).about(Subjects::user(user))
}
