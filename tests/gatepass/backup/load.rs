//! Twenty backups while hosts enroll as fast as they can: each is sound, and none stops the enrollments.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;

use super::{backed_up, opened};
use crate::support::inside::{mint, redeem};
use crate::support::{Host, Running, database, eventually};

/// Number of backups.
const BACKUPS: usize = 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn backups_under_full_load_are_whole() {
    let (dir, at) = (tempfile::tempdir().unwrap(), Running::start().await);
    let request = json!({ "persistent": true, "roles": [], "max_uses": null });
    let token = mint(&at.authority, request).await.unwrap().text().expose().clone();
    let (answered, stop) = (Arc::new(AtomicI64::new(0)), Arc::new(AtomicBool::new(false)));
    let load = (0..4).map(|_| {
        let (authority, token) = (Arc::clone(&at.authority), token.clone());
        let (answered, stop) = (Arc::clone(&answered), Arc::clone(&stop));
        tokio::spawn(async move {
            while !stop.load(Ordering::Relaxed) {
                redeem(&authority, &token, &Host::new().csr(), None).await.unwrap();
                answered.fetch_add(1, Ordering::SeqCst);
            }
        })
    });
    let load = load.collect::<Vec<_>>();
    eventually("hosts enroll", async || (answered.load(Ordering::SeqCst) > 50).then_some(())).await;
    let (mut slowest, began) = (Duration::ZERO, Instant::now());
    for number in 0..BACKUPS {
        let (file, data_dir) = (dir.path().join(format!("{number}.db")), at.data_dir().to_owned());
        let (before, started) = (answered.load(Ordering::SeqCst), Instant::now());
        let made = tokio::task::spawn_blocking({
            let file = file.clone();
            move || backed_up(&data_dir, &file, &[])
        });
        let made = made.await.unwrap();
        slowest = slowest.max(started.elapsed());
        // Enrollments go on beside the next backup.
        eventually("another host enrolls", async || (answered.load(Ordering::SeqCst) > before).then_some(()))
            .await;
        let copy = opened(at.data_dir(), &file, &dir.path().join(format!("into-{number}")));
        let copy = rusqlite::Connection::open(copy.database).unwrap();
        let hosts = database::one(&copy, "SELECT count(*) FROM hosts");
        assert!(hosts >= before, "{hosts} of {before}: an answered enrollment is missing");
        assert_eq!(database::one(&copy, "SELECT head_seq FROM meta"), made["seq"].as_i64().unwrap());
    }
    let rate = answered.load(Ordering::SeqCst) as f64 / began.elapsed().as_secs_f64();
    println!("{BACKUPS} backups, the slowest in {slowest:?}, beside {rate:.0} enrollments a second");
    stop.store(true, Ordering::Relaxed);
    for task in load {
        task.await.unwrap();
    }
    let recorded = "SELECT count(*) FROM ledger WHERE action = 'backup_made'";
    assert_eq!(database::one(&database::reader(at.data_dir()), recorded), BACKUPS as i64);
    at.stop().await;
}
