//! Clients that make the server hold memory: answers that nobody reads, bodies that never end.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body, Frame, Incoming};
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::ServerName;
use serde_json::json;
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

use crate::support::wire::{Wire, connector};
use crate::support::{Host, Process, Running, eventually};

const BOOTSTRAP: &str = "/api/v1/bootstrap";

/// Streams of one connection, the maximum.
const STREAMS: usize = 64;

/// Bytes that one stream sends of its body.
const PART: usize = 15 << 10;

/// An HTTP/2 connection whose streams have this window.
async fn connect<B>(url: &str, root: &[u8], window: u32) -> SendRequest<B>
where
    B: Body<Data = Bytes, Error = Infallible> + Send + Unpin + 'static,
{
    let tcp = TcpStream::connect(url.strip_prefix("https://").unwrap()).await.unwrap();
    let name = ServerName::try_from("127.0.0.1").unwrap();
    let tls = connector(root, "h2").connect(name, tcp).await.unwrap();
    let mut builder = http2::Builder::new(TokioExecutor::new());
    let (sender, connection) =
        builder.initial_stream_window_size(window).handshake(TokioIo::new(tls)).await.unwrap();
    tokio::spawn(connection);
    sender
}

fn root(at: &Running) -> Vec<u8> {
    at.authority.cas.load().current().root_pem().as_bytes().to_vec()
}

#[tokio::test(flavor = "multi_thread")]
async fn unread_answers_hold_little_memory() {
    let dir = tempfile::tempdir().unwrap();
    let server = Process::start(&dir.path().join("data"), &[]).await;
    let root = std::fs::read(server.data_dir.join("root.pem")).unwrap();
    // Each row has series of its own, so that the text is long.
    for path in ["/status", "/readyz", "/openapi.json", "/ca/root.pem", "/api/v1/roles", "/ca/chain.pem"] {
        server.admin().get(path).await;
    }
    let size = server.stranger().get("/metrics").await.text.len();
    // Answers that share nothing would be 48 MiB, besides the connections.
    let (connections, before) = ((48 << 20) / (STREAMS * size), server.resident());
    assert!((1..100).contains(&connections), "{size} bytes");
    let mut held = Vec::new();
    for _ in 0..connections {
        let mut sender = connect::<Full<Bytes>>(&server.url, &root, 0).await;
        for _ in 0..STREAMS {
            let request = Request::get(format!("{}/metrics", server.url)).body(Full::default()).unwrap();
            let answer = sender.send_request(request).await.unwrap();
            assert_eq!(answer.status(), StatusCode::OK);
            held.push(answer);
        }
    }
    let grown = server.resident().saturating_sub(before);
    assert!(grown < 40, "{grown} MiB are held for {} answers", held.len());
    for answer in held {
        assert!(answer.into_body().collect().await.is_err(), "an answer that nobody reads is cut");
    }
    assert_eq!(server.stranger().get("/livez").await.status, 200);
}

/// A body that never ends.
struct Unfinished(Option<Bytes>);

impl Body for Unfinished {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.take().map_or(Poll::Pending, |part| Poll::Ready(Some(Ok(Frame::data(part)))))
    }
}

/// Begins a redemption without a token in its header. Its body does not end.
fn upload(url: &str, sender: &mut SendRequest<Unfinished>) -> JoinHandle<hyper::Result<Response<Incoming>>> {
    let body = Unfinished(Some(vec![b' '; PART].into()));
    tokio::spawn(sender.send_request(Request::post(format!("{url}{BOOTSTRAP}")).body(body).unwrap()))
}

#[tokio::test(flavor = "multi_thread")]
async fn unfinished_bodies_of_strangers_are_bounded() {
    let at = Running::start().await;
    let (url, root) = (at.url.clone(), root(&at));
    // Its end closes every connection.
    let clients = Runtime::new().unwrap();
    // 16 connections would hold 15 MiB: each may hold 256 KiB, and the address 4 MiB.
    let flood = async move {
        let mut uploads = Vec::new();
        for _ in 0..17 {
            let mut sender = connect(&url, &root, 65_535).await;
            uploads.extend((0..STREAMS).map(|_| upload(&url, &mut sender)));
        }
        uploads
    };
    let uploads = clients.spawn(flood).await.unwrap();
    let stranger = json!({ "csr": Host::new().csr(), "token": at.mint_once().await });
    eventually("a stranger's body is refused", async || {
        let said = at.stranger().post(BOOTSTRAP, &stranger).await;
        let refused = (said.status, said.code()) == (503, "overloaded");
        (refused && said.headers.contains_key("retry-after")).then_some(())
    })
    .await;
    // A token in the header is proven before the body: its host draws from another budget, at the same address.
    let token = at.mint_once().await;
    let redemption = json!({ "csr": Host::new().csr() });
    assert_eq!(at.stranger().bearer(&token).post(BOOTSTRAP, &redemption).await.status, 200);
    let most = (4 << 20) / PART;
    let finished = || uploads.iter().filter(|upload| upload.is_finished()).count();
    eventually("the others are refused", async || (uploads.len() - finished() <= most).then_some(())).await;
    for upload in uploads.into_iter().filter(JoinHandle::is_finished) {
        assert_eq!(upload.await.unwrap().unwrap().status(), StatusCode::SERVICE_UNAVAILABLE);
    }
    clients.shutdown_background();
    eventually("the memory is free again", async || {
        (at.stranger().post(BOOTSTRAP, &stranger).await.status == 200).then_some(())
    })
    .await;
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forged_token_is_refused_before_its_body() {
    let at = Running::start().await;
    let token = at.mint_once().await;
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let first = if signature.starts_with('A') { 'B' } else { 'A' };
    for forged in ["gibberish".to_owned(), format!("{signed}.{first}{}", &signature[1..])] {
        let mut wire = Wire::open(&at).await;
        let host = at.url.strip_prefix("https://").unwrap();
        let head = format!("POST {BOOTSTRAP} HTTP/1.1\r\nhost: {host}\r\ncontent-length: 60000\r\n");
        wire.write(&format!("{head}authorization: Bearer {forged}\r\n\r\n")).await;
        let heard = wire.hear(false).await;
        assert_eq!((heard.status, heard.json()["code"].as_str()), (401, Some("invalid_token")), "{forged}");
    }
    assert_eq!(Host::new().redeem(&at, &token).await.status, 200, "no use was spent");
    at.stop().await;
}
