//! The refusal of a form, which its page shows above the fields.

use http::StatusCode;

use super::dialect::sentence;
use super::form::Values;
use crate::http::problem::{Code, Problem};
use crate::service::FieldError;

/// The sentence about a form whose subject has changed since.
const STALE: &str = "Somebody changed this after you opened the page. Nothing was done. Check the current values, and send the form again.";

/// The sentence about a value that the page does not repeat.
const NOT_REPEATED: &str =
    "A field looks like a credential, so its value is not shown again: enter it again.";

/// The refusal of a form.
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    /// One sentence for each invalid field, or one for the whole form.
    pub(super) faults: Vec<String>,
}

impl Refusal {
    /// The refusal that a form shows. Other problems have a page of their own.
    ///
    /// # Errors
    /// The problem, if sending the form again does not help.
    pub(super) fn of(problem: Problem) -> Result<Self, Problem> {
        let status = problem.status();
        let fits = matches!(
            status,
            StatusCode::BAD_REQUEST
                | StatusCode::FORBIDDEN
                | StatusCode::CONFLICT
                | StatusCode::PRECONDITION_FAILED
        );
        if fits { Ok(Self { status, faults: faults(&problem) }) } else { Err(problem) }
    }

    /// The same for a form with these values. It says so if the page may not repeat one of them.
    ///
    /// # Errors
    /// As [`Self::of`].
    pub(super) fn of_form(problem: Problem, sent: &Values) -> Result<Self, Problem> {
        let mut refusal = Self::of(problem)?;
        if sent.hold_secret() {
            refusal.faults.push(NOT_REPEATED.to_owned());
        }
        Ok(refusal)
    }
}

/// The errors of a problem, one sentence each.
pub(super) fn faults(problem: &Problem) -> Vec<String> {
    let of_field =
        |FieldError { field, message }: &FieldError| sentence(&format!("{}: {message}", field_name(field)));
    match problem.code {
        Code::Stale => vec![STALE.to_owned()],
        _ if problem.fields.is_empty() => vec![sentence(&problem.detail)],
        _ => problem.fields.iter().map(of_field).collect(),
    }
}

/// The name on the page of a field that the judgement of a request names.
fn field_name(field: &str) -> &str {
    let field = field.strip_prefix("limits.").unwrap_or(field);
    match field.split(['[', '.']).next().unwrap_or(field) {
        "ttl" => "Valid for",
        "bind" | "cluster_id" | "cluster" => "Cluster",
        "max_uses" => "Maximum number of uses",
        "max_nodes" => "Maximum number of hosts",
        "expected_hosts" => "Expected hosts",
        "dns_names" => "DNS name",
        "names" => "DNS names",
        "addresses" => "Addresses",
        "address" => "Address",
        "roles" | "allowed_roles" => "Roles",
        "label" => "Name or label",
        "host" => "Host id",
        "policy" => "Policy",
        "policies" => "Policies",
        "clusters" => "Clusters",
        "max_ttl" => "Maximum life",
        "role" => "Role",
        "default_ttl" => "Default life of a token",
        "max_ephemeral_ttl" => "Maximum ephemeral life",
        "cluster_ttl" => "Default life of a cluster token",
        "retention" => "Retention of ended tokens",
        "node_limit" => "Maximum number of hosts",
        "approval" => "Approval",
        "scopes" => "Scopes",
        "password" => "Password",
        "current_password" => "Your current password",
        "name" => "Name",
        "certificate_lifetime" => "Certificates valid for",
        "renew_at" => "Renew after",
        "audiences" => "Services",
        "outputs" => "Outputs",
        "hosts" => "Addresses",
        "ca" => "Trusted CAs",
        "auth" => "Authentication",
        "sasl_mechanism" => "SASL mechanism",
        "username" => "User name",
        "role_descriptors" => "Role descriptors",
        "service_token" => "Service token",
        "key" => "Private key",
        "api_key" => "API key",
        // The members of settings and the names of labels are part of the fault.
        _ => field,
    }
}

/// The status and the sentences of a form that may have been refused.
pub(super) fn parts(refusal: Option<Refusal>) -> (StatusCode, Vec<String>) {
    refusal.map_or((StatusCode::OK, Vec::new()), |Refusal { status, faults }| (status, faults))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_shows_the_refusals_of_its_fields() {
        let shown = Refusal::of(Problem::invalid_field("roles", "unknown role \"x\"")).ok().unwrap();
        assert_eq!(
            (shown.status.as_u16(), shown.faults),
            (400, vec!["Roles: unknown role \"x\".".to_owned()])
        );
        let stale = Refusal::of(Problem::of(Code::Stale, "read it again")).ok().unwrap();
        assert_eq!(stale.faults, [STALE]);
        let token = "eyJhbGciOiJub25lIn0.eyJqdGkiOiJ4In0.c2lnbmF0dXJl";
        let pasted =
            Refusal::of(Problem::invalid_field("label", format!("{token:?} is no label"))).ok().unwrap();
        assert!(!pasted.faults.concat().contains("eyJ"), "{:?}", pasted.faults);
        let missing = Refusal::of(Problem::of(Code::NotFound, "host not found")).err().unwrap();
        assert_eq!(missing.code, Code::NotFound);
    }
}
