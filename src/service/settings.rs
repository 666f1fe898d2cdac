//! Settings that an admin changes at run time: effective immediately, kept in the store.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use serde_json::{Map, Value};
use strum::VariantArray as _;
use tokio::sync::Mutex;

use super::base::Base;
use super::{Caller, FieldError, RequestError, ServiceError};
use crate::access::{Act, Excess};
use crate::clock::Timestamp;
use crate::ledger::{Action, Draft};
use crate::span::{Setting, Spans, show_span};
use crate::store::{ChangeSettings, SettingRecord, Store};

/// The spans in force: those of the configuration, replaced by the changes in the database.
pub struct LiveSpans {
    configured: Spans,
    state: ArcSwap<InForce>,
    /// One change at a time: each is checked against the spans in force.
    changing: Mutex<()>,
}

#[derive(Clone)]
struct InForce {
    changed: BTreeMap<Setting, (Duration, Timestamp)>,
    spans: Spans,
}

impl InForce {
    fn of(configured: Spans, changed: BTreeMap<Setting, (Duration, Timestamp)>) -> Self {
        let spans =
            changed.iter().fold(configured, |spans, (setting, (span, _))| spans.with(*setting, *span));
        // A later, shorter maximum in the configuration must not prevent minting without a ttl.
        let default = spans.default_ttl.min(spans.max_ephemeral_ttl);
        Self { changed, spans: spans.with(Setting::DefaultTtl, default) }
    }
}

/// One setting: the value in force and its origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The setting that this is about.
    pub setting: Setting,
    /// The value in force.
    pub value: Duration,
    /// The value of the configuration.
    pub configured: Duration,
    /// Time of the change; `None` = the configuration is in force.
    pub changed_at: Option<Timestamp>,
}

impl Standing {
    /// Returns the value in force and the configured one, as readable spans.
    pub fn shown(&self) -> (String, String) {
        (show_span(self.value), show_span(self.configured))
    }
}

impl LiveSpans {
    /// The spans of the configuration, with the changes in the store.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn open(configured: Spans, store: &dyn Store) -> Result<Self, ServiceError> {
        let state = InForce::of(configured, BTreeMap::new());
        let live = Self { configured, state: ArcSwap::from_pointee(state), changing: Mutex::default() };
        live.reload(store).await?;
        Ok(live)
    }

    /// Reads the changes from the store. Call it after each change, here or on another node. A setting that this version does
    /// not know is ignored.
    ///
    /// # Errors
    /// The store cannot be read. The previous spans stay in force.
    pub async fn reload(&self, store: &dyn Store) -> Result<(), ServiceError> {
        let known =
            |record: SettingRecord| Some((record.name.parse().ok()?, (record.value, record.changed_at)));
        let changed = store.settings().await?.into_iter().filter_map(known).collect();
        self.state.store(InForce::of(self.configured, changed).into());
        Ok(())
    }

    /// The spans in force.
    pub fn load(&self) -> Spans {
        self.state.load().spans
    }
}

/// An administrator's use cases of the settings.
pub struct SettingsAdmin {
    pub(super) base: Base,
    /// The spans in force.
    pub spans: Arc<LiveSpans>,
    pub(super) ece_ttl: Duration,
}

impl SettingsAdmin {
    /// Default life of a token minted by Elastic's route, within the longest life in force.
    pub fn ece_ttl(&self) -> Duration {
        self.ece_ttl.min(self.spans.load().max_ephemeral_ttl)
    }

    /// Returns every setting with its origin.
    pub fn standings(&self) -> Vec<Standing> {
        let (state, configured) = (self.spans.state.load(), self.spans.configured);
        let standing = |setting: Setting| Standing {
            setting,
            value: state.spans.get(setting),
            configured: configured.get(setting),
            changed_at: state.changed.get(&setting).map(|(_, at)| *at),
        };
        Setting::VARIANTS.iter().copied().map(standing).collect()
    }

    /// Sets each of `changes`, or with `None` goes back to the configuration. A change to the value in force leaves no entry.
    ///
    /// # Errors
    /// [`RequestError::Fields`] with every invalid field, including the decoding's `faults`. A new life may exceed the caller's
    /// limits, or the store cannot be written.
    pub async fn change(
        &self,
        caller: &Caller,
        mut changes: Vec<(Setting, Option<Duration>)>,
        mut faults: Vec<FieldError>,
    ) -> Result<Vec<Standing>, ServiceError> {
        let live = &self.spans;
        let turn = live.changing.lock().await;
        let (before, at) = (live.state.load_full(), self.base.time.now());
        let now_set = |setting| before.changed.get(&setting).map(|(span, _)| *span);
        changes.retain(|(setting, span)| now_set(*setting) != *span);
        let after = after(live.configured, &before, &changes, at);
        if let Some(fault) = contradiction(live.configured, &after) {
            faults.push(fault);
        }
        RequestError::refuse(faults)?;
        may_set(caller, live.configured, &changes)?;
        if !changes.is_empty() {
            let entry = entry(caller.did(Action::SettingsChanged, at), &changes, &before, &after);
            let changes = changes.into_iter().map(|(setting, span)| (setting.as_str(), span)).collect();
            self.base.store.change_settings(ChangeSettings { changes, entry }).await?;
            live.reload(self.base.store.as_ref()).await?;
        }
        drop(turn);
        Ok(self.standings())
    }
}

fn after(
    configured: Spans,
    before: &InForce,
    changes: &[(Setting, Option<Duration>)],
    at: Timestamp,
) -> InForce {
    let mut changed = before.changed.clone();
    for (setting, span) in changes {
        match span {
            Some(span) => drop(changed.insert(*setting, (*span, at))),
            None => drop(changed.remove(setting)),
        }
    }
    InForce::of(configured, changed)
}

/// Checks that the caller may set each of these lives. An error names the setting. Going back to the configuration sets its
/// value. The retention is not a life.
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
                Excess { message: format!("{}: {}", setting.as_str(), excess.message), ..excess }
            })),
            judged => judged?,
        }
    }
    if beyond.is_empty() { Ok(()) } else { Err(RequestError::BeyondLimits(beyond)) }
}

/// Returns the contradiction between the new settings, if any.
fn contradiction(configured: Spans, after: &InForce) -> Option<FieldError> {
    let set = after.changed.get(&Setting::DefaultTtl).map(|(span, _)| *span);
    let error = after.spans.fits(set.unwrap_or(configured.default_ttl)).err()?;
    Some(FieldError::new(Setting::DefaultTtl.as_str(), error.to_string()))
}

/// Completes the entry: the changed settings before and after.
fn entry(entry: Draft, changes: &[(Setting, Option<Duration>)], before: &InForce, after: &InForce) -> Draft {
    let values = |state: &InForce| {
        let value = |(setting, _): &(Setting, _)| {
            (setting.as_str().to_owned(), Value::from(show_span(state.spans.get(*setting))))
        };
        changes.iter().map(value).collect::<Map<_, _>>()
    };
    let reset = changes.iter().filter(|(_, span)| span.is_none());
    let reset = reset.map(|(setting, _)| setting.as_str()).collect::<Vec<_>>();
    let entry = entry.with("before", values(before)).with("after", values(after));
    if reset.is_empty() { entry } else { entry.with("as_configured", reset) }
}
