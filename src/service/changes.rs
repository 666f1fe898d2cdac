//! The feed of committed changes for pages. A reader gets the kinds, ids and acts of the items that it may list.

mod news;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at, sleep_until};

use self::news::{News, RELOAD};
use super::Caller;
use super::accounts::Accounts;
use super::status_lists::HEARTBEAT;
use crate::store::{Commit, Store};

/// Maximum number of open streams.
const MOST: usize = 1000;

/// Maximum number of open streams of one user.
const MOST_OF_ONE: usize = 10;

/// Shortest time between two messages of a stream. Changes of the time between go together.
const PAUSE: Duration = Duration::from_secs(1);

/// Time between two heartbeats. Each of them checks the reader.
const BEAT: Duration = Duration::from_secs(15);

/// The first event: the stream is open. A browser that reopens the stream sends the id back.
const HELLO: &str = "event: hello\nid: 0\ndata: {}\n\n";

/// As many streams of changes are open as are allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{limit} open pages receive live updates, which is the limit: close some, and reload this page")]
pub struct TooManyPages {
    /// The limit, in total or for the user.
    pub limit: usize,
}

/// The committed changes, and the number of their readers.
pub struct Changes {
    store: Arc<dyn Store>,
    /// The open streams of each user.
    open: Mutex<HashMap<String, usize>>,
}

/// An open stream of changes. Dropping it closes the stream.
pub struct ChangeStream {
    changes: Arc<Changes>,
    user: String,
    /// The reader, with the rights at the beginning. The stream ends when they change.
    reader: Caller,
    commits: Receiver<Arc<Commit>>,
    heartbeat: Interval,
    /// End of the pause after the last message.
    paused_until: Instant,
    first: Option<&'static str>,
}

impl Changes {
    pub(super) fn new(store: Arc<dyn Store>) -> Arc<Self> {
        Arc::new(Self { store, open: Mutex::default() })
    }

    /// Number of the newest entry that a page made now can show.
    pub fn newest(&self) -> u64 {
        self.store.newest_commit()
    }

    /// Opens a stream. It ends with the reader's session, and when the user's role, limits or state change. It begins with
    /// `reload` if the client may have missed changes. That is so if it reopens a stream (`before`), or if something was
    /// committed after `shown`, the newest entry of its page.
    ///
    /// # Errors
    /// [`TooManyPages`]: one of the limits is reached.
    pub fn follow(
        self: &Arc<Self>,
        reader: &Caller,
        before: bool,
        shown: Option<u64>,
    ) -> Result<ChangeStream, TooManyPages> {
        let user = reader.actor.to_string();
        self.admit(&user)?;
        let now = Instant::now();
        let mut heartbeat = interval_at(now + BEAT, BEAT);
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // From here on no commit is missed.
        let commits = self.store.commits();
        let missed = before || shown.is_some_and(|shown| shown != self.newest());
        Ok(ChangeStream {
            changes: Arc::clone(self),
            user,
            reader: reader.clone(),
            commits,
            heartbeat,
            paused_until: now,
            first: Some(if missed { RELOAD } else { HELLO }),
        })
    }

    /// Number of open streams.
    pub fn readers(&self) -> usize {
        self.open.lock().values().sum()
    }

    /// Counts one more stream of this user, if the limits allow it.
    fn admit(&self, user: &str) -> Result<(), TooManyPages> {
        let mut open = self.open.lock();
        let (all, own): (usize, _) = (open.values().sum(), open.get(user).copied().unwrap_or(0));
        for (open, limit) in [(all, MOST), (own, MOST_OF_ONE)] {
            if open >= limit {
                return Err(TooManyPages { limit });
            }
        }
        open.insert(user.to_owned(), own + 1);
        measure(all + 1);
        Ok(())
    }

    /// Counts one stream less of this user.
    fn release(&self, user: &str) {
        let mut open = self.open.lock();
        if let Some(own) = open.get_mut(user) {
            *own -= 1;
            if *own == 0 {
                open.remove(user);
            }
        }
        measure(open.values().sum());
    }
}

fn measure(streams: usize) {
    metrics::gauge!("gatepass_page_streams").set(streams as f64);
}

impl ChangeStream {
    /// The next events; `None` at the end of the stream.
    pub async fn next(&mut self, accounts: &Accounts) -> Option<Bytes> {
        if let Some(first) = self.first.take() {
            return Some(Bytes::from_static(first.as_bytes()));
        }
        loop {
            let news = tokio::select! {
                news = news_after(self.paused_until, &mut self.commits) => Some(news?),
                _ = self.heartbeat.tick() => None,
            };
            let Some(news) = news else {
                return self.is_still_good(accounts).await.then_some(HEARTBEAT);
            };
            self.paused_until = Instant::now() + PAUSE;
            let events = news.events(&self.reader);
            if events.is_empty() && !news.concern_accounts() {
                continue;
            }
            // A lost right counts before the first event after it.
            if !self.is_still_good(accounts).await {
                return None;
            }
            if !events.is_empty() {
                return Some(events.into());
            }
        }
    }

    /// Returns true if the session is live and the user's record is the same as at the beginning.
    async fn is_still_good(&self, accounts: &Accounts) -> bool {
        accounts.still(&self.reader).await.is_ok_and(|now| now.basis == self.reader.basis)
    }
}

/// Waits for the end of the pause and for a commit, and takes what has been committed by then. `None`: the store is closed.
async fn news_after(pause: Instant, commits: &mut Receiver<Arc<Commit>>) -> Option<News> {
    sleep_until(pause).await;
    let mut news = News::default();
    match commits.recv().await {
        Ok(commit) => news.add(commit),
        Err(RecvError::Lagged(_)) => news.missed_some(),
        Err(RecvError::Closed) => return None,
    }
    loop {
        match commits.try_recv() {
            Ok(commit) => news.add(commit),
            Err(TryRecvError::Lagged(_)) => news.missed_some(),
            Err(_) => return Some(news),
        }
    }
}

impl Drop for ChangeStream {
    fn drop(&mut self) {
        self.changes.release(&self.user);
    }
}

#[cfg(test)]
mod tests;
