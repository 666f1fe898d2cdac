//! The filter of enrollments.

use serde::{Deserialize, Serialize};

use super::{id, joined, role, short_id, valid, words};
use crate::clock::Timestamp;
use crate::id::TokenId;
use crate::name::Cluster;
use crate::service::RequestError;
use crate::store::{EnrollmentFilter, EnrollmentState};

/// A filter of enrollments, not yet validated, from a query.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default, deny_unknown_fields)]
pub struct EnrollmentWords {
    /// The last eight digits of the id. Several enrollments can share them.
    #[param(example = "4e6f7081")]
    pub short_id: Option<String>,
    /// States, one of which the enrollments have. Without it, those that wait.
    #[param(value_type = Option<Vec<EnrollmentState>>, style = Form, explode = false, example = json!(["waiting"]))]
    #[serde(deserialize_with = "joined")]
    pub state: Option<String>,
    /// The token that the hosts redeem.
    #[param(example = "0198c0de-7a30-7c3e-8b1f-2a5d4e6f7081")]
    pub token: Option<String>,
    /// The cluster that the hosts named.
    #[param(example = "eu-1")]
    pub cluster: Option<String>,
    /// A role of the token.
    #[param(example = "proxy")]
    pub role: Option<String>,
}

impl EnrollmentWords {
    /// Returns the filter at `now`.
    ///
    /// # Errors
    /// [`RequestError::Fields`] with every invalid field.
    pub fn judge(&self, now: Timestamp) -> Result<EnrollmentFilter, RequestError> {
        let mut faults = Vec::new();
        let short_id = short_id(self.short_id.as_deref(), &mut faults);
        let states = words("state", self.state.as_deref(), &mut faults);
        // An id is looked up in any state.
        let states = states.or_else(|| short_id.is_none().then(|| vec![EnrollmentState::Waiting]));
        let token = id("token", self.token.as_deref(), TokenId::parse, "not the id of a token", &mut faults);
        let cluster = self.cluster.as_deref();
        let cluster = cluster.and_then(|id| valid("cluster", Cluster::parse(id), &mut faults));
        let role = role(self.role.as_deref(), &mut faults);
        RequestError::refuse(faults)?;
        Ok(EnrollmentFilter { short_id, states, token, cluster, role, now })
    }
}
