//! A handler that panics answers 500 in the dialect of its route, and the server lives.

use std::net::{Ipv4Addr, SocketAddr};

use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;
use crate::clock::SystemClock;
use crate::config::{Config, Environment, Overrides};
use crate::http::tls::Protocol;

const SECRET: &str = "what the handler panicked with";

async fn front(data_dir: &std::path::Path) -> Arc<Front> {
    let overrides = Overrides {
        data_dir: Some(data_dir.to_owned()),
        listen: Some("127.0.0.1:0".to_owned()),
        ..Overrides::default()
    };
    let config = Config::load(None, &Environment::from_pairs([("", "")]), overrides).unwrap();
    let server = crate::server::Server::open(config, Arc::new(SystemClock)).await.unwrap();
    let fine = |_: Call| async { Ok(Reply::ok(&"fine")) };
    let panics = |_: Call| async { panic!("{SECRET}") };
    let routes = vec![
        Route::native(Method::GET, "/fine", Permission::Anyone, fine),
        Route::native(Method::GET, "/panics", Permission::Anyone, panics),
        Route::ece(Method::GET, "/panics/in/elastics/words", Permission::Anyone, panics),
    ];
    let table = Table::of(routes).unwrap();
    let local = Secret::new("gpl_x".to_owned());
    Arc::new(Front::new(Arc::clone(server.authority()), table, local, Duration::from_secs(5)))
}

/// Asks for these paths one after the other on one connection; everything that was answered.
async fn ask(front: Arc<Front>, paths: &[&str]) -> String {
    let (mut client, server) = tokio::io::duplex(64 * 1024);
    let service = service_fn(move |mut request: Request<Incoming>| {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
        request.extensions_mut().insert(Peer { address, certificate: None, protocol: Protocol::Http1 });
        let answer = Arc::clone(&front).answer(request);
        async move { Ok::<_, std::convert::Infallible>(answer.await) }
    });
    let serving = tokio::spawn(
        hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(server), service),
    );
    for (place, path) in paths.iter().enumerate() {
        let close = if place + 1 == paths.len() { "connection: close\r\n" } else { "" };
        client.write_all(format!("GET {path} HTTP/1.1\r\nhost: a\r\n{close}\r\n").as_bytes()).await.unwrap();
    }
    let mut answers = String::new();
    client.read_to_string(&mut answers).await.unwrap();
    serving.await.unwrap().unwrap();
    answers
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_that_panics_answers_500_and_the_connection_and_the_server_live() {
    let dir = tempfile::tempdir().unwrap();
    let front = front(dir.path()).await;
    let answers = ask(Arc::clone(&front), &["/fine", "/panics", "/panics/in/elastics/words", "/fine"]).await;
    let statuses = answers.matches("HTTP/1.1 200").count();
    assert_eq!((statuses, answers.matches("HTTP/1.1 500").count()), (2, 2), "{answers}");
    assert!(answers.contains(r#""code":"internal_error""#), "{answers}");
    assert!(answers.contains(r#"{"errors":[{"code":"root.unavailable""#), "{answers}");
    assert!(!answers.contains(SECRET), "{answers}");
    assert!(ask(front, &["/fine"]).await.starts_with("HTTP/1.1 200"), "on another connection");
}
