//! `/policies`: the list of policies, and of the outputs that they give.

use super::frame::{self, Frame};
use super::grant;
use super::output::OutputNames;
use super::parts::{Icon, Moment, grouped};
use crate::access::{Act, Permission};
use crate::http::call::Call;
use crate::http::problem::{Problem, least_role};
use crate::http::reply::Reply;
use crate::id::{OutputId, PolicyId};
use crate::service::labels::ActorLabels;
use crate::service::policies::CountedPolicy;
use crate::store::{ListedOutput, MOST_POLICIES, PageQuery};

#[derive(askama::Template)]
#[template(path = "policies.html")]
struct PoliciesPage<'a> {
    frame: Frame<'a>,
    rows: Vec<PolicyRow>,
    outputs: Vec<OutputRow>,
    /// The acts that the role and the limits of the user allow.
    creates: bool,
    manages_outputs: bool,
    role_for_changes: String,
}

/// A policy in the list.
struct PolicyRow {
    id: PolicyId,
    name: String,
    description: String,
    roles: String,
    outputs: String,
    tokens: String,
    hosts: String,
    revision: u64,
    changed: Moment,
    by: String,
}

/// An output in the list.
struct OutputRow {
    id: OutputId,
    name: String,
    kind: &'static str,
    hosts: String,
    policies: String,
    changed: Moment,
    by: String,
}

/// Shows the lists.
pub(super) async fn show(call: Call) -> Result<Reply, Problem> {
    let policies = call.authority.policies.list_policies(PageQuery::new(None, MOST_POLICIES)).await?.items;
    let ids = policies.iter().map(|counted| counted.policy.id).collect();
    let tokens = call.authority.policies.count_tokens(ids).await?;
    let outputs = super::output::all(&call).await?;
    let names = OutputNames::of(&outputs);
    let row = |(counted, tokens)| PolicyRow::new(&call, counted, tokens, &names);
    let mut rows = policies.into_iter().zip(tokens).map(row).collect::<Vec<_>>();
    rows.sort_by(|one, other| one.name.cmp(&other.name));
    let frame = Frame::of(&call, "Policies", "/policies").await?;
    let writes = frame.may.write_policies;
    frame::ok(&PoliciesPage {
        rows,
        outputs: outputs.into_iter().map(|output| OutputRow::new(&call, output)).collect(),
        creates: writes && call.caller.may(Act::CreatePolicy).is_ok(),
        manages_outputs: writes && call.caller.may(Act::ManageOutputs).is_ok(),
        role_for_changes: least_role(Permission::WritePolicies).to_string(),
        frame,
    })
}

impl PolicyRow {
    fn new(call: &Call, counted: CountedPolicy, tokens: u64, names: &OutputNames) -> Self {
        let CountedPolicy { policy, hosts } = counted;
        let terms = &policy.terms;
        Self {
            id: policy.id,
            name: terms.name.to_string(),
            description: terms.description.to_string(),
            roles: grant::roles(&terms.roles),
            outputs: names.joined(&terms.outputs),
            tokens: grouped(tokens),
            hosts: grouped(hosts),
            revision: policy.revision,
            changed: Moment::new(policy.updated_at, call.authority.time.now()),
            by: grant::actor(&policy.updated_by, &ActorLabels::default()),
        }
    }
}

impl OutputRow {
    fn new(call: &Call, listed: ListedOutput) -> Self {
        let ListedOutput { output, policies, .. } = listed;
        Self {
            id: output.id,
            name: output.name.to_string(),
            kind: super::output::kind_name(output.kind),
            hosts: output.settings.hosts.join(", "),
            policies: grouped(policies),
            changed: Moment::new(output.updated_at, call.authority.time.now()),
            by: grant::actor(&output.updated_by, &ActorLabels::default()),
        }
    }
}
