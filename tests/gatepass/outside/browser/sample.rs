//! A server with something to show: hosts and tokens, some under hostile names.

use serde_json::{Value, json};

use super::super::served::{PASSWORD, Served};

/// A name that is script where a page does not escape it.
pub(super) const HOSTILE: &str = "<img src=x onerror=alert(1)>";

/// A server with hosts, one of them waiting, a rule, a policy with an output, tokens, another user and an API key.
pub(super) fn populated() -> Served {
    let served = Served::start();
    let hosts = [("web-1", &["proxy"][..]), (HOSTILE, &["allocator", "coordinator"][..])];
    for (hostname, roles) in hosts {
        enroll(&served, hostname, roles);
    }
    served.mint(&json!({ "roles": ["proxy"], "label": HOSTILE }));
    served.mint(&json!({ "roles": [], "label": "lab", "persistent": true }));
    let rule = json!({ "cluster_id": "*", "label": HOSTILE, "addresses": ["10.1.0.0/16"], "max_nodes": 50 });
    assert_eq!(served.admin("POST", "/api/v1/auto-approve-rules", &rule).status, 201);
    let user = json!({ "username": "olaf", "role": "operator", "password": PASSWORD, "limits": { "roles": ["proxy"] } });
    assert_eq!(served.admin("POST", "/api/v1/users", &user).status, 201);
    let key = json!({ "label": HOSTILE, "scopes": ["tokens:write"], "ttl": "90d", "limits": { "roles": ["proxy"] } });
    assert_eq!(served.admin("POST", "/api/v1/api-keys", &key).status, 201);
    policy(&served);
    wait(&served);
    refuse(&served);
    served
}

/// Creates a policy with an output and a host; its id.
pub(super) fn policy(served: &Served) -> String {
    let output = json!({ "name": HOSTILE, "type": "elasticsearch", "hosts": ["https://es.example.org:9200"], "service_token": "AAEAAWVsYXN0aWMvZmxlZXQ" });
    let output = served.admin("POST", "/api/v1/outputs", &output);
    assert_eq!(output.status, 201, "{}", output.body);
    let policy = json!({ "name": HOSTILE, "description": HOSTILE, "roles": ["proxy"], "outputs": [output.json["id"]], "labels": { "site": HOSTILE }, "settings": { "log_level": "info" } });
    let policy = served.admin("POST", "/api/v1/policies", &policy);
    assert_eq!(policy.status, 201, "{}", policy.body);
    let id = policy.json["id"].as_str().unwrap().to_owned();
    let change = json!({ "certificate_lifetime": "14d", "settings": { "log_level": HOSTILE } });
    assert_eq!(served.admin("PATCH", &format!("/api/v1/policies/{id}"), &change).status, 200);
    let csr = served.request("of-policy", &["EC", "-pkeyopt", "ec_paramgen_curve:P-256"]);
    let token = policy.json["first_token"]["token"].as_str().unwrap();
    assert_eq!(served.redeem(token, &csr).status, 200);
    id
}

/// Refuses a host that is not of the token's cluster.
fn refuse(served: &Served) {
    let token = served.mint(&json!({ "roles": ["proxy"], "label": "eu", "bind": { "cluster": "eu-1" } }));
    let csr = served.request("stray", &["EC", "-pkeyopt", "ec_paramgen_curve:P-256"]);
    let refused = served.redeem(&token, &csr);
    assert_eq!(refused.status, 403, "{}", refused.body);
}

/// Lets a host wait for approval; the id of its enrollment.
pub(super) fn wait(served: &Served) -> String {
    let token = served.mint(&json!({ "roles": ["proxy"], "label": HOSTILE, "approval": "require" }));
    let csr = served.request("waiting", &["EC", "-pkeyopt", "ec_paramgen_curve:P-256"]);
    let waits = served.redeem(&token, &csr);
    assert_eq!(waits.status, 202, "{}", waits.body);
    waits.json["enrollment_id"].as_str().unwrap().to_owned()
}

/// Enrolls a host, which then reports this hostname; its id.
pub(super) fn enroll(served: &Served, hostname: &str, roles: &[&str]) -> String {
    let enrolled = served.enroll_as("host", roles);
    let (certificate, key) = (served.arg("host-full.pem"), served.arg("host.key"));
    let json = "Content-Type: application/json";
    let arguments = ["--cert", &certificate, "--key", &key, "--header", json, "--data-binary", "@-"];
    let report = json!({ "hostname": hostname, "os": HOSTILE, "arch": "x86_64", "label": hostname });
    let reported = served.curl("/api/v1/whoami", &arguments, &report.to_string());
    assert_eq!(reported.status, 200, "{}", reported.body);
    enrolled["host_id"].as_str().unwrap().to_owned()
}

/// The ids of a list of the API.
pub(super) fn ids(served: &Served, list: &str) -> Vec<String> {
    let listed = served.admin("GET", list, &Value::Null);
    let items = listed.json["items"].as_array().unwrap_or_else(|| panic!("{}", listed.body));
    items.iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
}
