//! Settings that an admin changes while the authority runs: in force at once, kept in the store.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use serde_json::{Map, Value};
use tokio::sync::Mutex;

use super::{Caller, FieldError, RequestError, ServiceError, TimeKeeper};
use crate::access::{Act, Excess};
use crate::clock::Timestamp;
use crate::ledger::{Action, Draft};
use crate::span::{Setting, Spans, show_span};
use crate::store::{ChangeSettings, SettingRecord, Store};

/// The spans in force: those of the configuration, but for what the database says was changed.
pub struct LiveSpans {
    configured: Spans,
    state: ArcSwap<State>,
    /// One change at a time: each is judged by what is in force.
    changing: Mutex<()>,
}

#[derive(Clone)]
struct State {
    changed: BTreeMap<Setting, (Duration, Timestamp)>,
    spans: Spans,
}

impl State {
    fn of(configured: Spans, changed: BTreeMap<Setting, (Duration, Timestamp)>) -> Self {
        let spans =
            changed.iter().fold(configured, |spans, (setting, (span, _))| spans.with(*setting, *span));
        // A configuration that was shortened since must not make minting without a ttl impossible.
        let default = spans.default_ttl.min(spans.max_ephemeral_ttl);
        Self { changed, spans: spans.with(Setting::DefaultTtl, default) }
    }
}

/// How one setting stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Which.
    pub setting: Setting,
    /// What is in force.
    pub value: Duration,
    /// What the configuration says.
    pub configured: Duration,
    /// When it was changed; `None` = the configuration is in force.
    pub changed_at: Option<Timestamp>,
}

impl Standing {
    /// What is in force and what the configuration says, as people write spans.
    pub fn shown(&self) -> (String, String) {
        (show_span(self.value), show_span(self.configured))
    }
}

impl LiveSpans {
    /// What the configuration says, and what the store says was changed since.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn open(configured: Spans, store: &dyn Store) -> Result<Self, ServiceError> {
        let state = State::of(configured, BTreeMap::new());
        let live = Self { configured, state: ArcSwap::from_pointee(state), changing: Mutex::default() };
        live.reload(store).await?;
        Ok(live)
    }

    /// Reads what was changed from the store. After each change of it, here or on another node. A setting that this version does
    /// not know is ignored.
    ///
    /// # Errors
    /// The store cannot be read. The spans before stay in force.
    pub async fn reload(&self, store: &dyn Store) -> Result<(), ServiceError> {
        let known =
            |record: SettingRecord| Some((Setting::find(&record.name)?, (record.value, record.changed_at)));
        let changed = store.settings().await?.into_iter().filter_map(known).collect();
        self.state.store(State::of(self.configured, changed).into());
        Ok(())
    }

    /// The spans in force.
    pub fn load(&self) -> Spans {
        self.state.load().spans
    }
}

/// An administrator's use cases of the settings.
pub struct SettingsAdmin {
    pub(super) store: Arc<dyn Store>,
    pub(super) time: Arc<TimeKeeper>,
    /// The spans in force.
    pub spans: Arc<LiveSpans>,
}

impl SettingsAdmin {
    /// Every setting, and how it stands.
    pub fn standings(&self) -> Vec<Standing> {
        let (state, configured) = (self.spans.state.load(), self.spans.configured);
        let standing = |setting: Setting| Standing {
            setting,
            value: state.spans.get(setting),
            configured: configured.get(setting),
            changed_at: state.changed.get(&setting).map(|(_, at)| *at),
        };
        Setting::ALL.map(standing).to_vec()
    }

    /// Sets each of `changes`, or with `None` goes back to the configuration. A change to the value in force leaves no entry.
    ///
    /// # Errors
    /// [`RequestError::Fields`] with everything that is wrong, `faults` of the decoding among it; a life that would be set is
    /// beyond the caller's limits; or the store cannot be written.
    pub async fn change(
        &self,
        caller: &Caller,
        mut changes: Vec<(Setting, Option<Duration>)>,
        mut faults: Vec<FieldError>,
    ) -> Result<Vec<Standing>, ServiceError> {
        let live = &self.spans;
        let turn = live.changing.lock().await;
        let (before, at) = (live.state.load_full(), self.time.now());
        let now_set = |setting| before.changed.get(&setting).map(|(span, _)| *span);
        changes.retain(|(setting, span)| now_set(*setting) != *span);
        let after = after(live.configured, &before, &changes, at);
        if let Some(fault) = contradiction(live.configured, &after) {
            faults.push(fault);
        }
        if !faults.is_empty() {
            return Err(RequestError::Fields(faults).into());
        }
        may_set(caller, live.configured, &changes)?;
        if !changes.is_empty() {
            let entry = entry(caller.did(Action::SettingsChanged, at), &changes, &before, &after);
            let changes = changes.into_iter().map(|(setting, span)| (setting.name(), span)).collect();
            self.store.change_settings(ChangeSettings { changes, at, entry }).await?;
            live.reload(self.store.as_ref()).await?;
        }
        drop(turn);
        Ok(self.standings())
    }
}

fn after(configured: Spans, before: &State, changes: &[(Setting, Option<Duration>)], at: Timestamp) -> State {
    let mut changed = before.changed.clone();
    for (setting, span) in changes {
        match span {
            Some(span) => drop(changed.insert(*setting, (*span, at))),
            None => drop(changed.remove(setting)),
        }
    }
    State::of(configured, changed)
}

/// Whether the caller may set each of these lives; what is said of one that is beyond names the setting. Going back to the
/// configuration sets what that says. How long what has ended is listed is no life.
fn may_set(
    caller: &Caller,
    configured: Spans,
    changes: &[(Setting, Option<Duration>)],
) -> Result<(), RequestError> {
    let mut beyond = Vec::new();
    for (setting, span) in changes.iter().filter(|(setting, _)| *setting != Setting::Retention) {
        let lasts = span.unwrap_or_else(|| configured.get(*setting));
        let persistent = *setting == Setting::ClusterTtl;
        match caller.may(Act::SetLives { lasts, persistent }) {
            Err(RequestError::BeyondLimits(excess)) => beyond.extend(excess.into_iter().map(|excess| {
                Excess { message: format!("{}: {}", setting.name(), excess.message), ..excess }
            })),
            judged => judged?,
        }
    }
    if beyond.is_empty() { Ok(()) } else { Err(RequestError::BeyondLimits(beyond)) }
}

/// What would be in force may not contradict itself.
fn contradiction(configured: Spans, after: &State) -> Option<FieldError> {
    let set = after.changed.get(&Setting::DefaultTtl).map(|(span, _)| *span);
    let error = after.spans.fits(set.unwrap_or(configured.default_ttl)).err()?;
    Some(FieldError::new(Setting::DefaultTtl.name(), error.to_string()))
}

/// What was changed, from what to what.
fn entry(entry: Draft, changes: &[(Setting, Option<Duration>)], before: &State, after: &State) -> Draft {
    let values = |state: &State| {
        let value = |(setting, _): &(Setting, _)| {
            (setting.name().to_owned(), Value::from(show_span(state.spans.get(*setting))))
        };
        changes.iter().map(value).collect::<Map<_, _>>()
    };
    let reset = changes.iter().filter(|(_, span)| span.is_none());
    let reset = reset.map(|(setting, _)| setting.name()).collect::<Vec<_>>();
    let entry = entry.with("before", values(before)).with("after", values(after));
    if reset.is_empty() { entry } else { entry.with("as_configured", reset) }
}
