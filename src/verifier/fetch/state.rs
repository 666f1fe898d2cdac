//! State and requests shared by the loops of a refresher.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::Method;
use hyper::header::{ETAG, HeaderValue, IF_NONE_MATCH};
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::{Notify, watch};

use super::error::FetchError;
use super::event::Event;
use super::health::{Health, Progress};
use super::learnt::Learnt;
use super::pace::Backoff;
use crate::clock::{SystemClock, Timestamp};
use crate::connect::Connector;
use crate::token::{Status, StatusListError, list_of};
use crate::verifier::hosts::HostVerifier;
use crate::verifier::{ListUpdateError, Missing, Pushed, Verifier};

/// State and settings of a refresher.
pub(super) struct RefreshState {
    pub(super) connector: Connector,
    pub(super) verifier: Arc<Verifier>,
    pub(super) hosts: Option<Arc<HostVerifier>>,
    pub(super) clock: Box<dyn Fn() -> Timestamp + Send + Sync>,
    pub(super) snapshot: Option<PathBuf>,
    /// Wakes the loop of the keys, or of the lists, before its time.
    pub(super) keys_wanted: Notify,
    pub(super) lists_wanted: Notify,
    /// Notified after each change that belongs into the snapshot.
    pub(super) changed: Notify,
    pub(super) progress: watch::Sender<Progress>,
    learnt: Mutex<Learnt>,
}

/// The result of a conditional GET.
pub(super) enum Fetched {
    /// 304: the document still has the entity tag (RFC 9110 section 15.4.5).
    Unchanged,
    /// 200: a new document.
    New { body: Bytes, tag: Option<HeaderValue> },
}

impl RefreshState {
    pub(super) fn new(connector: Connector, verifier: Arc<Verifier>) -> Self {
        Self {
            connector,
            verifier,
            hosts: None,
            clock: Box::new(SystemClock::now),
            snapshot: None,
            keys_wanted: Notify::new(),
            lists_wanted: Notify::new(),
            changed: Notify::new(),
            progress: watch::Sender::default(),
            learnt: Mutex::new(Learnt::new()),
        }
    }

    pub(super) fn now(&self) -> Timestamp {
        (self.clock)()
    }

    pub(super) fn learnt(&self) -> MutexGuard<'_, Learnt> {
        self.learnt.lock()
    }

    /// GETs `path`, unless its entity tag is still `tag`.
    pub(super) async fn get(&self, path: &str, tag: Option<HeaderValue>) -> Result<Fetched, FetchError> {
        let conditional = tag.is_some();
        let headers = tag.map(|tag| (IF_NONE_MATCH, tag)).into_iter().collect::<Vec<_>>();
        let answer = self.connector.request(Method::GET, path, &headers, None).await?;
        match answer.status.as_u16() {
            200 => Ok(Fetched::New { body: answer.body, tag: answer.headers.get(ETAG).cloned() }),
            304 if conditional => Ok(Fetched::Unchanged),
            status => Err(FetchError::Status { path: path.to_owned(), status }),
        }
    }

    /// The path of the list with this address. It is fetched from the trusted authority, wherever the address points.
    pub(super) fn path_of(&self, uri: &str) -> Option<String> {
        let issuer = self.verifier.issuer();
        list_of(issuer, uri).map(|_| uri[issuer.len()..].to_owned())
    }

    /// Applies an event: revoked tokens are refused from now on.
    pub(super) fn take(&self, event: Event) {
        match event {
            // The lists contain every change before the stream began, and every missed one.
            Event::Hello | Event::Reset => self.all_lists_are_due(),
            Event::Change { list, changes } => self.take_changes(&list, &changes),
            Event::Unknown => {}
        }
    }

    fn take_changes(&self, list: &str, changes: &[(u32, Status)]) {
        let pushed = self.verifier.apply(list, changes, self.now());
        self.progress.send_modify(|progress| progress.counts.pushed += 1);
        self.changed.notify_one();
        if pushed == Pushed::FetchList {
            let known = self.learnt().list_is_wanted(list);
            if known { self.lists_wanted.notify_one() } else { self.all_lists_are_due() }
        }
    }

    fn all_lists_are_due(&self) {
        self.learnt().all_are_due();
        self.lists_wanted.notify_one();
    }

    /// A token named an unknown key or list.
    pub(super) fn miss(&self, missing: &Missing) {
        match missing {
            Missing::Key(_) => self.keys_wanted.notify_one(),
            Missing::List(_) => {
                self.learnt().unknown_list_is_wanted();
                self.lists_wanted.notify_one();
            }
        }
    }

    /// A list signed by an unknown key makes the keys due.
    pub(super) fn list_refused(&self, error: &ListUpdateError) {
        if matches!(error, ListUpdateError::NoKeys | ListUpdateError::List(StatusListError::UnknownKey)) {
            self.keys_wanted.notify_one();
        }
    }

    pub(super) fn stream_is(&self, following: bool) {
        self.progress.send_modify(|progress| progress.counts.following = following);
    }

    pub(super) fn keys_are_fresh(&self) {
        self.progress.send_modify(|progress| progress.keys = true);
        self.changed.notify_one();
    }

    pub(super) fn lists_are_fresh(&self) {
        self.progress.send_modify(|progress| progress.lists = true);
    }

    /// The pause after `outcome`: `regular` after a success. A failure is recorded, and the pause backs off.
    pub(super) fn pause(
        &self,
        outcome: Result<(), FetchError>,
        backoff: &mut Backoff,
        regular: Duration,
    ) -> Duration {
        match outcome {
            Ok(()) => {
                backoff.succeeded();
                regular
            }
            Err(error) => {
                self.note(error);
                backoff.failed()
            }
        }
    }

    /// Records a failure. The work goes on.
    pub(super) fn note(&self, error: FetchError) {
        let at = self.now();
        self.progress.send_modify(|progress| {
            progress.counts.failures += 1;
            progress.counts.last_failure = Some((at, error.to_string()));
        });
    }

    pub(super) fn health(&self) -> Health {
        let (now, progress) = (self.now(), self.progress.borrow().clone());
        let lists = self.verifier.lists();
        let age = |at: Timestamp| now.since(at);
        Health {
            ready: progress.is_ready(),
            keys_age: self.verifier.keys_confirmed_at().map(age),
            lists_age: lists.iter().map(|(_, at)| age(*at)).max(),
            lists: lists.len(),
            ..progress.counts
        }
    }
}

/// The document at `path` as text.
pub(super) fn text(path: &str, body: Bytes) -> Result<String, FetchError> {
    let malformed = |_| FetchError::Malformed { path: path.to_owned(), why: "it is not a text" };
    String::from_utf8(body.into()).map_err(malformed)
}
