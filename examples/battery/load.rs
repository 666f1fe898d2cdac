//! Clients that mint, redeem and revoke, until they are stopped or the server breaks off.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rcgen::{CertificateParams, KeyPair};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::Fault;
use crate::authority::Authority;
use crate::caller::{Answer, Caller};
use crate::findings::Findings;
use crate::record::{Outcome, Record, Redemption, Revocation, SHARED_USES};
use crate::tools::below;

/// A client waits that long after 503.
const PAUSE: Duration = Duration::from_millis(20);
/// The cluster that shared tokens are bound to.
const CLUSTER: &str = "battery";

/// The record and the findings of clients at work.
#[derive(Default)]
pub(crate) struct Load {
    pub(crate) record: Mutex<Record>,
    pub(crate) findings: Mutex<Findings>,
    /// The present moment, where the order of answers and other events matters.
    moment: Arc<AtomicU64>,
    acknowledged: AtomicU64,
    unavailable: AtomicU64,
    stop: AtomicBool,
}

/// Clients at work.
pub(crate) struct Working {
    load: Arc<Load>,
    clients: JoinSet<Option<()>>,
}

impl Load {
    /// Clients whose answers get the moments of another count.
    pub(crate) fn at(moment: Arc<AtomicU64>) -> Self {
        Self { moment, ..Self::default() }
    }

    fn now(&self) -> u64 {
        self.moment.load(Ordering::SeqCst)
    }

    /// Begins the next moment, and returns the one before.
    pub(crate) fn next_moment(&self) -> u64 {
        self.moment.fetch_add(1, Ordering::SeqCst)
    }

    /// Sets clients to work on a server.
    pub(crate) fn begin(self: &Arc<Self>, authority: &Authority, clients: u16) -> Working {
        self.stop.store(false, Ordering::Relaxed);
        self.acknowledged.store(0, Ordering::Relaxed);
        self.unavailable.store(0, Ordering::Relaxed);
        let mut working = JoinSet::new();
        for _ in 0..clients {
            let client = Client { load: Arc::clone(self), caller: Arc::clone(&authority.caller) };
            working.spawn(client.work());
        }
        Working { load: Arc::clone(self), clients: working }
    }
}

impl Working {
    /// Waits for `acts` acknowledged acts. False if that takes longer than `limit`, or the server breaks off.
    pub(crate) async fn acknowledged(&self, acts: u64, limit: Duration) -> bool {
        self.reaches(&self.load.acknowledged, acts, limit).await
    }

    /// Waits until `answers` requests were refused as unavailable. False if that takes longer than `limit`.
    pub(crate) async fn unavailable(&self, answers: u64, limit: Duration) -> bool {
        self.reaches(&self.load.unavailable, answers, limit).await
    }

    async fn reaches(&self, count: &AtomicU64, wanted: u64, limit: Duration) -> bool {
        let deadline = Instant::now() + limit;
        while count.load(Ordering::Relaxed) < wanted {
            if Instant::now() >= deadline || self.load.stop.load(Ordering::Relaxed) {
                return false;
            }
            sleep(Duration::from_millis(1)).await;
        }
        true
    }

    /// Tells the clients to stop, and waits until each has. True if the server broke off before.
    pub(crate) async fn end(self) -> bool {
        let broke_off = self.load.stop.swap(true, Ordering::Relaxed);
        self.clients.join_all().await;
        broke_off
    }
}

/// One client. Its acts return `None` once the server breaks off.
struct Client {
    load: Arc<Load>,
    caller: Arc<Caller>,
}

impl Client {
    async fn work(self) -> Option<()> {
        while !self.load.stop.load(Ordering::Relaxed) {
            let done = match below(20) {
                0..=2 => self.revoke().await,
                3..=11 => self.once().await,
                _ => self.share().await,
            };
            if done.is_none() {
                // The other clients meet the same broken server.
                self.load.stop.store(true, Ordering::Relaxed);
            }
            done?;
        }
        Some(())
    }

    /// A token of one use for one host.
    async fn once(&self) -> Option<()> {
        match self.mint(1, below(2) == 0, None).await? {
            Some(token) => self.redeem(token).await,
            None => Some(()),
        }
    }

    /// A cluster token whose few uses all clients race for.
    async fn share(&self) -> Option<()> {
        let shared = self.load.record.lock().shared;
        let token = match shared {
            Some(token) => Some(token),
            None => self.mint(SHARED_USES, below(2) == 0, Some(CLUSTER)).await?,
        };
        let Some(token) = token else { return Some(()) };
        self.load.record.lock().shared = Some(token);
        self.redeem(token).await
    }

    /// A token with one host, which is then revoked. Nobody may use it afterwards.
    async fn revoke(&self) -> Option<()> {
        let Some(number) = self.mint(3, below(2) == 0, None).await? else { return Some(()) };
        self.redeem(number).await?;
        let token = {
            let mut record = self.load.record.lock();
            record.tokens[number].revocation = Revocation::Asked;
            record.tokens[number].clone()
        };
        if self.settle(self.caller.revoke(&token).await, "a revocation").await?.is_none() {
            return Some(());
        }
        let acknowledged = (Revocation::Acknowledged, self.load.now());
        {
            let token = &mut self.load.record.lock().tokens[number];
            (token.revocation, token.moments.1) = acknowledged;
        }
        if let Answer::Done(_) = self.caller.redeem(&token, &request()).await {
            self.load
                .findings
                .lock()
                .over_used(&format!("token {}", token.id), "redeemed after its revocation");
        }
        Some(())
    }

    async fn mint(
        &self,
        uses: u32,
        persistent: bool,
        cluster: Option<&'static str>,
    ) -> Option<Option<usize>> {
        let minted = self.settle(self.caller.mint(uses, persistent, cluster).await, "a mint").await?;
        Some(minted.map(|mut token| {
            token.moments.0 = self.load.now();
            let mut record = self.load.record.lock();
            record.tokens.push(token);
            record.tokens.len() - 1
        }))
    }

    async fn redeem(&self, number: usize) -> Option<()> {
        let csr = request();
        let (token, place) = {
            let mut record = self.load.record.lock();
            record.redemptions.push(Redemption {
                token: number,
                csr: csr.clone(),
                outcome: Outcome::Open,
                moment: 0,
            });
            (record.tokens[number].clone(), record.redemptions.len() - 1)
        };
        match self.caller.redeem(&token, &csr).await {
            Answer::Refused(410, code) if code == "token_exhausted" && token.cluster.is_some() => {
                let mut record = self.load.record.lock();
                record.redemptions[place].outcome = Outcome::Exhausted;
                if record.shared == Some(number) {
                    record.shared = None;
                }
            }
            answer => {
                if let Some(enrolled) = self.settle(answer, "a redemption").await? {
                    let now = self.load.now();
                    let redemption = &mut self.load.record.lock().redemptions[place];
                    (redemption.outcome, redemption.moment) = (Outcome::Enrolled(enrolled), now);
                }
            }
        }
        Some(())
    }

    /// Counts an answer. The inner value is `None` if the act was not done, the outer one if nobody answers.
    async fn settle<T>(&self, answer: Answer<T>, what: &str) -> Option<Option<T>> {
        match answer {
            Answer::Done(value) => {
                self.load.acknowledged.fetch_add(1, Ordering::Relaxed);
                Some(Some(value))
            }
            Answer::Broken => None,
            Answer::Unavailable(503, _) => {
                self.load.unavailable.fetch_add(1, Ordering::Relaxed);
                sleep(PAUSE).await;
                Some(None)
            }
            Answer::Unavailable(status, code) | Answer::Refused(status, code) => {
                self.load
                    .findings
                    .lock()
                    .other(&format!("{what} answered with {status} {code}"), "under load");
                Some(None)
            }
        }
    }
}

/// The certificate request of a new host.
pub(crate) fn request() -> String {
    let made = || -> Result<String, Fault> {
        let key = KeyPair::generate()?;
        Ok(CertificateParams::new(Vec::new())?.serialize_request(&key)?.pem()?)
    };
    made().unwrap_or_default()
}
