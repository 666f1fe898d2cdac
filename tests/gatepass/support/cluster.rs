//! An Elasticsearch cluster for tests: a real TLS server that keeps API keys, checks each request, and can misbehave.

use std::net::SocketAddr;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use rustls::ServerConfig;
use rustls::pki_types::PrivatePkcs8KeyDer;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// A token of the service account `elastic/gatepass`, which the cluster accepts.
pub(crate) const SERVICE_TOKEN: &str = "AAEAAWVsYXN0aWMvZ2F0ZXBhc3MvZmlyc3Q6c2VjcmV0LW9mLXRoZS1jbHVzdGVy";
/// Another token of this account.
pub(crate) const NEXT_TOKEN: &str = "AAEAAWVsYXN0aWMvZ2F0ZXBhc3Mvc2Vjb25kOm5leHQtc2VjcmV0LW9mLWl0";
/// A token of the service account `elastic/another`.
pub(crate) const OTHERS_TOKEN: &str = "AAEAAWVsYXN0aWMvYW5vdGhlci9maXJzdDpzZWNyZXQtb2YtYW5vdGhlcg==";

/// The conduct of the cluster.
#[derive(Clone, Debug)]
pub(crate) enum Conduct {
    /// It does what it is asked.
    Good,
    /// It closes every connection.
    Down,
    /// It takes requests and never answers them. It does not do what it is asked.
    Silent,
    /// It does what it is asked, and never answers.
    Withholding,
    /// It answers so, and does nothing.
    Answering(u16, String),
    /// It leads to another address.
    Redirecting(String),
}

/// A key that the cluster made.
#[derive(Clone, Debug)]
pub(crate) struct ClusterKey {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) secret: String,
    pub(crate) roles: Value,
    pub(crate) valid: bool,
    /// The account that made it.
    owner: String,
}

#[derive(Default)]
struct State {
    conduct: Option<Conduct>,
    keys: Vec<ClusterKey>,
    calls: Vec<String>,
    wrong: Vec<String>,
    /// The values of `Authorization` that it accepts.
    credentials: Vec<String>,
    /// The name leads to another cluster, which has none of the keys.
    is_away: bool,
}

/// The account of a value of `Authorization`: the tokens of a service account act for it.
fn account(credential: &str) -> String {
    let token = credential.strip_prefix("Bearer ").and_then(|token| STANDARD.decode(token).ok());
    let names = token.map(|token| String::from_utf8_lossy(&token).into_owned());
    let account = names.as_deref().and_then(|names| names.rsplit_once('/'));
    account.map_or_else(|| credential.to_owned(), |(account, _)| account.to_owned())
}

/// A running cluster. It ends with its runtime.
#[derive(Clone)]
pub(crate) struct Cluster {
    pub(crate) address: SocketAddr,
    /// Its CA, PEM.
    pub(crate) ca: String,
    state: Arc<Mutex<State>>,
}

impl Cluster {
    pub(crate) async fn start() -> Self {
        Self::accepting(&format!("Bearer {SERVICE_TOKEN}")).await
    }

    /// A cluster that accepts this value of `Authorization`.
    pub(crate) async fn accepting(credential: &str) -> Self {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut ca = rcgen::CertificateParams::default();
        ca.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let root = ca.self_signed(&key).unwrap().der().clone();
        let issuer = rcgen::Issuer::new(ca, key);
        let leaf_key = rcgen::KeyPair::generate().unwrap();
        let leaf = rcgen::CertificateParams::new([String::from("127.0.0.1")]).unwrap();
        let leaf = leaf.signed_by(&leaf_key, &issuer).unwrap().der().clone();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let key = PrivatePkcs8KeyDer::from(leaf_key.serialize_der()).into();
        let config = config.unwrap().with_no_client_auth().with_single_cert(vec![leaf], key).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let state = State { credentials: vec![credential.to_owned()], ..State::default() };
        let ca = STANDARD.encode(&root);
        let cluster = Self {
            address: listener.local_addr().unwrap(),
            ca: format!("-----BEGIN CERTIFICATE-----\n{ca}\n-----END CERTIFICATE-----\n"),
            state: Arc::new(Mutex::new(state)),
        };
        tokio::spawn(cluster.clone().serve(listener, TlsAcceptor::from(Arc::new(config))));
        cluster
    }

    pub(crate) fn url(&self) -> String {
        format!("https://{}", self.address)
    }

    pub(crate) fn conduct(&self, conduct: Conduct) {
        self.state.lock().conduct = Some(conduct);
    }

    /// Accepts this value of `Authorization` too.
    pub(crate) fn accept(&self, credential: &str) {
        self.state.lock().credentials.push(credential.to_owned());
    }

    /// Leads the cluster's name to another cluster, or back again. Keys that it makes from then on are of the one that is there.
    pub(crate) fn is_away(&self, is_away: bool) {
        self.state.lock().is_away = is_away;
    }

    /// Every key that it made, oldest first.
    pub(crate) fn keys(&self) -> Vec<ClusterKey> {
        self.state.lock().keys.clone()
    }

    /// The valid keys.
    pub(crate) fn valid(&self) -> Vec<ClusterKey> {
        self.keys().into_iter().filter(|key| key.valid).collect()
    }

    /// Invalidates every key, as an administrator of the cluster would.
    pub(crate) fn invalidate_all(&self) {
        self.state.lock().keys.iter_mut().for_each(|key| key.valid = false);
    }

    /// The calls, each as its method and target; connections that were closed at once are `closed`.
    pub(crate) fn calls(&self) -> Vec<String> {
        self.state.lock().calls.clone()
    }

    /// Fails if a request was not one of Elasticsearch's.
    pub(crate) fn was_asked_well(&self) {
        assert_eq!(self.state.lock().wrong, Vec::<String>::new());
    }

    async fn serve(self, listener: TcpListener, acceptor: TlsAcceptor) {
        loop {
            let (tcp, _) = listener.accept().await.unwrap();
            if matches!(self.now(), Conduct::Down) {
                self.state.lock().calls.push(String::from("closed"));
                continue;
            }
            tokio::spawn(self.clone().connection(tcp, acceptor.clone()));
        }
    }

    fn now(&self) -> Conduct {
        self.state.lock().conduct.clone().unwrap_or(Conduct::Good)
    }

    async fn connection(self, tcp: TcpStream, acceptor: TlsAcceptor) {
        let Ok(tls) = acceptor.accept(tcp).await else { return };
        let service = service_fn(move |request| {
            let cluster = self.clone();
            async move { Ok::<_, std::convert::Infallible>(cluster.answer(request).await) }
        });
        let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(tls), service).await;
    }

    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let (head, body) = request.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        self.state.lock().calls.push(format!("{} {}", head.method, head.uri));
        let conduct = self.now();
        let (status, answer) = match &conduct {
            Conduct::Answering(status, answer) => (*status, answer.clone()),
            Conduct::Redirecting(_) => (307, String::new()),
            Conduct::Silent => std::future::pending().await,
            Conduct::Good | Conduct::Withholding | Conduct::Down => {
                let (status, answer) = self.act(&head.method, &head.uri.to_string(), &head.headers, &body);
                (status, answer.to_string())
            }
        };
        if matches!(conduct, Conduct::Withholding) {
            std::future::pending::<()>().await;
        }
        let response = Response::builder().status(status);
        let response = match conduct {
            Conduct::Redirecting(to) => response.header("location", to),
            _ => response.header("content-type", "application/json"),
        };
        response.body(Full::new(answer.into())).unwrap()
    }

    /// Does what it is asked, if the request is one of Elasticsearch's.
    fn act(&self, method: &Method, target: &str, headers: &HeaderMap, body: &[u8]) -> (u16, Value) {
        let mut state = self.state.lock();
        let credential = headers.get("authorization").and_then(|value| value.to_str().ok());
        let Some(owner) = credential.filter(|given| state.credentials.iter().any(|known| known == given))
        else {
            return (401, json!({ "error": { "type": "security_exception" }, "status": 401 }));
        };
        let owner = account(owner);
        let body = serde_json::from_slice::<Value>(body).unwrap_or_default();
        let path = target.split('?').next().unwrap_or_default();
        let done = match (method, path) {
            (&Method::POST, "/_security/api_key") => state.create(&body, &owner),
            (&Method::GET, "/_security/api_key") => state.find(target, &owner),
            (&Method::DELETE, "/_security/api_key") => state.invalidate(&body, &owner),
            _ => None,
        };
        done.unwrap_or_else(|| {
            state.wrong.push(format!("{method} {target}: {body}"));
            (400, json!({ "error": { "type": "parse_exception" }, "status": 400 }))
        })
    }
}

impl State {
    fn create(&mut self, body: &Value, owner: &str) -> Option<(u16, Value)> {
        let name = body["name"].as_str().filter(|name| !name.is_empty())?.to_owned();
        let roles = body["role_descriptors"].as_object().filter(|roles| !roles.is_empty())?.clone();
        let is_metadata = body["metadata"].is_object() && body.as_object()?.len() == 3;
        // Elasticsearch allows keys of one name. Gatepass tells them apart by it.
        if !is_metadata || self.keys.iter().any(|key| key.name == name) {
            return None;
        }
        let number = self.keys.len();
        let (id, secret) = (format!("id-{number}"), format!("Secret_of-key-{number}"));
        let key = ClusterKey {
            id: id.clone(),
            name: name.clone(),
            secret: secret.clone(),
            roles: roles.into(),
            valid: true,
            owner: owner.to_owned(),
        };
        self.keys.push(key);
        Some((200, json!({ "id": id, "name": name, "api_key": secret, "encoded": "bm90IHVzZWQ=" })))
    }

    /// With `owner` a cluster finds the keys of the account alone.
    fn finds(&self, key: &ClusterKey, owner: &str) -> bool {
        key.owner == owner && !self.is_away
    }

    fn find(&self, target: &str, owner: &str) -> Option<(u16, Value)> {
        let id = target.strip_prefix("/_security/api_key?id=")?.strip_suffix("&owner=true")?;
        Some(match self.keys.iter().find(|key| key.id == id && self.finds(key, owner)) {
            Some(key) => {
                (200, json!({ "api_keys": [{ "id": id, "name": key.name, "invalidated": !key.valid }] }))
            }
            None => (404, json!({ "api_keys": [] })),
        })
    }

    fn invalidate(&mut self, body: &Value, owner: &str) -> Option<(u16, Value)> {
        (body["owner"] == true && body.as_object()?.len() == 2).then_some(())?;
        let ids = body["ids"].as_array().cloned().unwrap_or_default();
        let (mut now, mut before) = (Vec::new(), Vec::new());
        let is_away = self.is_away;
        for key in self.keys.iter_mut().filter(|key| key.owner == owner && !is_away) {
            if ids.contains(&json!(key.id)) || body["name"] == json!(key.name) {
                let which = if std::mem::replace(&mut key.valid, false) { &mut now } else { &mut before };
                which.push(key.id.clone());
            }
        }
        let status = if now.is_empty() && before.is_empty() { 404 } else { 200 };
        let answer = json!({ "invalidated_api_keys": now, "previously_invalidated_api_keys": before, "error_count": 0 });
        Some((status, answer))
    }
}
