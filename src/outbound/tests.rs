//! Calls over real TLS on loopback, which the tests allow by address.

mod elasticsearch;
mod roots;
mod stand;

use std::sync::Arc;
use std::time::Duration;

use hyper::Method;
use tokio::net::TcpListener;

use self::stand::{Asked, NAME, Names, Stand, outbound};
use super::{Answer, Call, MOST_ANSWER_BYTES, MOST_CALLS, Outbound, OutboundError};
use crate::http::listener::trial::within;
use crate::secret::Secret;

const HERE: &str = "127.0.0.1";

async fn call(outbound: &Outbound, stand: &Stand) -> Result<Answer, OutboundError> {
    call_at(outbound, &stand.url(), &stand.ca).await
}

async fn call_at(outbound: &Outbound, url: &str, ca: &str) -> Result<Answer, OutboundError> {
    let authorization = Secret::new(String::from("Bearer of news"));
    let body = Some(String::from("{\"a\":1}"));
    let (method, path) = (Method::POST, "/asked?x=1");
    let call = Call { url, ca: Some(ca), method, path, authorization: &authorization, body };
    within(outbound.call(call)).await
}

async fn refusal(outbound: &Outbound, stand: &Stand) -> OutboundError {
    match call(outbound, stand).await {
        Err(error) => error,
        Ok(answer) => panic!("status {}", answer.status),
    }
}

#[tokio::test]
async fn a_call_reaches_the_server_of_the_name() {
    let stand = Stand::at(HERE).await;
    stand.will_answer(202, "taken");
    let answer = call(&outbound(&[HERE], Names::answering(&[&[HERE]])), &stand).await.ok().unwrap();
    assert_eq!((answer.status.as_u16(), answer.body.expose().as_slice()), (202, b"taken".as_slice()));
    let expected = Asked {
        method: String::from("POST"),
        target: String::from("/asked?x=1"),
        server_name: Some(String::from(NAME)),
        authorization: String::from("Bearer of news"),
        body: String::from("{\"a\":1}"),
    };
    assert_eq!(*stand.asked.lock(), [expected]);
}

#[tokio::test]
async fn loopback_is_not_called_unless_it_is_named() {
    let stand = Stand::at(HERE).await;
    let nothing = outbound(&[], Names::answering(&[&[HERE]]));
    assert!(matches!(refusal(&nothing, &stand).await, OutboundError::Forbidden(_)));
    let url = format!("https://{}", stand.address);
    let literal = call_at(&nothing, &url, &stand.ca).await.err();
    assert!(matches!(literal, Some(OutboundError::Forbidden(_))), "{literal:?}");
    assert_eq!(stand.connections(), 0);
    assert!(call(&outbound(&[NAME], Names::answering(&[&[HERE]])), &stand).await.is_ok());
}

#[tokio::test]
async fn one_forbidden_address_refuses_the_call() {
    let stand = Stand::at("127.0.0.2").await;
    let names = Names::answering(&[&["127.0.0.2", HERE]]);
    let error = refusal(&outbound(&["127.0.0.2"], names), &stand).await;
    assert!(matches!(&error, OutboundError::Forbidden(why) if why.address.to_string() == HERE), "{error:?}");
    assert_eq!(stand.connections(), 0);
}

#[tokio::test]
async fn a_second_look_up_does_not_lead_to_loopback() {
    let stand = Stand::at("127.0.0.2").await;
    let trap = TcpListener::bind((HERE, stand.address.port())).await.unwrap();
    let names = Names::answering(&[&["127.0.0.2"], &[HERE]]);
    let outbound = outbound(&["127.0.0.2"], names);
    assert!(call(&outbound, &stand).await.is_ok(), "the call connects to the address that it checked");
    assert!(matches!(refusal(&outbound, &stand).await, OutboundError::Forbidden(_)));
    let accepted = tokio::select! {
        biased;
        accepted = trap.accept() => Some(accepted),
        () = std::future::ready(()) => None,
    };
    assert!(accepted.is_none() && stand.connections() == 1);
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let (stand, other) = (Stand::at(HERE).await, Stand::at(HERE).await);
    stand.will_redirect(&other.url());
    let answer = call(&outbound(&[HERE], Names::answering(&[&[HERE]])), &stand).await.ok().unwrap();
    assert_eq!((answer.status.as_u16(), other.connections()), (307, 0));
}

#[tokio::test]
async fn a_long_answer_is_cut() {
    let stand = Stand::at(HERE).await;
    let outbound = outbound(&[HERE], Names::answering(&[&[HERE]]));
    stand.will_answer(200, vec![b'x'; MOST_ANSWER_BYTES]);
    assert!(call(&outbound, &stand).await.is_ok());
    stand.will_answer(200, vec![b'x'; MOST_ANSWER_BYTES + 1]);
    let error = refusal(&outbound, &stand).await;
    assert!(matches!(error, OutboundError::TooLarge { .. }) && error.may_have_acted(), "{error:?}");
}

#[tokio::test]
async fn a_slow_server_ends_the_call() {
    let stand = Stand::holding(HERE).await;
    let mut outbound = outbound(&[HERE], Names::answering(&[&[HERE]]));
    outbound.longest = Duration::from_millis(500);
    // A loaded machine may need the whole time for the handshake.
    let error = refusal(&outbound, &stand).await;
    assert!(matches!(error, OutboundError::TimedOut { .. }), "{error:?}");
    let silent = TcpListener::bind((HERE, 0)).await.unwrap();
    let url = format!("https://{NAME}:{}", silent.local_addr().unwrap().port());
    let error = call_at(&outbound, &url, &stand.ca).await.err().unwrap();
    assert!(matches!(error, OutboundError::TimedOut { sent: false, .. }), "{error:?}");
    assert!(!error.may_have_acted());
}

#[tokio::test]
async fn a_ninth_call_waits() {
    let stand = Stand::holding(HERE).await;
    let outbound = Arc::new(outbound(&[HERE], Names::answering(&[&[HERE]])));
    let calls = (0..=MOST_CALLS).map(|_| {
        let (outbound, stand) = (Arc::clone(&outbound), Arc::clone(&stand));
        tokio::spawn(async move { call(&outbound, &stand).await.is_ok() })
    });
    let calls = calls.collect::<Vec<_>>();
    within(async {
        while stand.asked.lock().len() < MOST_CALLS {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!((stand.connections(), outbound.permits.available_permits()), (MOST_CALLS, 0));
    stand.release.add_permits(calls.len());
    for call in calls {
        assert!(within(call).await.unwrap());
    }
    assert_eq!(stand.connections(), MOST_CALLS + 1);
}

#[tokio::test]
async fn another_name_or_ca_is_not_trusted() {
    let (stand, other) = (Stand::at(HERE).await, Stand::at(HERE).await);
    let outbound = outbound(&[HERE], Names::answering(&[&[HERE]]));
    let elsewhere = format!("https://other.example.org:{}", stand.address.port());
    for (url, ca) in [(elsewhere, &stand.ca), (stand.url(), &other.ca)] {
        let error = call_at(&outbound, &url, ca).await.err().unwrap();
        assert!(matches!(error, OutboundError::Untrusted { .. }) && !error.may_have_acted(), "{error:?}");
    }
    assert!(stand.asked.lock().is_empty(), "nothing is sent to a server that is not trusted");
}

#[tokio::test]
async fn a_call_needs_https_an_address_and_a_ca() {
    let stand = Stand::at(HERE).await;
    let nowhere = outbound(&[HERE], Names::answering(&[]));
    assert!(matches!(refusal(&nowhere, &stand).await, OutboundError::NoAddress { .. }));
    let outbound = outbound(&[HERE], Names::answering(&[&[HERE]]));
    let plain = stand.url().replace("https", "http");
    assert_eq!(call_at(&outbound, &plain, &stand.ca).await.err(), Some(OutboundError::Url));
    let no_ca = call_at(&outbound, &stand.url(), "no certificate").await.err();
    assert!(matches!(no_ca, Some(OutboundError::Roots(_))), "{no_ca:?}");
    assert_eq!(stand.connections(), 0);
}
