//! Waiting hosts, and decisions about them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::paging::{Listed, PageParams, Paging};
use crate::http::call::Call;
use crate::http::decode;
use crate::http::problem::{Problem, code};
use crate::http::reply::Reply;
use crate::http::request::{EnrollmentWords, MOST_DECISIONS, denial_reason};
use crate::id::EnrollmentId;
use crate::name::Role;
use crate::service::{Decided, FieldError, Verdict};
use crate::store::EnrollmentRecord;

/// List enrollments
///
/// A page of the hosts that wait for a decision, newest first, or of decided ones (`state`).
#[utoipa::path(
    get,
    path = "/api/v1/enrollments",
    params(PageParams, EnrollmentWords),
    responses((status = 200, description = "A page of enrollments.", body = Listed<EnrollmentRecord>)),
)]
pub(super) async fn list_enrollments(call: Call) -> Result<Reply, Problem> {
    let (paging, words) = Paging::read::<EnrollmentWords>(&call, "enrollments")?;
    let filter = words.judge(call.authority.time.now())?;
    let page = call.authority.enrollment.list_enrollments(filter, paging.query()?).await?;
    Ok(paging.rendered(page, |enrollment| enrollment))
}

/// Show an enrollment
#[utoipa::path(
    get,
    path = "/api/v1/enrollments/{id}",
    params(("id" = EnrollmentId, Path, description = "Id of the enrollment.")),
    responses((status = 200, description = "The enrollment.", body = EnrollmentRecord)),
)]
pub(super) async fn show_enrollment(call: Call) -> Result<Reply, Problem> {
    let id = call.id("id", "enrollment", EnrollmentId::parse)?;
    Ok(Reply::ok(&call.authority.enrollment.show_enrollment(id).await?))
}

/// An enrollment after a decision.
#[derive(Serialize, ToSchema)]
struct DecidedEnrollment {
    #[serde(flatten)]
    enrollment: EnrollmentRecord,
    /// False if it was decided so before.
    changed: bool,
}

impl From<Decided> for DecidedEnrollment {
    fn from(decided: Decided) -> Self {
        let Decided { record: enrollment, changed } = decided;
        Self { enrollment, changed }
    }
}

#[derive(Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = ApproveEnrollmentRequest, example = json!({ "roles": ["proxy"] }))]
struct Approval {
    /// The roles of the host; absent: those of the token.
    #[schema(value_type = Option<Vec<Role>>, max_items = 32)]
    roles: Option<Vec<String>>,
}

/// Approve a waiting host
///
/// The host is enrolled, and gets its certificate when it asks next. Approve only if its code is the one that the host shows. Roles,
/// name and cluster must be within the caller's limits. A taken name and the node limit leave it waiting.
#[utoipa::path(
    post,
    path = "/api/v1/enrollments/{id}/approve",
    params(("id" = EnrollmentId, Path, description = "Id of the enrollment.")),
    request_body = Approval,
    responses(
        (status = 200, description = "The enrollment.", body = DecidedEnrollment),
        code::BeyondLimits,
        code::EnrollmentDenied,
        code::FourEyes,
        code::NodeLimitExceeded,
        code::AlreadyDecided,
        code::NameTaken,
        code::RolesNotInPolicy,
        code::EnrollmentExpired,
        code::TokenRevoked,
        code::Contended,
    ),
)]
pub(super) async fn approve_enrollment(call: Call) -> Result<Reply, Problem> {
    let id = call.id("id", "enrollment", EnrollmentId::parse)?;
    let Approval { roles } = decode::strict(&call.body)?;
    let mut faults = Vec::new();
    let roles = roles.map(|roles| call.authority.roles.pick(&roles, &mut faults));
    if !faults.is_empty() {
        return Err(Problem::invalid_fields(faults));
    }
    decided(&call, id, &Verdict::Approve { roles }).await
}

#[derive(Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = DenyEnrollmentRequest, example = json!({ "reason": "not one of ours" }))]
struct Denial {
    /// The reason, for the host.
    #[schema(max_length = 256)]
    reason: String,
    /// True: the token does not get its use back.
    keep_use: bool,
}

/// Deny a waiting host
///
/// The host's key is refused for new enrollments under every token, for `hosts.retention`.
#[utoipa::path(
    post,
    path = "/api/v1/enrollments/{id}/deny",
    params(("id" = EnrollmentId, Path, description = "Id of the enrollment.")),
    request_body = Denial,
    responses(
        (status = 200, description = "The enrollment.", body = DecidedEnrollment),
        code::BeyondLimits,
        code::AlreadyDecided,
        code::EnrollmentExpired,
        code::TokenRevoked,
    ),
)]
pub(super) async fn deny_enrollment(call: Call) -> Result<Reply, Problem> {
    let id = call.id("id", "enrollment", EnrollmentId::parse)?;
    let Denial { reason, keep_use } = decode::strict(&call.body)?;
    decided(&call, id, &Verdict::Deny { reason: denial_reason(reason)?, keep_use }).await
}

async fn decided(call: &Call, id: EnrollmentId, verdict: &Verdict) -> Result<Reply, Problem> {
    let decided = call.authority.enrollment.decide(&call.caller, id, verdict).await?;
    Ok(Reply::ok(&DecidedEnrollment::from(decided)))
}

/// A decision about many hosts.
#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Choice {
    Approve,
    Deny,
}

#[derive(Deserialize, ToSchema)]
#[schema(as = DecideEnrollmentsRequest)]
struct Decisions {
    /// The enrollments, at most 1000.
    #[schema(max_items = 1000)]
    ids: Vec<EnrollmentId>,
    decision: Choice,
    /// The reason of denials, for the hosts.
    #[serde(default)]
    #[schema(max_length = 256)]
    reason: String,
    /// True: the tokens do not get the uses of denied hosts back.
    #[serde(default)]
    keep_use: bool,
}

#[derive(Serialize, ToSchema)]
struct DecidedEnrollments {
    /// Number of enrollments that this request decided.
    #[schema(example = 2)]
    changed: usize,
    /// The enrollments of the request, in its order.
    enrollments: Vec<OneOfMany>,
}

/// The outcome for one enrollment.
#[derive(Serialize, ToSchema)]
struct OneOfMany {
    id: EnrollmentId,
    /// True if this request decided it.
    changed: bool,
    /// The code and the detail of the problem, if it could not be decided.
    #[schema(required, example = "name_taken")]
    code: Option<&'static str>,
    #[schema(required)]
    detail: Option<String>,
}

/// Decide about many waiting hosts
///
/// Each is decided for itself, with the roles of its token. `code` says why one could not be.
#[utoipa::path(
    post,
    path = "/api/v1/enrollments/decide",
    request_body = Decisions,
    responses((status = 200, description = "The outcome for each enrollment.", body = DecidedEnrollments)),
)]
pub(super) async fn decide_enrollments(call: Call) -> Result<Reply, Problem> {
    let Decisions { ids, decision, reason, keep_use } = decode::strict(&call.body)?;
    if ids.len() > MOST_DECISIONS {
        return Err(Problem::invalid_field("ids", "more than 1000: send them in several calls"));
    }
    let verdict = match decision {
        Choice::Approve if !reason.is_empty() || keep_use => {
            let fault = FieldError::new("decision", "`reason` and `keep_use` are for denials");
            return Err(Problem::invalid_fields(vec![fault]));
        }
        Choice::Approve => Verdict::Approve { roles: None },
        Choice::Deny => Verdict::Deny { reason: denial_reason(reason)?, keep_use },
    };
    let decided = call.authority.enrollment.decide_many(&call.caller, &ids, &verdict).await;
    let each = |(id, outcome): (EnrollmentId, Result<bool, _>)| match outcome {
        Ok(changed) => OneOfMany { id, changed, code: None, detail: None },
        Err(error) => {
            let Problem { code, detail, .. } = Problem::from(error);
            OneOfMany { id, changed: false, code: Some(code.as_str()), detail: Some(detail) }
        }
    };
    let enrollments = ids.into_iter().zip(decided).map(each).collect::<Vec<_>>();
    let changed = enrollments.iter().filter(|one| one.changed).count();
    Ok(Reply::ok(&DecidedEnrollments { changed, enrollments }))
}
