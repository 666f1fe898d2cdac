//! The roles of a host's key at Elasticsearch, if an output names none.

use serde_json::{Map, Value, json};

/// The least that ingests logs and metrics: a host adds documents, and reads and changes none.
pub(super) fn default_roles() -> Map<String, Value> {
    let index = json!({ "names": ["logs-*", "metrics-*"], "privileges": ["auto_configure", "create_doc"] });
    Map::from_iter([("gatepass_host".to_owned(), json!({ "cluster": [], "indices": [index] }))])
}
