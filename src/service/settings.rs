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
use crate::approval::Approval;
use crate::clock::Timestamp;
use crate::ledger::{Action, Draft};
use crate::span::{Setting, SettingValue, SettingValues, Spans};
use crate::store::{ChangeSettings, NodeLimit, SettingRecord, Store};

/// The settings in force: those of the configuration, replaced by the changes in the database.
pub struct LiveSpans {
    configured: SettingValues,
    state: ArcSwap<InForce>,
    /// One change at a time: each is checked against the spans in force.
    changing: Mutex<()>,
}

#[derive(Clone)]
struct InForce {
    changed: BTreeMap<Setting, (SettingValue, Timestamp)>,
    values: SettingValues,
}

/// A change of a setting; `None` = back to the configuration.
pub type SettingChange = (Setting, Option<SettingValue>);

impl InForce {
    fn of(configured: SettingValues, changed: BTreeMap<Setting, (SettingValue, Timestamp)>) -> Self {
        let in_force = |values: SettingValues, (setting, (value, _)): (&Setting, &(SettingValue, _))| {
            values.with(*setting, *value)
        };
        let mut values = changed.iter().fold(configured, in_force);
        // A later, shorter maximum in the configuration must not prevent minting without a ttl.
        values.spans.default_ttl = values.spans.default_ttl.min(values.spans.max_ephemeral_ttl);
        Self { changed, values }
    }
}

/// The number in the store: milliseconds, a limit, or a mode's place.
fn stored(value: SettingValue) -> u64 {
    match value {
        SettingValue::Span(span) => u64::try_from(span.as_millis()).unwrap_or(u64::MAX),
        SettingValue::Limit(limit) => NodeLimit::stored(limit),
        SettingValue::Mode(mode) => mode as u64,
    }
}

fn of_stored(setting: Setting, value: u64) -> SettingValue {
    match setting {
        Setting::NodeLimit => SettingValue::Limit(NodeLimit::of_stored(value)),
        Setting::Approval => SettingValue::Mode(Approval::of_stored(value)),
        _ => SettingValue::Span(Duration::from_millis(value)),
    }
}

/// One setting: the value in force and its origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The setting that this is about.
    pub setting: Setting,
    /// The value in force.
    pub value: SettingValue,
    /// The value of the configuration.
    pub configured: SettingValue,
    /// Time of the change; `None` = the configuration is in force.
    pub changed_at: Option<Timestamp>,
}

impl LiveSpans {
    /// The settings of the configuration, with the changes in the store.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn open(configured: SettingValues, store: &dyn Store) -> Result<Self, ServiceError> {
        let state = InForce::of(configured, BTreeMap::new());
        let live = Self { configured, state: ArcSwap::from_pointee(state), changing: Mutex::default() };
        live.reload(store).await?;
        Ok(live)
    }

    /// Reads the changes from the store. Call it after each change, here or on another node. A setting that this version does
    /// not know is ignored.
    ///
    /// # Errors
    /// The store cannot be read. The previous settings stay in force.
    pub async fn reload(&self, store: &dyn Store) -> Result<(), ServiceError> {
        let known = |record: SettingRecord| {
            let setting: Setting = record.name.parse().ok()?;
            Some((setting, (of_stored(setting, record.value), record.changed_at)))
        };
        let changed = store.settings().await?.into_iter().filter_map(known).collect();
        self.state.store(InForce::of(self.configured, changed).into());
        Ok(())
    }

    /// The spans in force.
    pub fn load(&self) -> Spans {
        self.state.load().values.spans
    }

    /// The node limit in force; `None` = unlimited.
    pub fn node_limit(&self) -> Option<u32> {
        self.state.load().values.node_limit
    }

    /// The approval mode in force for tokens that are not stricter.
    pub fn approval(&self) -> Approval {
        self.state.load().values.approval
    }

    /// The approval mode as the store has it; `None`: that of the configuration.
    pub fn stored_approval(&self) -> Option<Approval> {
        match self.state.load().changed.get(&Setting::Approval) {
            Some((SettingValue::Mode(mode), _)) => Some(*mode),
            _ => None,
        }
    }

    /// Reads the changes again, unless another mode than `judged` is in force by now: the store has a change that this one has not.
    ///
    /// # Errors
    /// As [`Self::reload`].
    pub(super) async fn catch_up(
        &self,
        judged: Option<Approval>,
        store: &dyn Store,
    ) -> Result<(), ServiceError> {
        let _turn = self.changing.lock().await;
        if self.stored_approval() == judged { self.reload(store).await } else { Ok(()) }
    }

    /// The limit for a host, judged in its transaction: the configured one, unless the store has another.
    pub const fn configured_node_limit(&self) -> NodeLimit {
        NodeLimit::Configured(self.configured.node_limit)
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
            value: state.values.get(setting),
            configured: configured.get(setting),
            changed_at: state.changed.get(&setting).map(|(_, at)| *at),
        };
        Setting::VARIANTS.iter().copied().map(standing).collect()
    }

    /// The revision of the settings: another one after each change.
    pub fn revision(&self) -> String {
        let one = |Standing { setting, value, changed_at, .. }: Standing| {
            let at = changed_at.map(Timestamp::millis).unwrap_or_default();
            format!("{}={value}@{at}", setting.as_str())
        };
        self.standings().into_iter().map(one).collect::<Vec<_>>().join(";")
    }

    /// Sets each of `changes`, or with `None` goes back to the configuration. A change to the value in force leaves no entry.
    ///
    /// # Errors
    /// [`RequestError::Fields`] with every invalid field, including the decoding's `faults`. A new life may exceed the caller's
    /// limits, or the store cannot be written.
    pub async fn change(
        &self,
        caller: &Caller,
        changes: Vec<SettingChange>,
        faults: Vec<FieldError>,
    ) -> Result<Vec<Standing>, ServiceError> {
        self.change_from(None, caller, changes, faults).await
    }

    /// Does the same, if the settings still have the revision `expected`; `None`: any.
    ///
    /// # Errors
    /// As [`Self::change`]; [`RequestError::Stale`]: they have another revision.
    pub async fn change_from(
        &self,
        expected: Option<&str>,
        caller: &Caller,
        mut changes: Vec<SettingChange>,
        mut faults: Vec<FieldError>,
    ) -> Result<Vec<Standing>, ServiceError> {
        let live = &self.spans;
        let turn = live.changing.lock().await;
        if expected.is_some_and(|expected| expected != self.revision()) {
            return Err(RequestError::Stale.into());
        }
        let (before, at) = (live.state.load_full(), self.base.time.now());
        let now_set = |setting| before.changed.get(&setting).map(|(value, _)| *value);
        changes.retain(|(setting, value)| now_set(*setting) != *value);
        let after = after(live.configured, &before, &changes, at);
        if let Some(fault) = contradiction(live.configured, &after) {
            faults.push(fault);
        }
        RequestError::refuse(faults)?;
        may_set(caller, live.configured, &changes)?;
        if !changes.is_empty() {
            let entry = entry(caller.did(Action::SettingsChanged, at), &changes, &before, &after);
            let changes =
                changes.into_iter().map(|(setting, value)| (setting.as_str(), value.map(stored))).collect();
            self.base.store.change_settings(ChangeSettings { changes, entry }).await?;
            live.reload(self.base.store.as_ref()).await?;
        }
        drop(turn);
        Ok(self.standings())
    }
}

fn after(configured: SettingValues, before: &InForce, changes: &[SettingChange], at: Timestamp) -> InForce {
    let mut changed = before.changed.clone();
    for (setting, value) in changes {
        match value {
            Some(value) => drop(changed.insert(*setting, (*value, at))),
            None => drop(changed.remove(setting)),
        }
    }
    InForce::of(configured, changed)
}

/// Checks that the caller may set each of these lives. An error names the setting. Going back to the configuration sets its
/// value. Retention, node limit and approval are no lives.
fn may_set(
    caller: &Caller,
    configured: SettingValues,
    changes: &[SettingChange],
) -> Result<(), RequestError> {
    let mut beyond = Vec::new();
    for (setting, value) in changes.iter().filter(|(setting, _)| *setting != Setting::Retention) {
        let SettingValue::Span(lasts) = value.unwrap_or_else(|| configured.get(*setting)) else { continue };
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
fn contradiction(configured: SettingValues, after: &InForce) -> Option<FieldError> {
    let set = match after.changed.get(&Setting::DefaultTtl) {
        Some((SettingValue::Span(span), _)) => *span,
        _ => configured.spans.default_ttl,
    };
    let error = after.values.spans.fits(set).err()?;
    Some(FieldError::new(Setting::DefaultTtl.as_str(), error.to_string()))
}

/// Completes the entry: the changed settings before and after.
fn entry(entry: Draft, changes: &[SettingChange], before: &InForce, after: &InForce) -> Draft {
    let values = |state: &InForce| {
        let value = |(setting, _): &(Setting, _)| {
            (setting.as_str().to_owned(), Value::from(state.values.get(*setting).to_string()))
        };
        changes.iter().map(value).collect::<Map<_, _>>()
    };
    let reset = changes.iter().filter(|(_, value)| value.is_none());
    let reset = reset.map(|(setting, _)| setting.as_str()).collect::<Vec<_>>();
    let entry = entry.with("before", values(before)).with("after", values(after));
    if reset.is_empty() { entry } else { entry.with("as_configured", reset) }
}
