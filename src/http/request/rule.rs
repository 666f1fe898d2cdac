//! The bodies that create, change and try auto-approve rules.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::object::{given_objects, objects};
use super::{known_policy, valid};
use crate::admission::{AddressRange, Applicant, Example, RuleCluster, RuleTerms};
use crate::id::PolicyId;
use crate::name::{Cluster, DnsName, DnsPattern, Label, Role};
use crate::service::policies::live::LivePolicies;
use crate::service::rules::RuleEdit;
use crate::service::tokens::order::Catalogue;
use crate::service::{FieldError, RequestError};
use crate::token::present;

/// Maximum number of address ranges, names or examples of a rule.
const MOST_OF_EACH: usize = 64;

/// The body that creates a rule, as it was sent.
#[derive(Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = CreateRuleRequest, example = json!({
    "cluster_id": "eu-1", "label": "proxies of eu-1", "allowed_roles": ["proxy"], "max_nodes": 50, "addresses": ["10.1.0.0/16"],
    "examples": [{ "cluster": "eu-1", "roles": ["proxy"], "address": "10.1.2.3", "admitted": true }],
}))]
pub struct RuleRequest {
    /// The cluster that a token must be bound to; `*`: any, and none.
    #[schema(required, pattern = "^[*A-Za-z0-9._:/-]{1,128}$", example = "eu-1")]
    pub cluster_id: String,
    /// The label for people.
    #[schema(required, min_length = 1, max_length = 128, example = "proxies of eu-1")]
    pub label: String,
    /// The roles that a token may have; empty: all roles.
    #[schema(value_type = Vec<Role>, max_items = 32)]
    pub allowed_roles: Vec<String>,
    /// Maximum number of hosts; `null`: no maximum.
    #[schema(minimum = 1, example = 50)]
    pub max_nodes: Option<u32>,
    /// The address ranges of hosts, in CIDR form; empty: any address.
    #[schema(max_items = 64, example = json!(["10.1.0.0/16"]))]
    pub addresses: Vec<String>,
    /// The DNS names that hosts ask for; empty: any name, and none.
    #[schema(value_type = Vec<DnsPattern>, max_items = 64)]
    pub names: Vec<String>,
    /// Enrollments, and the decision that the rule must give. `max_nodes` does not count.
    #[schema(max_items = 64)]
    #[serde(deserialize_with = "objects")]
    pub examples: Vec<ExampleRequest>,
}

/// The body that changes a rule, as it was sent. An absent field stays as it is.
#[derive(Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = ChangeRuleRequest, example = json!({ "max_nodes": 100 }))]
pub struct RuleChangeRequest {
    /// The cluster that a token must be bound to; `*`: any, and none.
    #[schema(value_type = String, pattern = "^[*A-Za-z0-9._:/-]{1,128}$", example = "eu-1")]
    #[serde(deserialize_with = "present")]
    pub cluster_id: Option<String>,
    /// The label for people.
    #[schema(value_type = String, min_length = 1, max_length = 128, example = "proxies of eu-1")]
    #[serde(deserialize_with = "present")]
    pub label: Option<String>,
    /// The roles that a token may have; empty: all roles.
    #[schema(value_type = Vec<Role>, max_items = 32)]
    #[serde(deserialize_with = "present")]
    pub allowed_roles: Option<Vec<String>>,
    /// Maximum number of hosts; `null`: no maximum.
    #[schema(value_type = Option<u32>, minimum = 1, example = 50)]
    #[serde(deserialize_with = "present")]
    pub max_nodes: Option<Option<u32>>,
    /// The address ranges of hosts, in CIDR form; empty: any address.
    #[schema(value_type = Vec<String>, max_items = 64, example = json!(["10.1.0.0/16"]))]
    #[serde(deserialize_with = "present")]
    pub addresses: Option<Vec<String>>,
    /// The DNS names that hosts ask for; empty: any name, and none.
    #[schema(value_type = Vec<DnsPattern>, max_items = 64)]
    #[serde(deserialize_with = "present")]
    pub names: Option<Vec<String>>,
    /// Enrollments, and the decision that the rule must give. `max_nodes` does not count.
    #[schema(value_type = Vec<ExampleRequest>, max_items = 64)]
    #[serde(deserialize_with = "given_objects")]
    pub examples: Option<Vec<ExampleRequest>>,
}

/// An enrollment, and the decision that a rule must give.
#[derive(Default, Serialize, Deserialize, ToSchema)]
#[schema(as = RuleExampleRequest)]
pub struct ExampleRequest {
    /// The cluster that the token is bound to.
    #[schema(value_type = Option<Cluster>)]
    #[serde(default)]
    cluster: Option<String>,
    /// The roles of the token.
    #[schema(value_type = Vec<Role>, required = false, max_items = 32)]
    #[serde(default)]
    roles: Vec<String>,
    /// The host's address.
    #[schema(example = "10.1.2.3")]
    #[serde(default)]
    address: Option<String>,
    /// The DNS name that the host asks for.
    #[schema(value_type = Option<DnsName>)]
    #[serde(default)]
    name: Option<String>,
    /// True if the rule must admit it.
    #[schema(example = true)]
    admitted: bool,
}

/// The body of a dry run: an enrollment, as it was sent.
#[derive(Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = TestRulesRequest, example = json!({ "cluster": "eu-1", "roles": ["proxy"], "address": "10.1.2.3" }))]
pub struct ApplicantRequest {
    /// The cluster that the token is bound to.
    #[schema(value_type = Option<Cluster>)]
    pub cluster: Option<String>,
    /// The roles of the token.
    #[schema(value_type = Vec<Role>, max_items = 32)]
    pub roles: Vec<String>,
    /// The host's address.
    #[schema(example = "10.1.2.3")]
    pub address: Option<String>,
    /// The DNS name that the host asks for.
    #[schema(value_type = Option<DnsName>)]
    pub name: Option<String>,
    /// The policy of the token.
    #[schema(value_type = Option<PolicyId>)]
    pub policy: Option<String>,
}

impl RuleRequest {
    /// Judges every field.
    ///
    /// # Errors
    /// [`RequestError::Fields`] with every invalid field, `faults` of the decoding included.
    pub fn judge(self, catalogue: &Catalogue, faults: Vec<FieldError>) -> Result<RuleTerms, RequestError> {
        let mut form = Form { catalogue, faults };
        let Self { cluster_id, label, allowed_roles, max_nodes, addresses, names, examples } = self;
        let cluster_id = form.cluster(&cluster_id);
        let label = form.label(&label);
        let allowed_roles = form.roles("allowed_roles", &allowed_roles);
        let max_nodes = form.most(max_nodes);
        let addresses = form.each("addresses", &addresses, AddressRange::parse);
        let names = form.each("names", &names, DnsPattern::parse_lenient);
        let examples = form.examples(examples);
        match (cluster_id, label) {
            (Some(cluster_id), Some(label)) if form.faults.is_empty() => {
                Ok(RuleTerms { cluster_id, label, allowed_roles, max_nodes, addresses, names, examples })
            }
            _ => Err(RequestError::Fields(form.faults)),
        }
    }
}

impl RuleChangeRequest {
    /// Judges every field.
    ///
    /// # Errors
    /// [`RequestError::Fields`] with every invalid field, `faults` of the decoding included.
    pub fn judge(self, catalogue: &Catalogue, faults: Vec<FieldError>) -> Result<RuleEdit, RequestError> {
        let mut form = Form { catalogue, faults };
        let Self { cluster_id, label, allowed_roles, max_nodes, addresses, names, examples } = self;
        let edit = RuleEdit {
            cluster_id: cluster_id.and_then(|text| form.cluster(&text)),
            label: label.and_then(|text| form.label(&text)),
            allowed_roles: allowed_roles.map(|texts| form.roles("allowed_roles", &texts)),
            max_nodes: max_nodes.map(|most| form.most(most)),
            addresses: addresses.map(|texts| form.each("addresses", &texts, AddressRange::parse)),
            names: names.map(|texts| form.each("names", &texts, DnsPattern::parse_lenient)),
            examples: examples.map(|examples| form.examples(examples)),
        };
        RequestError::refuse(form.faults)?;
        Ok(edit)
    }
}

impl ApplicantRequest {
    /// Judges every field.
    ///
    /// # Errors
    /// [`RequestError::Fields`] with every invalid field, `faults` of the decoding included.
    pub fn judge(
        self,
        (catalogue, policies): (&Catalogue, &LivePolicies),
        faults: Vec<FieldError>,
    ) -> Result<(Applicant, Option<PolicyId>), RequestError> {
        let mut form = Form { catalogue, faults };
        let policy = known_policy(self.policy.as_deref(), policies, &mut form.faults);
        let applicant = form.applicant("", self);
        RequestError::refuse(form.faults)?;
        Ok((applicant, policy.map(|policy| policy.id)))
    }
}

/// A body that is being judged.
struct Form<'c> {
    catalogue: &'c Catalogue,
    faults: Vec<FieldError>,
}

impl Form<'_> {
    fn cluster(&mut self, text: &str) -> Option<RuleCluster> {
        if text.is_empty() {
            let message = "give the id of a cluster, or * for every token";
            self.faults.push(FieldError::new("cluster_id", message));
            return None;
        }
        valid("cluster_id", RuleCluster::parse(text), &mut self.faults)
    }

    fn label(&mut self, text: &str) -> Option<Label> {
        if text.trim().is_empty() {
            self.faults.push(FieldError::new("label", "name the rule in 1 to 128 characters"));
            return None;
        }
        valid("label", Label::parse(text), &mut self.faults)
    }

    fn roles(&mut self, field: &str, texts: &[String]) -> Vec<Role> {
        self.catalogue.pick_as(field, texts, &mut self.faults)
    }

    fn most(&mut self, most: Option<u32>) -> Option<u32> {
        if most == Some(0) {
            let message = "at least 1, or null for no maximum; delete the rule to admit no more hosts";
            self.faults.push(FieldError::new("max_nodes", message));
        }
        most
    }

    /// The values of a list, each once.
    fn each<T: PartialEq, E: std::fmt::Display>(
        &mut self,
        field: &str,
        texts: &[String],
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Vec<T> {
        self.count(field, texts.len());
        let mut values = Vec::new();
        for (place, text) in texts.iter().enumerate().take(MOST_OF_EACH) {
            let value = valid(&format!("{field}[{place}]"), parse(text), &mut self.faults);
            values.extend(value.filter(|value| !values.contains(value)));
        }
        values
    }

    fn examples(&mut self, examples: Vec<ExampleRequest>) -> Vec<Example> {
        self.count("examples", examples.len());
        let mut judged = Vec::new();
        for (place, example) in examples.into_iter().enumerate().take(MOST_OF_EACH) {
            let ExampleRequest { cluster, roles, address, name, admitted } = example;
            let request = ApplicantRequest { cluster, roles, address, name, policy: None };
            let applicant = self.applicant(&format!("examples[{place}]."), request);
            judged.push(Example { applicant, admitted });
        }
        judged
    }

    fn applicant(&mut self, within: &str, request: ApplicantRequest) -> Applicant {
        let ApplicantRequest { cluster, roles, address, name, policy: _ } = request;
        let field = |name: &str| format!("{within}{name}");
        let roles = self.roles(&field("roles"), &roles);
        let faults = &mut self.faults;
        let cluster = cluster.and_then(|text| valid(&field("cluster"), Cluster::parse(&text), faults));
        let parsed = |text: String| text.parse::<IpAddr>().map_err(|_| format!("{text:?} is no IP address"));
        let address = address.and_then(|text| valid(&field("address"), parsed(text), faults));
        let name = name.and_then(|text| valid(&field("name"), DnsName::parse_lenient(&text), faults));
        Applicant { cluster, roles, address, name }
    }

    fn count(&mut self, field: &str, count: usize) {
        if count > MOST_OF_EACH {
            let message = format!("{count} entries; at most {MOST_OF_EACH} fit a rule");
            self.faults.push(FieldError::new(field, message));
        }
    }
}

#[cfg(test)]
mod tests;
