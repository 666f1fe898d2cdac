//! Requests built from the examples in the document: each is decoded by its own handler.

use http::Method;
use http::header::CONTENT_TYPE;
use serde_json::{Value, json};

use super::complete::operations;
use crate::support::client::Client;
use crate::support::described::DOCUMENT;
use crate::support::fleet::{Member, policy, start};
use crate::support::{Running, sample};

/// The body as its media type writes it.
fn written(media_type: &str, example: &Value) -> String {
    match media_type {
        "application/x-www-form-urlencoded" => {
            let fields = example.as_object().unwrap().iter();
            fields
                .map(|(name, value)| format!("{name}={}", value.as_str().unwrap()))
                .collect::<Vec<_>>()
                .join("&")
        }
        _ => example.to_string(),
    }
}

/// The path with the examples of its parameters.
fn filled(path: &str, operation: &Value) -> String {
    let parameters = operation["parameters"].as_array().into_iter().flatten();
    parameters.fold(path.to_owned(), |path, parameter| {
        let place = format!("{{{}}}", parameter["name"].as_str().unwrap());
        path.replace(&place, example(parameter).as_str().unwrap_or(""))
    })
}

/// The written example of a parameter or body, or one built from its schema.
fn example(subject: &Value) -> Value {
    let written = subject.get("example").cloned();
    let built = || sample::of(&subject["schema"], &DOCUMENT["components"]["schemas"]);
    written.or_else(built).unwrap_or_else(|| panic!("no example: {subject}"))
}

async fn caller(at: &Running, operation: &Value, policy: &Value) -> Client {
    let takes =
        |scheme: &str| operation["security"].as_array().unwrap().iter().any(|one| one.get(scheme).is_some());
    if takes("password") {
        let open = operation["security"].as_array().unwrap().contains(&json!({}));
        return if open { at.stranger() } else { at.admin() };
    }
    if takes("enrollment_token") {
        return at.stranger().bearer(&at.mint_once().await);
    }
    assert!(takes("host_certificate"), "{operation}");
    Member::of(at, policy).await.client
}

#[tokio::test(flavor = "multi_thread")]
async fn every_request_example_fits_its_handler() {
    let at = start().await;
    let policy = policy(&at, "of-hosts", json!({})).await;
    let mut sent = 0;
    for (name, operation) in operations() {
        let bodies = operation["requestBody"]["content"].as_object().into_iter().flatten();
        for (media_type, content) in bodies {
            let (method, path) = name.split_once(' ').unwrap();
            let method: Method = method.parse().unwrap();
            let client = caller(&at, operation, &policy).await.header(CONTENT_TYPE, media_type);
            let body = written(media_type, &example(content));
            let said = client.send(method, &filled(path, operation), Some(body)).await;
            // No example can know a password that is good here.
            let guessed = said.text.contains("this is not your password")
                || (said.status == 401 && path == "/api/v1/session");
            assert!(
                guessed || ![400, 401, 403, 415].contains(&said.status),
                "{name}: {} {}",
                said.status,
                said.text
            );
            sent += 1;
        }
    }
    assert!(sent >= 13, "{sent}");
    at.stop().await;
}
