use rcgen::{CertificateParams, KeyPair};
use serde_json::json;

use super::SecretField::{ApiKey, Key, Password, ServiceToken};
use super::*;
use crate::clock::Timestamp;
use crate::id::OutputId;
use crate::store::Output;

const NOW: Timestamp = Timestamp::from_secs(1_900_000_000);

fn secret(text: &str) -> Option<Secret<String>> {
    Some(Secret::new(text.to_owned()))
}

fn edit(kind: &str, host: &str, secrets: &[(SecretField, &str)]) -> OutputEdit {
    OutputEdit {
        name: Some("logs".to_owned()),
        kind: Some(kind.to_owned()),
        hosts: Some(vec![host.to_owned()]),
        secrets: secrets.iter().map(|(field, text)| (*field, secret(text))).collect(),
        ..OutputEdit::default()
    }
}

fn elasticsearch(secrets: &[(SecretField, &str)]) -> OutputEdit {
    edit("elasticsearch", "https://es.example.org:9200", secrets)
}

fn kafka(secrets: &[(SecretField, &str)]) -> OutputEdit {
    let auth = Some(Some("user_pass".to_owned()));
    let username = Some(Some("agent".to_owned()));
    OutputEdit { auth, username, ..edit("kafka", "kafka.example.org:9092", secrets) }
}

fn judge<'e>(edit: &'e OutputEdit, before: Option<&ListedOutput>) -> Result<NewOutput<'e>, Vec<String>> {
    edit.judge(before, &AllowedDestinations::default()).map_err(|error| match error {
        RequestError::Fields(faults) => faults.into_iter().map(|fault| fault.field).collect(),
        other => panic!("{other:?}"),
    })
}

fn faults(edit: &OutputEdit, before: Option<&ListedOutput>) -> Vec<String> {
    judge(edit, before).map(drop).unwrap_err()
}

/// The output that an edit makes.
fn made(edit: &OutputEdit) -> ListedOutput {
    let NewOutput { name, kind, settings, secrets, .. } =
        judge(edit, None).map_err(|faults| panic!("{faults:?}")).unwrap();
    let by = "user:admin".to_owned();
    let output = Output {
        id: OutputId::generate(NOW),
        name,
        kind,
        revision: 1,
        settings,
        created_at: NOW,
        created_by: by.clone(),
        updated_at: NOW,
        updated_by: by,
    };
    ListedOutput { output, secrets: secrets.into_keys().collect(), policies: 0 }
}

#[test]
fn an_output_without_its_secret_is_refused() {
    assert_eq!(faults(&elasticsearch(&[]), None), ["service_token"]);
    let user = OutputEdit { username: Some(Some("agent".to_owned())), ..elasticsearch(&[]) };
    assert_eq!(faults(&user, None), ["password"]);
    assert_eq!(faults(&kafka(&[]), None), ["password"]);
    assert_eq!(faults(&edit("kafka", "kafka.example.org:9092", &[]), None), ["auth"]);
    assert_eq!(faults(&edit("logstash", "ls.example.org:5044", &[]), None), ["certificate", "key"]);
    let none = OutputEdit { secrets: BTreeMap::from([(Password, None)]), ..kafka(&[]) };
    assert_eq!(faults(&none, None), ["password"]);
}

#[test]
fn a_cluster_has_one_credential_and_no_api_key() {
    made(&elasticsearch(&[(ServiceToken, "token")]));
    let both = OutputEdit {
        username: Some(Some("agent".to_owned())),
        ..elasticsearch(&[(ServiceToken, "token"), (Password, "x")])
    };
    assert_eq!(faults(&both, None), ["service_token"]);
    assert_eq!(faults(&elasticsearch(&[(Password, "x")]), None), ["password", "service_token"]);
    let pair = "VuaCfGcBCdbkQm-e5aOx:ui2lp2axTNmsyakw9tvNnw";
    for refused in [&[(ApiKey, pair), (ServiceToken, "token")][..], &[(ServiceToken, pair)]] {
        let said = elasticsearch(refused).judge(None, &AllowedDestinations::default()).map(drop).unwrap_err();
        let RequestError::Fields(said) = said else { panic!("{said:?}") };
        assert!(said.len() == 1 && said[0].message.starts_with("an API key is refused"), "{said:?}");
    }
    let colon = OutputEdit { username: Some(Some("a:b".to_owned())), ..elasticsearch(&[(Password, "x")]) };
    assert_eq!(faults(&colon, None), ["username"]);
}

#[test]
fn every_invalid_field_is_reported() {
    let wrong = OutputEdit {
        faults: vec![FieldError::new("colour", "no such field")],
        name: Some(" ".to_owned()),
        hosts: Some(vec!["https://es.example.org".to_owned(), "http://es.example.org".to_owned()]),
        ca: Some(Some("hunter2".to_owned())),
        certificate: Some(Some("hunter2".to_owned())),
        role_descriptors: Some(Some(serde_json::Map::new())),
        ..elasticsearch(&[(Key, "hunter2"), (ServiceToken, "to ken")])
    };
    let expected = [
        "colour",
        "name",
        "hosts[1]",
        "ca",
        "certificate",
        "certificate",
        "role_descriptors",
        "service_token",
        "key",
    ];
    assert_eq!(faults(&wrong, None), expected);
    let said = wrong.judge(None, &AllowedDestinations::default()).map(drop).unwrap_err();
    assert!(!format!("{said:?}").contains("hunter2"), "{said:?}");
    for unknown in ["opensearch", ""] {
        let wrong = OutputEdit { kind: Some(unknown.to_owned()), ..elasticsearch(&[]) };
        assert_eq!(faults(&wrong, None), ["type"]);
    }
    assert_eq!(faults(&OutputEdit { kind: None, ..elasticsearch(&[]) }, None), ["type"]);
    assert_eq!(faults(&OutputEdit { hosts: None, ..elasticsearch(&[(ServiceToken, "x")]) }, None), ["hosts"]);
    let twice = vec!["https://a".to_owned(), "https://A:443".to_owned()];
    assert_eq!(
        faults(&OutputEdit { hosts: Some(twice), ..elasticsearch(&[(ServiceToken, "x")]) }, None),
        ["hosts"]
    );
}

/// An empty object of descriptors gives a key every privilege of its maker (Elasticsearch's create API key API).
#[test]
fn descriptors_are_never_empty() {
    let roles = |value: serde_json::Value| OutputEdit {
        role_descriptors: Some(value.as_object().cloned()),
        ..elasticsearch(&[(ServiceToken, "x")])
    };
    for wrong in [json!({}), json!({ "a": [] }), json!({ "a": "x".repeat(20_000) })] {
        assert_eq!(faults(&roles(wrong), None), ["role_descriptors"]);
    }
    let default = made(&roles(serde_json::Value::Null)).output.settings.role_descriptors.unwrap();
    assert_eq!(default["gatepass_host"]["indices"][0]["privileges"], json!(["auto_configure", "create_doc"]));
    assert_eq!(default["gatepass_host"]["indices"][0]["names"], json!(["logs-*", "metrics-*"]));
}

/// No stored secret is sent to a new address.
#[test]
fn another_address_needs_every_secret_again() {
    let before = made(&kafka(&[(Password, "first")]));
    let change = OutputEdit::default;
    for edit in [
        OutputEdit { hosts: Some(vec!["evil.example.org:9092".to_owned()]), ..change() },
        OutputEdit { sasl_mechanism: Some(Some("PLAIN".to_owned())), ..change() },
        OutputEdit { username: Some(Some("other".to_owned())), ..change() },
    ] {
        assert_eq!(faults(&edit, Some(&before)), ["password"]);
        let edit = OutputEdit { secrets: BTreeMap::from([(Password, secret("again"))]), ..edit };
        assert_eq!(judge(&edit, Some(&before)).map(|new| new.names()).unwrap(), ["password"]);
    }
    let ca = OutputEdit { ca: Some(Some(pair("ca.example.org").0)), ..change() };
    assert_eq!(faults(&ca, Some(&before)), ["password"]);
    for same in [
        OutputEdit { hosts: Some(vec!["KAFKA.example.org:9092".to_owned()]), ..change() },
        OutputEdit { name: Some("events".to_owned()), ..change() },
        OutputEdit { ca: Some(None), ..change() },
        OutputEdit { secrets: BTreeMap::from([(Password, secret("second"))]), ..change() },
    ] {
        assert!(judge(&same, Some(&before)).is_ok_and(|new| new.dropped.is_empty()));
    }
}

#[test]
fn another_authentication_drops_the_former_fields() {
    let before = made(&kafka(&[(Password, "first")]));
    let (certificate, key) = pair("agent.example.org");
    let edit = OutputEdit {
        auth: Some(Some("ssl".to_owned())),
        certificate: Some(Some(certificate)),
        secrets: BTreeMap::from([(Key, secret(&key))]),
        ..OutputEdit::default()
    };
    let new = judge(&edit, Some(&before)).map_err(|faults| panic!("{faults:?}")).unwrap();
    assert_eq!((new.settings.username.as_deref(), new.settings.sasl_mechanism), (None, None));
    assert_eq!(new.names(), ["key"]);
    assert_eq!(new.dropped, [Password]);
    let changed = ["auth", "sasl_mechanism", "username", "certificate", "key", "password"];
    assert_eq!(new.changed(&before.output), changed);
    let none = OutputEdit { auth: Some(Some("none".to_owned())), ..OutputEdit::default() };
    let new = judge(&none, Some(&before)).map_err(|faults| panic!("{faults:?}")).unwrap();
    assert!(new.secrets.is_empty() && new.dropped == [Password], "the password is deleted");
    let named = OutputEdit { username: Some(Some("x".to_owned())), ..none };
    assert_eq!(faults(&named, Some(&before)), ["username"]);
}

#[test]
fn a_service_token_takes_the_place_of_a_user() {
    let user = OutputEdit { username: Some(Some("agent".to_owned())), ..elasticsearch(&[(Password, "x")]) };
    let before = made(&user);
    let token =
        OutputEdit { secrets: BTreeMap::from([(ServiceToken, secret("token"))]), ..OutputEdit::default() };
    let new = judge(&token, Some(&before)).map_err(|faults| panic!("{faults:?}")).unwrap();
    assert!(new.settings.username.is_none() && new.names() == ["service_token"] && new.dropped == [Password]);
    let before = made(&elasticsearch(&[(ServiceToken, "token")]));
    let back = OutputEdit { secrets: user.secrets, username: user.username, ..OutputEdit::default() };
    let new = judge(&back, Some(&before)).map_err(|faults| panic!("{faults:?}")).unwrap();
    assert!(new.names() == ["password"] && new.dropped == [ServiceToken]);
    let roles = json!({ "x": {} }).as_object().cloned();
    let roles = OutputEdit { role_descriptors: Some(roles), ..OutputEdit::default() };
    assert!(
        judge(&roles, Some(&before)).is_ok_and(|new| new.dropped.is_empty()),
        "the credential is sent as before"
    );
}

#[test]
fn a_pipeline_has_a_certificate_and_its_key() {
    let (certificate, key) = pair("agent.example.org");
    let logstash = |secrets: &[(SecretField, &str)]| OutputEdit {
        certificate: Some(Some(certificate.clone())),
        ..edit("logstash", "ls.example.org:5044", secrets)
    };
    let before = made(&logstash(&[(Key, &key), (ApiKey, "id:key")]));
    assert_eq!(before.secrets, [Key, ApiKey]);
    let (_, other) = pair("other.example.org");
    assert_eq!(faults(&logstash(&[(Key, &other)]), None), ["key"]);
    let moved = |secrets| OutputEdit {
        hosts: Some(vec!["b.example.org:5044".to_owned()]),
        secrets,
        ..OutputEdit::default()
    };
    assert_eq!(faults(&moved(BTreeMap::new()), Some(&before)), ["key", "api_key"]);
    let without = BTreeMap::from([(Key, secret(&key)), (ApiKey, None)]);
    assert!(judge(&moved(without), Some(&before)).is_ok(), "an optional secret can be removed");
    let removed = OutputEdit { secrets: BTreeMap::from([(ApiKey, None)]), ..OutputEdit::default() };
    let new = judge(&removed, Some(&before)).map_err(|faults| panic!("{faults:?}")).unwrap();
    assert_eq!((new.changed(&before.output), new.dropped), (vec!["api_key"], vec![ApiKey]));
    let removed = OutputEdit { secrets: BTreeMap::from([(Key, None)]), ..OutputEdit::default() };
    assert_eq!(faults(&removed, Some(&before)), ["key"]);
    assert_eq!(
        faults(&OutputEdit { kind: Some("kafka".to_owned()), ..OutputEdit::default() }, Some(&before)),
        ["type"]
    );
}

fn pair(name: &str) -> (String, String) {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new([name.to_owned()]).unwrap().self_signed(&key).unwrap();
    (certificate.pem(), key.serialize_pem())
}
