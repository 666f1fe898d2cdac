//! Concurrent callers share work that grows with the store, and the server still answers others.

mod cli;

use std::collections::BTreeSet;
use std::pin::Pin;
use std::sync::{Arc, mpsc};
use std::task::Poll;

use gatepass::ledger::{Action, Draft};
use gatepass::service::{Authority, ServiceError};
use gatepass::store::AppendEntries;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::support::Running;

/// The number of concurrent callers.
const MANY: usize = 60;

/// A runtime with one blocking thread: while a test holds it, no list is read.
fn runtime() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).max_blocking_threads(1).enable_all().build().unwrap()
}

/// Holds the blocking thread until the returned sender is used.
async fn hold() -> mpsc::Sender<()> {
    let ((taken, is_taken), (let_go, until)) = (oneshot::channel(), mpsc::channel::<()>());
    tokio::task::spawn_blocking(move || {
        taken.send(()).unwrap();
        until.recv()
    });
    is_taken.await.unwrap();
    let_go
}

type Answer<T> = Pin<Box<dyn Future<Output = Result<Arc<T>, ServiceError>> + Send>>;

/// Asks, as far as that goes without waiting; a task goes on with it.
async fn begin<T: Send + Sync + 'static>(
    at: &Running,
    ask: fn(Arc<Authority>) -> Answer<T>,
) -> JoinHandle<Result<Arc<T>, ServiceError>> {
    let mut asking = ask(Arc::clone(&at.authority));
    std::future::poll_fn(|context| {
        assert!(asking.as_mut().poll(context).is_pending());
        Poll::Ready(())
    })
    .await;
    tokio::spawn(asking)
}

/// The answers, and how many different ones they are: each piece of work has one of its own.
async fn answers<T>(asked: Vec<JoinHandle<Result<Arc<T>, ServiceError>>>) -> (Vec<Arc<T>>, usize) {
    let mut answers = Vec::new();
    for one in asked {
        answers.push(one.await.unwrap().unwrap());
    }
    let different: BTreeSet<_> = answers.iter().map(|answer| Arc::as_ptr(answer).addr()).collect();
    (answers, different.len())
}

#[test]
fn concurrent_verifications_share_a_covering_run() {
    runtime().block_on(async {
        let at = Running::start().await;
        let let_go = hold().await;
        let verify = |authority: Arc<Authority>| -> Answer<_> {
            Box::pin(async move { authority.ledger.verify().await })
        };
        let first = begin(&at, verify).await;
        let entries = vec![Draft::done(Action::SignInRefused, at.clock_reading(), "system")];
        at.store.append_entries(AppendEntries { entries }).await.unwrap();
        let last = at.store.chain_head().await.unwrap().seq;
        let mut others = Vec::new();
        for _ in 0..MANY {
            others.push(begin(&at, verify).await);
        }
        assert_eq!(at.stranger().get("/livez").await.status, 200);
        let_go.send(()).unwrap();

        let first = first.await.unwrap().unwrap();
        let (verdicts, different) = answers(others).await;
        assert!(verdicts.iter().all(|verdict| verdict.fault.is_none() && verdict.entries >= last));
        assert!(verdicts.iter().all(|verdict| !Arc::ptr_eq(verdict, &first)), "that one looked before");
        assert!(different < MANY / 2, "{different} verifications for {MANY} who asked");
        at.stop().await;
    });
}

#[test]
fn many_who_ask_share_elastics_list_of_persistent_tokens() {
    runtime().block_on(async {
        let at = Running::start().await;
        let let_go = hold().await;
        let mut asked = Vec::new();
        for _ in 0..MANY {
            asked.push(
                begin(&at, |authority| {
                    Box::pin(async move { authority.tokens.list_persistent_tokens().await })
                })
                .await,
            );
        }
        let_go.send(()).unwrap();
        let (lists, different) = answers(asked).await;
        assert!(lists.iter().all(|list| list.len() == 2), "the first roles token and the emergency token");
        assert!(different < MANY / 2, "{different} lists for {MANY} who asked");
        at.stop().await;
    });
}
