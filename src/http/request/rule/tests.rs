use serde_json::{Value, json};

use super::*;

fn catalogue() -> Catalogue {
    Catalogue::new(["proxy", "director"].map(|name| (Role::parse(name).unwrap(), String::new())))
}

fn created(body: &Value) -> Result<RuleTerms, Vec<String>> {
    let request: RuleRequest = serde_json::from_value(body.clone()).unwrap();
    request.judge(&catalogue(), Vec::new()).map_err(fields)
}

fn fields(error: RequestError) -> Vec<String> {
    let RequestError::Fields(faults) = error else { panic!("{error}") };
    faults.into_iter().map(|fault| fault.field).collect()
}

#[test]
fn every_invalid_field_is_named() {
    let wrong = json!({
        "cluster_id": "eu 1", "label": " ", "allowed_roles": ["proxy", "root"], "max_nodes": 0,
        "addresses": ["10.0.0.1/8"], "names": ["*"],
        "examples": [{ "cluster": "", "roles": ["root"], "address": "x", "name": "1.2.3.4", "admitted": true }],
    });
    let expected = [
        "cluster_id",
        "label",
        "allowed_roles[1]",
        "max_nodes",
        "addresses[0]",
        "names[0]",
        "examples[0].roles[0]",
        "examples[0].cluster",
        "examples[0].address",
        "examples[0].name",
    ];
    assert_eq!(created(&wrong), Err(expected.map(str::to_owned).to_vec()));
    assert_eq!(created(&json!({})), Err(vec!["cluster_id".to_owned(), "label".to_owned()]));
    let change: RuleChangeRequest = serde_json::from_value(wrong).unwrap();
    assert_eq!(fields(change.judge(&catalogue(), Vec::new()).unwrap_err()), expected);
}

#[test]
fn a_list_is_bounded_and_has_each_value_once() {
    let rule = |addresses: Vec<String>| {
        created(&json!({ "cluster_id": "*", "label": "rack", "addresses": addresses }))
    };
    let range = |number: usize| format!("10.{number}.0.0/16");
    assert_eq!(rule((0..MOST_OF_EACH).map(range).collect()).unwrap().addresses.len(), MOST_OF_EACH);
    assert_eq!(rule((0..=MOST_OF_EACH).map(range).collect()), Err(vec!["addresses".to_owned()]));
    assert_eq!(rule(vec![range(1), range(1)]).unwrap().addresses.len(), 1);
}

#[test]
fn an_absent_field_of_a_change_stays() {
    let change = |body: Value| {
        let request: RuleChangeRequest = serde_json::from_value(body).unwrap();
        request.judge(&catalogue(), Vec::new()).unwrap()
    };
    assert_eq!(change(json!({})), RuleEdit::default());
    let edit = change(json!({ "max_nodes": null, "allowed_roles": [] }));
    let expected = RuleEdit { max_nodes: Some(None), allowed_roles: Some(Vec::new()), ..RuleEdit::default() };
    assert_eq!(edit, expected);
}
