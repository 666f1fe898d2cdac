//! Making every request before the clock starts: tokens are minted, hosts enrolled, requests signed.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use indicatif::{ProgressBar, ProgressStyle};
use rustls::ClientConfig;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::arguments::Mode;
use crate::error::LoadError;
use crate::hosts::HostKey;
use crate::plan::{Plan, Shot, Shots, request};
use crate::run::code;
use crate::tls::Trusting;
use crate::wire::{Answer, Connection, Place};

/// Connections that prepare at the same time: enough for the server to commit in groups.
const HANDS: usize = 64;
/// Number of retries after 429, and the pause between them.
const ATTEMPTS: usize = 100;
const PAUSE: Duration = Duration::from_millis(50);
/// Roles of the default catalogue.
const ROLES: [&str; 2] = ["allocator", "proxy"];
/// The cluster that every host names.
const CLUSTER: &str = "load-1";

/// Prepares for one server.
pub(crate) struct Preparer {
    place: Place,
    trusting: Trusting,
    tls: Arc<ClientConfig>,
    basic: String,
    audience: String,
}

impl Preparer {
    /// Prepares as `user`.
    pub(crate) fn new(
        place: &Place,
        trusting: Trusting,
        (user, password): (&str, &str),
        audience: &str,
    ) -> Result<Self, LoadError> {
        let basic = format!("Basic {}", STANDARD.encode(format!("{user}:{password}")));
        let (place, audience) = (place.clone(), audience.to_owned());
        Ok(Self { tls: trusting.config(None)?, place, trusting, basic, audience })
    }

    /// A plan of `mode` with `count` requests, where each must be another.
    pub(crate) async fn plan(&self, mode: Mode, count: usize, fresh: bool) -> Result<Plan, LoadError> {
        let mut tls = vec![Arc::clone(&self.tls)];
        let shots = match mode {
            Mode::Livez => self.same(self.get("/livez", &[], fresh)),
            Mode::Jwks => self.same(self.get("/.well-known/jwks.json", &[], fresh)),
            Mode::Mint => {
                // Signed in before the clock starts: a password is hashed once a minute, whatever the load.
                self.tokens(1).await?;
                self.same(self.post("/api/v1/enrollment-tokens", &order(), fresh))
            }
            Mode::Redeem => each(self.redemptions(self.tokens(count).await?, fresh)?),
            Mode::RedeemCluster => each(self.redemptions(vec![self.cluster_token().await?; count], fresh)?),
            Mode::Renew => Shots::Each(self.renewals(count).await?),
            Mode::Checkin => Shots::Each(self.checkins(count).await?),
            Mode::Whoami => {
                let hosts = self.enrolled(count.min(HANDS)).await?;
                tls = hosts.into_iter().map(|(_, tls)| tls).collect();
                self.same(self.get("/api/v1/whoami", &[], fresh))
            }
            Mode::Status => self.same(self.get(&self.status_path().await?, &[], fresh)),
            Mode::VerifyHot => self.verifications(1, fresh).await?,
            Mode::VerifyCold => self.verifications(count, fresh).await?,
            Mode::Authorize => {
                let token = self.service_tokens(1).await?.pop().unwrap_or_default();
                let target = format!(
                    "/api/v1/authorize?role={}&audience={}",
                    ROLES[1],
                    gatepass::text::percent_encoded(&self.audience)
                );
                self.same(self.get(&target, &[("authorization", &format!("Bearer {token}"))], fresh))
            }
            Mode::Introspect => {
                let token = self.service_tokens(1).await?.pop().unwrap_or_default();
                let headers = [
                    ("authorization", self.basic.as_str()),
                    ("content-type", "application/x-www-form-urlencoded"),
                ];
                let audience = gatepass::text::percent_encoded(&self.audience);
                let (body, authority) = (format!("token={token}&audience={audience}"), &self.place.authority);
                let ask = |fresh| request("POST", "/oauth2/introspect", authority, &headers, &body, fresh);
                self.must_be_active(ask(false)).await?;
                self.same(ask(fresh))
            }
            Mode::SignIn => {
                // The password is hashed once a minute, whatever the load: here before the clock starts.
                self.session().await?;
                self.same(self.get("/api/v1/roles", &[("authorization", &self.basic)], fresh))
            }
            Mode::Session => {
                let session = format!("Bearer {}", self.session().await?);
                self.same(self.get("/api/v1/roles", &[("authorization", &session)], fresh))
            }
            Mode::FloorHttp | Mode::FloorHandshake | Mode::Maths => {
                return Err(LoadError::Usage(String::from("a floor is not asked of the server")));
            }
        };
        let fresh = fresh || matches!(mode, Mode::Renew | Mode::Checkin);
        Ok(Plan { name: mode.name(), shots, fresh, tls })
    }

    async fn cluster_token(&self) -> Result<String, LoadError> {
        let order = json!({ "roles": ROLES, "persistent": true, "bind": { "cluster": CLUSTER } });
        let request = self.post("/api/v1/enrollment-tokens", &order, false);
        Ok(self.texts("a cluster token", vec![request]).await?.pop().unwrap_or_default())
    }

    /// The same client certificates are not known to a floor as another server: these configurations trust it instead.
    pub(crate) async fn floor_identities(
        &self,
        mode: Mode,
        floor: &Trusting,
    ) -> Result<Vec<Arc<ClientConfig>>, LoadError> {
        if !matches!(mode, Mode::Renew | Mode::Whoami | Mode::Checkin) {
            return Ok(vec![floor.config(None)?]);
        }
        let hosts = self.enroll(HANDS.min(16)).await?;
        hosts.iter().map(|(key, enrolled)| floor.config(Some(key.identity(enrolled)?))).collect()
    }

    fn same(&self, request: Bytes) -> Shots {
        Shots::Same(Shot { request, tls: None })
    }

    fn get(&self, target: &str, headers: &[(&str, &str)], fresh: bool) -> Bytes {
        request("GET", target, &self.place.authority, headers, "", fresh)
    }

    /// A request that is signed in.
    fn post(&self, target: &str, body: &Value, fresh: bool) -> Bytes {
        let headers = [("authorization", self.basic.as_str()), ("content-type", "application/json")];
        request("POST", target, &self.place.authority, &headers, &body.to_string(), fresh)
    }

    async fn tokens(&self, count: usize) -> Result<Vec<String>, LoadError> {
        let request = self.post("/api/v1/enrollment-tokens", &order(), false);
        self.texts(&format!("{count} tokens"), vec![request; count]).await
    }

    /// The secret of a session that begins now.
    async fn session(&self) -> Result<String, LoadError> {
        let answers =
            self.send_all("a session", vec![self.post("/api/v1/session", &json!({}), false)]).await?;
        let secret = answers.first().and_then(|answer| answer["session"].as_str().map(str::to_owned));
        secret.ok_or_else(|| LoadError::Answer { what: String::from("a session"), missing: "session" })
    }

    async fn service_tokens(&self, count: usize) -> Result<Vec<String>, LoadError> {
        let body = json!({ "audience": self.audience, "roles": ROLES, "ttl": "1h" });
        let request = self.post("/api/v1/service-tokens", &body, false);
        self.texts(&format!("{count} service tokens"), vec![request; count]).await
    }

    async fn texts(&self, what: &str, requests: Vec<Bytes>) -> Result<Vec<String>, LoadError> {
        let answers = self.send_all(what, requests).await?;
        let texts = answers.iter().map(|answer| answer["token"].as_str().map(str::to_owned));
        let missing = || LoadError::Answer { what: what.to_owned(), missing: "token" };
        texts.map(|text| text.ok_or_else(missing)).collect()
    }

    /// An inactive token is answered with 200 too, and costs less: it would measure the wrong thing.
    async fn must_be_active(&self, introspection: Bytes) -> Result<(), LoadError> {
        let what = "the introspection of a token that is good";
        let answers = self.send_all(what, vec![introspection]).await?;
        match answers.first().is_some_and(|answer| answer["active"] == true) {
            true => Ok(()),
            false => Err(LoadError::Answer { what: what.to_owned(), missing: "\"active\": true" }),
        }
    }

    /// Questions about as many service tokens.
    async fn verifications(&self, count: usize, fresh: bool) -> Result<Shots, LoadError> {
        let mut asks = self.service_tokens(count).await?.into_iter().map(|token| {
            let body = json!({ "tokens": [token], "audience": self.audience });
            Shot { request: self.post("/api/v1/verify", &body, fresh), tls: None }
        });
        Ok(match asks.next() {
            Some(only) if count == 1 => Shots::Same(only),
            first => Shots::Each(first.into_iter().chain(asks).collect()),
        })
    }

    /// A redemption of each token, by a host of its own.
    fn redemptions(&self, tokens: Vec<String>, fresh: bool) -> Result<Vec<(HostKey, Bytes)>, LoadError> {
        let bar = bar(&format!("{} certificate requests", tokens.len()), tokens.len());
        let redemption = |token: String| {
            bar.inc(1);
            let key = HostKey::generate()?;
            let bearer = format!("Bearer {token}");
            let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
            let body = json!({ "csr": key.csr, "cluster": CLUSTER }).to_string();
            let authority = &self.place.authority;
            let request = request("POST", "/api/v1/bootstrap", authority, &headers, &body, fresh);
            Ok((key, request))
        };
        let made = tokens.into_iter().map(redemption).collect();
        bar.finish_and_clear();
        made
    }

    /// Hosts with their answers.
    async fn enroll(&self, count: usize) -> Result<Vec<(HostKey, Value)>, LoadError> {
        let redemptions = self.redemptions(self.tokens(count).await?, false)?;
        let (keys, requests): (Vec<_>, Vec<_>) = redemptions.into_iter().unzip();
        let answers = self.send_all(&format!("{count} hosts"), requests).await?;
        Ok(keys.into_iter().zip(answers).collect())
    }

    async fn enrolled(&self, count: usize) -> Result<Vec<(HostKey, Arc<ClientConfig>)>, LoadError> {
        let hosts = self.enroll(count).await?.into_iter();
        hosts
            .map(|(key, enrolled)| {
                let tls = self.trusting.config(Some(key.identity(&enrolled)?))?;
                Ok((key, tls))
            })
            .collect()
    }

    /// Each host renews once: it may only do so a few times an hour.
    async fn renewals(&self, count: usize) -> Result<Vec<Shot>, LoadError> {
        let hosts = self.enrolled(count).await?.into_iter();
        let renewal = |(_, tls)| {
            let body = json!({ "csr": HostKey::generate()?.csr }).to_string();
            let headers = [("content-type", "application/json")];
            let request = request("POST", "/api/v1/renew", &self.place.authority, &headers, &body, true);
            Ok(Shot { request, tls: Some(tls) })
        };
        hosts.map(renewal).collect()
    }

    /// Each host checks in once, as the daemon does.
    async fn checkins(&self, count: usize) -> Result<Vec<Shot>, LoadError> {
        let body = json!({ "version": env!("CARGO_PKG_VERSION"), "status": "healthy" }).to_string();
        let headers = [("content-type", "application/json")];
        let request = request("POST", "/api/v1/checkin", &self.place.authority, &headers, &body, true);
        let hosts = self.enrolled(count).await?.into_iter();
        Ok(hosts.map(|(_, tls)| Shot { request: request.clone(), tls: Some(tls) }).collect())
    }

    /// A metric of the server: its series with this label together.
    pub(crate) async fn metric(&self, name: &str, label: &str) -> Result<f64, LoadError> {
        let io = |error| LoadError::io(String::from("reading /metrics"))(error);
        let mut connection = Connection::open(&self.place, &self.tls).await.map_err(io)?;
        let answer = connection.exchange(&self.get("/metrics", &[], true)).await.map_err(io)?;
        let text = String::from_utf8_lossy(&answer.body);
        let series = text.lines().filter_map(|line| {
            let rest = line.strip_prefix(name)?;
            let counts = rest.starts_with([' ', '{']) && rest.contains(label);
            counts.then(|| rest.rsplit(' ').next()?.parse::<f64>().ok())?
        });
        Ok(series.sum())
    }

    /// The path of the status list that a new token names.
    async fn status_path(&self) -> Result<String, LoadError> {
        let token = self.tokens(1).await?.pop().unwrap_or_default();
        let claims = token.split('.').nth(1).and_then(|part| URL_SAFE_NO_PAD.decode(part).ok());
        let claims: Value = serde_json::from_slice(&claims.unwrap_or_default()).unwrap_or_default();
        let uri = claims["status"]["status_list"]["uri"].as_str();
        let path = uri.and_then(|uri| uri.splitn(4, '/').nth(3)).map(|path| format!("/{path}"));
        path.ok_or_else(|| LoadError::Answer { what: String::from("the status list"), missing: "uri" })
    }

    /// Sends each request once, over a few connections; answers in their order.
    async fn send_all(&self, what: &str, requests: Vec<Bytes>) -> Result<Vec<Value>, LoadError> {
        let bar = bar(what, requests.len());
        let hands = HANDS.min(requests.len().max(1));
        let requests = Arc::new(requests);
        let mut sending = JoinSet::new();
        for hand in 0..hands {
            let (place, tls, requests, bar) =
                (self.place.clone(), Arc::clone(&self.tls), Arc::clone(&requests), bar.clone());
            let what = what.to_owned();
            sending.spawn(async move {
                let mut answers = Vec::new();
                let io = |error| LoadError::io(format!("preparing {what}"))(error);
                let mut connection = Connection::open(&place, &tls).await.map_err(io)?;
                for (place, request) in requests.iter().enumerate().skip(hand).step_by(hands) {
                    let answer = patiently(&mut connection, request).await.map_err(io)?;
                    answers.push((place, accepted(&what, answer.status, &answer.body)?));
                    bar.inc(1);
                }
                Ok(answers)
            });
        }
        let mut answers = Vec::with_capacity(requests.len());
        for share in sending.join_all().await {
            answers.extend(share?);
        }
        bar.finish_and_clear();
        answers.sort_unstable_by_key(|(place, _)| *place);
        Ok(answers.into_iter().map(|(_, answer)| answer).collect())
    }
}

/// Each redemption once.
fn each(redemptions: Vec<(HostKey, Bytes)>) -> Shots {
    Shots::Each(redemptions.into_iter().map(|(_, request)| Shot { request, tls: None }).collect())
}

/// An order for a token that admits one host.
fn order() -> Value {
    json!({ "roles": ROLES, "ttl": "24h", "max_uses": 1 })
}

/// Sends `request` until the server is not too busy with passwords: one is hashed once a minute, and many callers may
/// meet at that moment.
async fn patiently(connection: &mut Connection, request: &[u8]) -> std::io::Result<Answer> {
    for _ in 0..ATTEMPTS {
        let answer = connection.exchange(request).await?;
        if answer.status != 429 {
            return Ok(answer);
        }
        tokio::time::sleep(PAUSE).await;
    }
    connection.exchange(request).await
}

/// The JSON of a successful answer.
pub(crate) fn accepted(what: &str, status: u16, body: &[u8]) -> Result<Value, LoadError> {
    if (200..300).contains(&status) {
        return Ok(serde_json::from_slice(body).unwrap_or_default());
    }
    let hint = match status {
        404 => ": this gatepass has no such route",
        401 => ": give the right --user and GATEPASS_PASSWORD",
        _ => "",
    };
    Err(LoadError::Refused { what: what.to_owned(), status, code: code(body), hint })
}

/// A bar on standard error, where that is a terminal.
fn bar(what: &str, count: usize) -> ProgressBar {
    let bar = ProgressBar::new(count as u64).with_message(format!("preparing {what}"));
    if let Ok(style) = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len}, {eta} left") {
        bar.set_style(style);
    }
    bar
}
