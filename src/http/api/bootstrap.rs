//! `POST /api/v1/bootstrap`: redeem a token.

use serde::Deserialize;

use super::shapes::Identity;
use crate::http::call::Call;
use crate::http::decode;
use crate::http::problem::Problem;
use crate::http::reply::Reply;
use crate::name::{Cluster, DnsName, NameError};
use crate::secret::Secret;
use crate::service::{FieldError, RedeemRequest};

#[derive(Default, Deserialize)]
#[serde(default)]
struct Request {
    token: Option<String>,
    csr: String,
    name: Option<String>,
    cluster: Option<String>,
}

pub(super) async fn handle(call: Call) -> Result<Reply, Problem> {
    let (request, mut faults) = decode::native::<Request>(&call.body)?;
    let name = parsed("name", request.name.as_deref(), DnsName::parse, &mut faults);
    let cluster = parsed("cluster", request.cluster.as_deref(), Cluster::parse, &mut faults);
    let in_body = request.token.map(Secret::new);
    let unverified_token = match (&call.bearer, &in_body) {
        (Some(_), Some(_)) => {
            faults.push(FieldError::new(
                "token",
                "the token is in the Authorization header already: give it once",
            ));
            ""
        }
        (Some(token), None) => token.expose(),
        (None, Some(token)) => token.expose(),
        (None, None) => return Err(missing()),
    };
    if !faults.is_empty() {
        return Err(Problem::invalid_fields(faults));
    }
    let request = RedeemRequest { unverified_token, csr: &request.csr, name, cluster };
    let enrolled = call.authority.redeem(&call.caller(), request).await;
    metrics::counter!("gatepass_redemptions_total", "outcome" => outcome(&enrolled)).increment(1);
    Ok(Reply::ok(&Identity::from(enrolled?)))
}

/// The metric label of an outcome: the problem's code, of which there are few.
pub(super) fn outcome<T>(result: &Result<T, crate::service::ServiceError>) -> &'static str {
    result.as_ref().err().map_or("done", |error| Problem::from(error.clone()).code)
}

/// A name that was given and is not empty.
fn parsed<T>(
    field: &str,
    text: Option<&str>,
    parse: impl Fn(&str) -> Result<T, NameError>,
    faults: &mut Vec<FieldError>,
) -> Option<T> {
    let text = text.filter(|text| !text.is_empty())?;
    parse(text).map_err(|error| faults.push(FieldError::new(field, error.to_string()))).ok()
}

fn missing() -> Problem {
    let detail = "give the enrollment token as `Authorization: Bearer`, or as `token` in the body";
    Problem::new(http::StatusCode::UNAUTHORIZED, "invalid_token", detail)
}
