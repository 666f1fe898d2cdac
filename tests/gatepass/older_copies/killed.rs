//! Kills between two marks: none is ahead of the database.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use gatepass::clock::{ManualClock, SystemClock};
use gatepass::service::ledger_mark::LedgerMark;
use gatepass::service::vault::Vault;
use gatepass::store::sqlite::SqliteStore;
use serde_json::json;
use tokio::task::JoinSet;

use crate::support::authority::start;
use crate::support::{Running, eventually, inside};

const KILLS: u64 = 12;
const WORKERS: usize = 4;
/// The variable that names the data directory to the process that is killed.
const DATA: &str = "BUSY_SERVER_DATA";

/// A process that is killed when it is dropped.
struct Busy(Child);

impl Drop for Busy {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs [`a_busy_server_writes_marks_until_it_is_killed`] in a process of its own.
fn busy(data: &Path) -> Busy {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "older_copies::killed::a_busy_server_writes_marks_until_it_is_killed"]);
    Busy(command.env(DATA, data).stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap())
}

/// The number in the mark. A mark that is being renamed is there, before or after.
fn marked(vault: &Vault) -> u64 {
    LedgerMark::read(vault).unwrap().map_or(0, |mark| mark.seq)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_server_never_has_a_mark_ahead() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let vault = Vault::at(&data.join("keys"));
    for kill in 0..KILLS {
        let before = marked(&vault);
        let mut server = busy(&data);
        eventually("the mark has moved", async || {
            assert!(server.0.try_wait().unwrap().is_none(), "the server started and runs");
            (marked(&vault) > before + kill * 5 % 17).then_some(())
        })
        .await;
        drop(server);
        let mark = LedgerMark::read(&vault).unwrap().unwrap();
        let store = SqliteStore::open(&data.join("gatepass.db"), SystemClock::now()).unwrap();
        assert_eq!(mark.judge(store.as_ref()).await.unwrap(), None, "kill {kill}");
        store.close();
    }
}

/// Does nothing unless the test above runs it.
#[tokio::test(flavor = "multi_thread")]
async fn a_busy_server_writes_marks_until_it_is_killed() {
    let named = std::env::vars_os().find(|(name, _)| name == DATA);
    let Some(data) = named.map(|(_, data)| PathBuf::from(data)) else { return };
    let at = Running::open(&data, Arc::new(ManualClock::at(start())), &[]).await.unwrap();
    let mut working = JoinSet::new();
    for _ in 0..WORKERS {
        let authority = Arc::clone(&at.authority);
        working.spawn(async move {
            loop {
                inside::mint(&authority, json!({})).await.unwrap();
            }
        });
    }
    loop {
        at.authority.upkeep.write_ledger_mark().await.unwrap();
    }
}
