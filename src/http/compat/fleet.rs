//! Elastic Fleet's enrollment tokens and agent policies, the API of Kibana. Success codes, field names and error bodies are exact.

pub(in crate::http) mod dialect;
mod expiry;
pub(super) mod failed;
mod keys;
mod kuery;
mod paging;
mod policies;
mod selection;
mod shapes;
mod status;

use std::sync::LazyLock;

use self::dialect::FLEET;
use crate::access::Permission as P;
use crate::http::call::Call;
use crate::http::described::rows;
use crate::http::problem::Problem;
use crate::http::route::Route;

/// The noun of enrollment tokens in paths, and its older spelling.
const SPELLINGS: [&str; 2] = ["enrollment_api_keys", "enrollment-api-keys"];

/// The prefix of a space. Any space is accepted.
const SPACE: &str = "/s/{space}";

/// The rows: each also in a space, and by its older spelling.
pub fn routes() -> Vec<Route> {
    static ROWS: LazyLock<Vec<Route>> = LazyLock::new(|| {
        let rows = documented();
        let others = rows.iter().flat_map(others).collect::<Vec<_>>();
        rows.into_iter().chain(others).collect()
    });
    ROWS.clone()
}

fn documented() -> Vec<Route> {
    rows! {
        &FLEET;
        FLEET_TOKENS {
            P::ReadTokens => keys::get_enrollment_api_keys;
            P::WriteTokens => keys::create_enrollment_api_key;
            P::WriteTokens => keys::get_enrollment_api_key;
            P::WriteTokens => keys::delete_enrollment_api_key;
            P::WriteTokens => keys::bulk_delete_enrollment_api_keys;
        }
        AGENT_POLICIES {
            P::ReadPolicies => policies::get_agent_policies;
            P::WritePolicies => policies::create_agent_policy;
            P::ReadPolicies => policies::get_agent_policy;
            P::WritePolicies => policies::update_agent_policy;
            P::WritePolicies => policies::delete_agent_policy;
        }
        KIBANA_STATUS {
            P::Anyone => status::get_status;
        }
    }
}

/// The same route at its other paths. They live as long as the process, which makes them once.
fn others(row: &Route) -> Vec<Route> {
    let [newer, older] = SPELLINGS;
    let mut paths = vec![row.path.to_owned(), row.path.replace(newer, older)];
    paths.dedup();
    let in_spaces = paths.iter().map(|path| format!("{SPACE}{path}")).collect::<Vec<_>>();
    let others = paths.into_iter().skip(1).chain(in_spaces);
    others.map(|path| row.at(path.leak())).collect()
}

/// Rejects a change without a header that no page of another site can send.
fn expect_xsrf(call: &Call) -> Result<(), Problem> {
    let headers = call.head.headers();
    match ["kbn-xsrf", "kbn-version"].iter().any(|name| headers.contains_key(*name)) {
        true => Ok(()),
        false => Err(Problem::bad_request("Request must contain a kbn-xsrf header.")),
    }
}
