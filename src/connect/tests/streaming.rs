//! Answers in parts, from a server that sends the texts of a test.

use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;

use super::*;

const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";

/// A server of one connection: it answers with each text that it is sent, and hangs up when there will be no more.
async fn scripted() -> (Connector, mpsc::UnboundedSender<&'static str>) {
    let authority = Authority::new();
    let identity = authority.own();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_no_client_auth().with_single_cert(identity.chain, identity.key).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    let (script, mut lines) = mpsc::unbounded_channel::<&'static str>();
    tokio::spawn(async move {
        let (tcp, _) = listener.accept().await.unwrap();
        let mut stream = TlsAcceptor::from(Arc::new(config)).accept(tcp).await.unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            request.push(stream.read_u8().await.unwrap());
        }
        while let Some(text) = lines.recv().await {
            stream.write_all(text.as_bytes()).await.unwrap();
            stream.flush().await.unwrap();
        }
    });
    (Connector::new(&url, pin(&authority.root), None).unwrap(), script)
}

#[tokio::test]
async fn an_answer_is_read_while_it_is_still_coming() {
    let (connector, script) = scripted().await;
    script.send(HEAD).unwrap();
    let mut answer = within(connector.open(Method::GET, "/events", &[], None)).await.unwrap();
    assert_eq!(answer.status, 200);
    assert_eq!(answer.headers["content-type"], "text/event-stream");
    for (chunk, part) in [("3\r\none\r\n", "one"), ("3\r\ntwo\r\n", "two")] {
        script.send(chunk).unwrap();
        assert_eq!(within(answer.part()).await.unwrap().unwrap(), part);
    }
    script.send("0\r\n\r\n").unwrap();
    assert_eq!(within(answer.part()).await.unwrap(), None);
}

#[tokio::test]
async fn a_broken_answer_is_no_end_of_it() {
    let (connector, script) = scripted().await;
    script.send(HEAD).unwrap();
    let mut answer = within(connector.open(Method::GET, "/events", &[], None)).await.unwrap();
    drop(script);
    let error = within(answer.part()).await.unwrap_err();
    assert!(matches!(error, ConnectError::BrokenOff { .. } | ConnectError::Tls { .. }), "{error:?}");
}

#[tokio::test]
async fn a_server_that_falls_silent_is_given_up() {
    let (connector, script) = scripted().await;
    script.send(HEAD).unwrap();
    let span = Duration::from_millis(50);
    let mut answer = within(connector.open(Method::GET, "/events", &[], None)).await.unwrap();
    answer.silence = span;
    let error = within(answer.part()).await.unwrap_err();
    assert!(matches!(error, ConnectError::Silent { span: s, .. } if s == span), "{error:?}");
}
