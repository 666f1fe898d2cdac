//! `/policies/new` and `/policies/{id}/edit`: the form of a policy.

mod terms;

use self::terms::{asked, values_of};
use super::found;
use crate::access::Act;
use crate::admission::PolicyTerms;
use crate::approval::Approval;
use crate::dashboard::form::{self, Choice, RoleChoice, Values};
use crate::dashboard::frame::{self, Frame};
use crate::dashboard::output;
use crate::dashboard::parts::Icon;
use crate::dashboard::refusal::{self, Refusal};
use crate::http::call::Call;
use crate::http::form::Form;
use crate::http::problem::{Code, Problem};
use crate::http::reply::Reply;
use crate::http::request::PolicyRequest;
use crate::id::PolicyId;
use crate::span::show_span;
use crate::store::{ListedOutput, Policy};

#[derive(askama::Template)]
#[template(path = "policy_edit.html")]
struct EditorPage<'a> {
    frame: Frame<'a>,
    /// The address that the form is sent to.
    action: String,
    id: Option<PolicyId>,
    revision: u64,
    values: Values,
    lifetime: String,
    approvals: Vec<Choice>,
    roles: Vec<RoleChoice>,
    audiences: Vec<Pick>,
    /// Empty if the user may not give outputs.
    outputs: Vec<Pick>,
    faults: Vec<String>,
}

/// A box that chooses an audience or an output.
struct Pick {
    field: String,
    name: String,
    hint: &'static str,
    chosen: bool,
}

/// Shows the form of a new policy.
pub(super) async fn ask_for_one(call: Call) -> Result<Reply, Problem> {
    editor(&call, None, Values::of(Vec::new()), None).await
}

/// Creates a policy. A form that is sent again leads to the policy that it made.
pub(super) async fn create(call: Call) -> Result<Reply, Problem> {
    let sent = Values::of(Form::parse(&call.body)?.into_pairs());
    match created(&call, &sent).await {
        Ok(id) => Ok(Reply::see_other(&format!("/policies/{id}"))),
        Err(problem) => editor(&call, None, sent.repeatable(), Some(Refusal::of_form(problem, &sent)?)).await,
    }
}

async fn created(call: &Call, sent: &Values) -> Result<PolicyId, Problem> {
    let authority = &call.authority;
    let (asked, faults) = asked(&Values::of(Vec::new()), sent);
    let request = PolicyRequest {
        name: asked.name.unwrap_or_default(),
        description: asked.description.unwrap_or_default(),
        certificate_lifetime: asked.certificate_lifetime.flatten(),
        renew_at: asked.renew_at,
        roles: asked.roles.unwrap_or_default(),
        approval: asked.approval,
        labels: asked.labels.unwrap_or_default(),
        ephemeral_hosts: asked.ephemeral_hosts.unwrap_or_default(),
        api_key_credential: asked.api_key_credential.unwrap_or_default(),
        settings: asked.settings.unwrap_or_default(),
        schema: asked.schema.flatten(),
        audiences: asked.audiences.unwrap_or_default(),
        outputs: asked.outputs.unwrap_or_default(),
        // The page of the policy offers the wizard, which shows a token with its commands.
        first_token: Some(false),
    };
    let known = authority.trust.load();
    let (terms, first_token) = request.judge((&authority.roles, &known.audiences), faults)?;
    let created = authority.policies.create_policy(&call.caller, terms.clone(), first_token).await;
    match created.map_err(Problem::from) {
        Ok((counted, _)) => Ok(counted.policy.id),
        Err(problem) if problem.code == Code::PolicyExists => made_before(call, &terms).ok_or(problem),
        Err(problem) => Err(problem),
    }
}

/// The policy with exactly these terms that the caller has made.
fn made_before(call: &Call, terms: &PolicyTerms) -> Option<PolicyId> {
    let (policies, by) = (call.authority.policies.policies.load(), call.caller.actor.to_string());
    policies.values().find(|policy| policy.terms == *terms && policy.created_by == by).map(|policy| policy.id)
}

/// Shows the form of a policy.
pub(super) async fn show_one(call: Call) -> Result<Reply, Problem> {
    let policy = found(&call).await?.policy;
    let values = values_of(&policy.terms);
    editor(&call, Some(&policy), values, None).await
}

/// Changes the policy in the fields that differ from the shown ones.
pub(super) async fn change(call: Call) -> Result<Reply, Problem> {
    let policy = found(&call).await?.policy;
    let sent = Values::of(Form::parse(&call.body)?.into_pairs());
    match changed(&call, &policy, &sent).await {
        Ok(()) => Ok(Reply::see_other(&format!("/policies/{}", policy.id))),
        Err(problem) => {
            let values = again(&call, policy.id, &sent).await?;
            let policy = found(&call).await?.policy;
            editor(&call, Some(&policy), values, Some(Refusal::of_form(problem, &sent)?)).await
        }
    }
}

async fn changed(call: &Call, policy: &Policy, sent: &Values) -> Result<(), Problem> {
    let authority = &call.authority;
    let (asked, faults) = asked(&values_of(&policy.terms), sent);
    // The differences count only against the revision that the form showed.
    if sent.revision() != policy.revision {
        return Err(Problem::of(Code::Stale, "the policy has changed"));
    }
    let known = authority.trust.load();
    let edit = asked.judge((&authority.roles, &known.audiences), faults)?;
    authority.policies.change_policy(&call.caller, policy.id, edit, Some(sent.revision())).await?;
    Ok(())
}

/// The values of a refused form on top of the present terms: only what was typed differs from these. A revision that is not
/// kept leaves nothing to compare with.
async fn again(call: &Call, id: PolicyId, sent: &Values) -> Result<Values, Problem> {
    let kept = call.authority.policies.policy_revisions(id).await?;
    let values = |policy: &Policy| values_of(&policy.terms);
    let now = kept.first().map_or_else(|| Values::of(Vec::new()), values);
    let shown = kept.iter().find(|policy| policy.revision == sent.revision()).map(values);
    Ok(match shown {
        Some(shown) => sent.carried(&shown, &now),
        None => now,
    })
}

async fn editor(
    call: &Call,
    policy: Option<&Policy>,
    values: Values,
    refused: Option<Refusal>,
) -> Result<Reply, Problem> {
    let (status, faults) = refusal::parts(refused);
    let title =
        policy.map_or_else(|| "New policy".to_owned(), |policy| format!("Change {}", policy.terms.name));
    let approvals = Approval::ALL.map(|mode| Choice {
        value: mode.to_string(),
        name: approval_name(mode).to_owned(),
        selected: values.get("approval").unwrap_or(Approval::Off.as_str()) == mode.as_str(),
    });
    let page = EditorPage {
        frame: Frame::of(call, title, "/policies").await?,
        action: policy
            .map_or_else(|| "/policies/new".to_owned(), |policy| format!("/policies/{}/edit", policy.id)),
        id: policy.map(|policy| policy.id),
        revision: policy.map_or(0, |policy| policy.revision),
        lifetime: show_span(call.authority.policies.lifetime),
        approvals: approvals.into(),
        roles: form::roles(call, &values),
        audiences: audiences(call, &values),
        outputs: outputs(call, &values).await?,
        faults,
        values,
    };
    frame::page(status, &page)
}

const fn approval_name(mode: Approval) -> &'static str {
    match mode {
        Approval::Off => "Off: hosts enroll",
        Approval::Warn => "Warn: hosts enroll, and the ledger records it",
        Approval::Require => "Require: hosts wait for approval",
    }
}

/// The configured audiences, and those that the policy has.
fn audiences(call: &Call, values: &Values) -> Vec<Pick> {
    let known = call.authority.trust.load();
    let ticked = values.boxes("audience");
    let former = ticked.iter().filter(|audience| !known.audiences.contains(audience));
    let offered = known.audiences.iter().chain(former);
    let pick = |audience: &String| Pick {
        field: format!("audience.{audience}"),
        name: audience.clone(),
        hint: if known.audiences.contains(audience) { "" } else { "No longer configured" },
        chosen: ticked.contains(audience),
    };
    offered.map(pick).collect()
}

/// The outputs, if the user may give them.
async fn outputs(call: &Call, values: &Values) -> Result<Vec<Pick>, Problem> {
    if call.caller.may(Act::ManageOutputs).is_err() {
        return Ok(Vec::new());
    }
    let ticked = values.boxes("output");
    let pick = |listed: ListedOutput| Pick {
        field: format!("output.{}", listed.output.id),
        name: listed.output.name.to_string(),
        hint: output::kind_name(listed.output.kind),
        chosen: ticked.contains(&listed.output.id.to_string()),
    };
    Ok(output::all(call).await?.into_iter().map(pick).collect())
}
