//! `/admin/settings`: the settings that change at run time, the capacity and the clock.

pub(super) mod clock;

use self::clock::ClockFacts;
use super::act::Act;
use super::{ADMIN, Section, sections};
use crate::access::Permission;
use crate::dashboard::dialect::{CSRF_FIELD, sentence};
use crate::dashboard::form::{Choice, Values};
use crate::dashboard::frame::{self, Frame};
use crate::dashboard::parts::{Icon, Moment, grouped};
use crate::dashboard::refusal::{self, Refusal};
use crate::http::call::Call;
use crate::http::form::Form;
use crate::http::problem::{Code, Problem};
use crate::http::reply::Reply;
use crate::service::FieldError;
use crate::service::settings::{SettingChange, Standing};
use crate::span::{Setting, SettingValue};

/// The page.
const SETTINGS: &str = "/admin/settings";
/// The prefix of the boxes that return to the configuration.
const RESET: &str = "reset.";
/// The field of a form whose shorter retention is confirmed.
const CONFIRMED: &str = "confirmed";

#[derive(askama::Template)]
#[template(path = "admin_settings.html")]
struct SettingsPage<'a> {
    frame: Frame<'a>,
    sections: Vec<Section>,
    writes: bool,
    revision: String,
    rows: Vec<SettingRow>,
    capacity: Vec<(&'static str, String)>,
    warning: Option<String>,
    clock: ClockFacts,
    faults: Vec<String>,
}

/// A setting in the form.
struct SettingRow {
    name: &'static str,
    field: &'static str,
    hint: &'static str,
    /// The value in force.
    now: String,
    configured: String,
    changed: Option<Moment>,
    /// The value in the form.
    value: String,
    reset: bool,
    /// The values of a setting that has few.
    choices: Vec<Choice>,
}

/// Shows the settings.
pub(super) async fn show(call: Call) -> Result<Reply, Problem> {
    page(&call, None).await
}

/// Changes the settings whose values differ. A shorter retention is asked for first.
pub(super) async fn change(call: Call) -> Result<Reply, Problem> {
    let values = Values::of(Form::parse(&call.body)?.into_pairs());
    let settings = &call.authority.settings;
    let changed = match changes(&settings.standings(), &values) {
        Ok(changes) => {
            if let Some(question) = question(&settings.standings(), &changes, &values) {
                return question.page(&call, None).await;
            }
            let revision = values.text("revision");
            settings
                .change_from(Some(&revision), &call.caller, changes, Vec::new())
                .await
                .map_err(Problem::from)
        }
        Err(problem) => Err(problem),
    };
    match changed {
        Ok(_) => Ok(Reply::see_other(SETTINGS)),
        // Sent again, the values of a stale form would undo the change of somebody else.
        Err(problem) if problem.code == Code::Stale => {
            page(&call, Some((Refusal::of(problem)?, Values::of(Vec::new())))).await
        }
        Err(problem) => page(&call, Some((Refusal::of_form(problem, &values)?, values.repeatable()))).await,
    }
}

/// The changes of a form. A setting that it leaves out or shows as it is stays.
fn changes(standings: &[Standing], values: &Values) -> Result<Vec<SettingChange>, Problem> {
    let (mut changes, mut faults) = (Vec::new(), Vec::new());
    for standing in standings {
        let name = standing.setting.as_str();
        if values.is_on(&format!("{RESET}{name}")) {
            changes.push((standing.setting, None));
            continue;
        }
        let now = standing.value.to_string();
        let Some(text) = values.get(name).filter(|text| *text != now) else { continue };
        match standing.setting.parse(text) {
            Ok(value) => changes.push((standing.setting, Some(value))),
            Err(error) => faults.push(FieldError::new(name, error.to_string())),
        }
    }
    if faults.is_empty() { Ok(changes) } else { Err(Problem::invalid_fields(faults)) }
}

/// The question before a shorter retention, by which records of ended tokens are deleted sooner.
fn question(standings: &[Standing], changes: &[SettingChange], values: &Values) -> Option<Act> {
    let standing = standings.iter().find(|standing| standing.setting == Setting::Retention)?;
    let (_, value) = changes.iter().find(|(setting, _)| *setting == Setting::Retention)?;
    let (before, after) = (standing.value, value.unwrap_or(standing.configured));
    let shorter = match (before, after) {
        (SettingValue::Span(before), SettingValue::Span(after)) => after < before,
        _ => false,
    };
    if !shorter || values.is_on(CONFIRMED) {
        return None;
    }
    let kept = values.repeatable();
    let kept = kept.pairs().filter(|(name, _)| *name != CSRF_FIELD);
    let kept = kept.map(|(name, value)| (name.to_owned(), value.to_owned()));
    Some(Act {
        title: format!("Shorten the retention from {before} to {after}"),
        action: SETTINGS.to_owned(),
        back: SETTINGS.to_owned(),
        section: SETTINGS,
        hidden: kept.chain([(CONFIRMED.to_owned(), "on".to_owned())]).collect(),
        sentences: vec![format!(
            "The server deletes the records of tokens that ended more than {after} ago."
        )],
        button: "Shorten the retention",
        ..Act::default()
    })
}

async fn page(call: &Call, refused: Option<(Refusal, Values)>) -> Result<Reply, Problem> {
    let (refused, values) = refused.unzip();
    let (status, faults) = refusal::parts(refused);
    let (authority, now) = (&call.authority, call.authority.time.now());
    let capacity = authority.capacity.show().await?;
    let limit = |limit: Option<u64>| limit.map_or_else(|| "no limit".to_owned(), grouped);
    let page = SettingsPage {
        frame: Frame::of(call, "Settings", ADMIN).await?,
        sections: sections(call, SETTINGS),
        writes: call.may(Permission::Administer),
        revision: authority.settings.revision(),
        rows: authority
            .settings
            .standings()
            .into_iter()
            .map(|standing| SettingRow {
                changed: standing.changed_at.map(|at| Moment::new(at, now)),
                ..row(&standing, values.as_ref())
            })
            .collect(),
        capacity: vec![
            ("Enrolled hosts", grouped(capacity.enrolled)),
            ("Maximum number of hosts", limit(capacity.node_limit.map(u64::from))),
            ("Free slots", limit(capacity.remaining())),
            ("Waiting for approval", grouped(authority.enrollment.count_waiting().await?.count)),
        ],
        warning: capacity.warning().map(|warning| sentence(&warning)),
        clock: ClockFacts::of(call),
        faults,
    };
    frame::page(status, &page)
}

fn row(standing: &Standing, values: Option<&Values>) -> SettingRow {
    let (setting, now) = (standing.setting, standing.value.to_string());
    let (name, hint) = words(setting);
    let value = values.and_then(|values| values.owned(setting.as_str())).unwrap_or_else(|| now.clone());
    let modes: &[&str] = if setting == Setting::Approval { &["off", "warn", "require"] } else { &[] };
    let choice = |mode: &&str| Choice {
        value: (*mode).to_owned(),
        name: (*mode).to_owned(),
        selected: *mode == value,
    };
    SettingRow {
        name,
        field: setting.as_str(),
        hint,
        configured: standing.configured.to_string(),
        changed: None,
        reset: values.is_some_and(|values| values.is_on(&format!("{RESET}{}", setting.as_str()))),
        choices: modes.iter().map(choice).collect(),
        now,
        value,
    }
}

/// The name of a setting and its explanation.
const fn words(setting: Setting) -> (&'static str, &'static str) {
    match setting {
        Setting::DefaultTtl => ("Default life of a token", "If the request names no life"),
        Setting::MaxEphemeralTtl => ("Maximum ephemeral life", "At most 24h"),
        Setting::ClusterTtl => ("Default life of a cluster token", "If the request names no life"),
        Setting::Retention => ("Retention of ended tokens", "Lists show ended tokens for this long"),
        Setting::NodeLimit => ("Maximum number of hosts", "A number, or off"),
        Setting::Approval => ("Approval", "For hosts that no rule admits"),
    }
}

#[cfg(test)]
mod tests {
    use strum::VariantArray as _;

    use super::*;
    use crate::dashboard::refusal::faults;

    #[test]
    fn every_setting_has_a_name_in_faults() {
        for setting in Setting::VARIANTS {
            let fault = FieldError::new(setting.as_str(), "is wrong");
            let shown = faults(&Problem::invalid_fields(vec![fault]));
            assert_eq!(shown, [format!("{}: is wrong.", words(*setting).0)]);
        }
    }
}
