use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use super::*;
use crate::client::directory::tests::host_file;
use crate::client::renewal::record::RenewalRecord;
use crate::clock::{ManualClock, Timestamp};

fn enrolled() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o700)).unwrap();
    let host = host_file(Timestamp::from_secs(0), Timestamp::from_secs(3000));
    fs::write(dir.path().join("host.json"), serde_json::to_string(&host).unwrap()).unwrap();
    dir
}

#[tokio::test]
async fn a_daemon_without_an_identity_fails() {
    let dir = tempfile::tempdir().unwrap();
    let clock = ManualClock::at(Timestamp::from_secs(0));
    let daemon = Daemon::new(ThisHost::at(dir.path()), &clock);
    let ended = daemon.run(|_| {}, std::future::pending()).await;
    assert!(matches!(ended, Err(ClientError::NotEnrolled { .. })));
}

#[tokio::test]
async fn a_daemon_stops_on_shutdown() {
    let dir = enrolled();
    let clock = ManualClock::at(Timestamp::from_secs(0));
    let daemon = Daemon::new(ThisHost::at(dir.path()), &clock);
    assert!(daemon.run(|_| {}, std::future::ready(())).await.is_ok());
    assert_eq!(RenewalRecord::load(dir.path()).pid, None);
}

#[tokio::test]
async fn a_second_daemon_of_an_identity_fails() {
    let dir = enrolled();
    let clock = ManualClock::at(Timestamp::from_secs(0));
    let (first, second) =
        (Daemon::new(ThisHost::at(dir.path()), &clock), Daemon::new(ThisHost::at(dir.path()), &clock));
    let refused = async { second.run(|_| {}, std::future::pending()).await.unwrap_err() };
    let mut refused = std::pin::pin!(refused);
    first.run(|_| {}, async { drop(refused.as_mut().await) }).await.unwrap();
    let pid = std::process::id().to_string();
    let lock = DaemonLock::take(dir.path()).await.unwrap();
    let refused = second.run(|_| {}, std::future::pending()).await.unwrap_err().to_string();
    assert!(refused.contains("another") && !refused.contains(&pid), "{refused}");
    drop(lock);
}
