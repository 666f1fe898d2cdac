//! `/rules`: auto-approve rules, and the dry run.

use http::StatusCode;

use super::dialect::sentence;
use super::form::{self, Values};
use super::frame::{self, Frame};
use super::grant;
use super::parts::{Icon, Moment, grouped};
use super::refusal::{self, Refusal};
use crate::access::Permission;
use crate::http::call::Call;
use crate::http::form::Form;
use crate::http::problem::{Code, Problem};
use crate::http::query;
use crate::http::reply::Reply;
use crate::http::request::{ApplicantRequest, RuleChangeRequest, RuleRequest};
use crate::id::RuleId;
use crate::service::labels::ActorLabels;
use crate::service::rules::CountedRule;
use crate::store::PageQuery;

/// Maximum number of rules.
const MOST: u32 = 1000;

/// The box of the form that admits tokens with any role.
const ANY_ROLE: &str = "any_role";

#[derive(askama::Template)]
#[template(path = "rules.html")]
struct RulesPage<'a> {
    frame: Frame<'a>,
    rows: Vec<RuleRow>,
    writes: bool,
    values: Values,
    roles: Vec<form::RoleChoice>,
    fault: Option<String>,
    tried: Option<Vec<(String, String)>>,
}

/// A rule in the list.
struct RuleRow {
    id: RuleId,
    label: String,
    cluster: String,
    roles: String,
    conditions: String,
    admitted: String,
    created: Moment,
    by: String,
}

impl RuleRow {
    fn new(call: &Call, counted: CountedRule) -> Self {
        let CountedRule { record, admitted } = counted;
        let terms = record.rule.terms;
        let most = terms.max_nodes.map_or_else(|| "∞".to_owned(), |most| grouped(most.into()));
        let roles = joined(&terms.allowed_roles);
        let conditions = [joined(&terms.addresses), joined(&terms.names)];
        let conditions = conditions.into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>();
        Self {
            id: record.rule.id,
            label: terms.label.to_string(),
            cluster: match terms.cluster_id.to_string() {
                any if any == "*" => "any cluster".to_owned(),
                cluster => cluster,
            },
            roles: if roles.is_empty() { "all roles".to_owned() } else { roles },
            conditions: conditions.join("; "),
            admitted: format!("{} / {most}", grouped(admitted)),
            created: Moment::new(record.created_at, call.authority.time.now()),
            by: grant::actor(&record.created_by, &ActorLabels::default()),
        }
    }
}

fn joined<T: ToString>(items: &[T]) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// Shows the rules. With the field `try` it also shows the decision of all rules about a host.
pub(super) async fn show(call: Call) -> Result<Reply, Problem> {
    let values = Values::of(query::decode_query(call.head.raw_query())?).repeatable();
    let (tried, problem) = match values.is_on("try") {
        false => (None, None),
        true => match dry_run(&call, &values).await {
            Ok(tried) => (Some(tried), None),
            Err(problem) => (None, Some(problem)),
        },
    };
    let rules = call.authority.rules.list_rules(PageQuery::new(None, MOST)).await?.items;
    let page = RulesPage {
        frame: Frame::of(&call, "Auto-approve rules", "/rules").await?,
        rows: rules.into_iter().map(|rule| RuleRow::new(&call, rule)).collect(),
        writes: call.may(Permission::WritePolicies),
        roles: form::choices(&call, |_| true, |role| values.has_role(role)),
        fault: problem.as_ref().map(|problem| sentence(&problem.detail)),
        values,
        tried,
    };
    frame::page(problem.as_ref().map_or(StatusCode::OK, Problem::status), &page)
}

/// The label of each rule, with its decision about the host.
async fn dry_run(call: &Call, values: &Values) -> Result<Vec<(String, String)>, Problem> {
    let request = ApplicantRequest {
        cluster: values.owned("cluster"),
        roles: values.roles(),
        address: values.owned("address"),
        name: values.owned("name"),
        policy: None,
    };
    let known = (&*call.authority.roles, &*call.authority.policies.policies);
    let (applicant, policy) = request.judge(known, Vec::new())?;
    let decision = call.authority.rules.test_rules(&applicant, policy).await?;
    let admits = decision.rule.map(|rule| (rule.label.to_string(), "admits the host".to_owned()));
    let others = decision.others.into_iter().map(|other| {
        let reasons = other.reasons.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
        (other.rule.label.to_string(), reasons)
    });
    Ok(admits.into_iter().chain(others).collect())
}

#[derive(askama::Template)]
#[template(path = "rule.html")]
struct RulePage<'a> {
    frame: Frame<'a>,
    /// The address that the form is sent to.
    action: String,
    id: Option<RuleId>,
    revision: String,
    values: Values,
    roles: Vec<form::RoleChoice>,
    faults: Vec<String>,
}

/// Shows the form of a new rule.
pub(super) async fn ask_for_one(call: Call) -> Result<Reply, Problem> {
    let values = Values::of(query::decode_query(call.head.raw_query())?).repeatable();
    editor(&call, None, values, String::new(), None).await
}

/// Creates a rule.
pub(super) async fn create(call: Call) -> Result<Reply, Problem> {
    let values = Values::of(Form::parse(&call.body)?.into_pairs());
    match created(&call, &values).await {
        Ok(()) => Ok(Reply::see_other("/rules")),
        Err(problem) => {
            let refused = Refusal::of_form(problem, &values)?;
            editor(&call, None, values.repeatable(), String::new(), Some(refused)).await
        }
    }
}

async fn created(call: &Call, values: &Values) -> Result<(), Problem> {
    let request = RuleRequest {
        cluster_id: values.text("cluster"),
        label: values.text("label"),
        allowed_roles: allowed_roles(values)?,
        max_nodes: values.positive("max_nodes")?,
        addresses: values.lines("addresses"),
        names: values.lines("names"),
        examples: Vec::new(),
    };
    let terms = request.judge(&call.authority.roles, Vec::new())?;
    call.authority.rules.create_rule_once(&call.caller, terms).await?;
    Ok(())
}

/// The roles that the rule admits. No roles stand for all of them, so the form has to say so.
fn allowed_roles(values: &Values) -> Result<Vec<String>, Problem> {
    let roles = values.roles();
    match (roles.is_empty(), values.is_on(ANY_ROLE)) {
        (true, false) => Err(Problem::invalid_field("allowed_roles", "select roles, or any role")),
        (false, true) => Err(Problem::invalid_field("allowed_roles", "select either roles or any role")),
        _ => Ok(roles),
    }
}

/// Shows the form of a rule.
pub(super) async fn show_one(call: Call) -> Result<Reply, Problem> {
    stored(&call, None).await
}

/// The form with the rule as it is.
async fn stored(call: &Call, refused: Option<Refusal>) -> Result<Reply, Problem> {
    let rule = found(call).await?;
    let terms = rule.record.rule.terms;
    let mut pairs = vec![
        ("cluster".to_owned(), terms.cluster_id.to_string()),
        ("label".to_owned(), terms.label.to_string()),
        ("max_nodes".to_owned(), terms.max_nodes.map(|most| most.to_string()).unwrap_or_default()),
        ("addresses".to_owned(), joined(&terms.addresses).replace(", ", "\n")),
        ("names".to_owned(), joined(&terms.names).replace(", ", "\n")),
    ];
    if terms.allowed_roles.is_empty() {
        pairs.push((ANY_ROLE.to_owned(), "on".to_owned()));
    }
    pairs.extend(terms.allowed_roles.iter().map(|role| (format!("role.{role}"), "on".to_owned())));
    let revision = rule.record.rule.revision.to_string();
    editor(call, Some(rule.record.rule.id), Values::of(pairs), revision, refused).await
}

async fn found(call: &Call) -> Result<CountedRule, Problem> {
    let id = call.id("id", "auto-approve rule", RuleId::parse)?;
    Ok(call.authority.rules.show_rule(id).await?)
}

/// Changes a rule.
pub(super) async fn change(call: Call) -> Result<Reply, Problem> {
    let id = found(&call).await?.record.rule.id;
    let values = Values::of(Form::parse(&call.body)?.into_pairs());
    match changed(&call, id, &values).await {
        Ok(()) => Ok(Reply::see_other("/rules")),
        // Sent again, the values of a stale form would undo the change of somebody else.
        Err(problem) if problem.code == Code::Stale => stored(&call, Some(Refusal::of(problem)?)).await,
        Err(problem) => {
            let (revision, refused) = (values.text("revision"), Refusal::of_form(problem, &values)?);
            editor(&call, Some(id), values.repeatable(), revision, Some(refused)).await
        }
    }
}

async fn changed(call: &Call, id: RuleId, values: &Values) -> Result<(), Problem> {
    let request = RuleChangeRequest {
        cluster_id: Some(values.text("cluster")),
        label: Some(values.text("label")),
        allowed_roles: Some(allowed_roles(values)?),
        max_nodes: Some(values.positive("max_nodes")?),
        addresses: Some(values.lines("addresses")),
        names: Some(values.lines("names")),
        examples: None,
    };
    let edit = request.judge(&call.authority.roles, Vec::new())?;
    call.authority.rules.change_rule(&call.caller, id, edit, Some(values.revision())).await?;
    Ok(())
}

async fn editor(
    call: &Call,
    id: Option<RuleId>,
    values: Values,
    revision: String,
    refused: Option<Refusal>,
) -> Result<Reply, Problem> {
    let (status, faults) = refusal::parts(refused);
    let title = if id.is_some() { "Change rule" } else { "New rule" };
    let page = RulePage {
        frame: Frame::of(call, title, "/rules").await?,
        action: id.map_or_else(|| "/rules/new".to_owned(), |id| format!("/rules/{id}")),
        id,
        revision,
        roles: form::roles(call, &values),
        faults,
        values,
    };
    frame::page(status, &page)
}

#[derive(askama::Template)]
#[template(path = "delete_rule.html")]
struct DeleteRulePage<'a> {
    frame: Frame<'a>,
    id: RuleId,
    label: String,
    admitted: u64,
    revision: u64,
}

/// Asks before a rule is deleted.
pub(super) async fn ask_to_delete(call: Call) -> Result<Reply, Problem> {
    let CountedRule { record, admitted } = found(&call).await?;
    let (id, label) = (record.rule.id, record.rule.terms.label.to_string());
    let frame = Frame::of(&call, format!("Delete {label}"), "/rules").await?;
    frame::ok(&DeleteRulePage { frame, id, label, admitted, revision: record.rule.revision })
}

/// Deletes a rule.
pub(super) async fn delete(call: Call) -> Result<Reply, Problem> {
    let id = call.id("id", "auto-approve rule", RuleId::parse)?;
    let revision = Values::of(Form::parse(&call.body)?.into_pairs()).revision();
    call.authority.rules.delete_rule(&call.caller, id, Some(revision)).await?;
    Ok(Reply::see_other("/rules"))
}
