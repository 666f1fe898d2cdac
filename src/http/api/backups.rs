//! Backups. A process on the server's machine makes them; no bytes of the database travel over HTTP.

use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::clock::Timestamp;
use crate::http::call::Call;
use crate::http::decode;
use crate::http::problem::{Problem, code};
use crate::http::reply::Reply;
use crate::id::Fingerprint;
use crate::service::FieldError;
use crate::service::backups::{HELD, HoldId, MadeBackup};

/// An empty object.
#[derive(Deserialize, ToSchema)]
struct MakeBackupRequest {}

/// A backup in the configured directory.
#[derive(Serialize, ToSchema)]
#[schema(as = Backup)]
struct BackupShown {
    /// Path of the file on the server's machine. The server chooses it.
    #[schema(example = "/var/backups/gatepass/gatepass-20261201T041500Z.age")]
    file: String,
    /// Moment of the backup.
    made_at: Timestamp,
    /// Number of the last ledger entry in it.
    #[schema(example = 4711)]
    seq: u64,
    /// SHA-256 of that entry, in hexadecimal digits.
    #[schema(value_type = String, pattern = "^[0-9a-f]{64}$", example = "8f434346648f6b96df89dda901c5176b10a6d83961dd3c1ac88b59b2dc327aa4")]
    hash: Fingerprint,
    /// Size of the file.
    #[schema(example = 12_582_912)]
    bytes: u64,
    /// True if it holds the keys too, sealed for `backup.recipient`.
    with_keys: bool,
}

/// Make a backup
///
/// The file is written into `backup.directory` on the server's machine, and verified. It holds the keys if `backup.recipient` is
/// configured. Only the newest `backup.keep` backups stay. The answer comes when the file is finished.
#[utoipa::path(
    post,
    path = "/api/v1/backup",
    request_body(content = MakeBackupRequest, example = json!({})),
    responses(
        (status = 201, description = "The backup.", body = BackupShown),
        code::BackupNotConfigured,
        code::BackupRunning,
        code::BackupFailed,
        code::KeysUnavailable,
    ),
)]
pub(super) async fn make_backup(call: Call) -> Result<Reply, Problem> {
    decode::strict::<MakeBackupRequest>(&call.body)?;
    let (file, made, made_at) = call.authority.backups.make(&call.caller).await?;
    let (file, MadeBackup { head: (seq, hash), bytes, with_keys }) = (file.display().to_string(), made);
    let hash = Fingerprint::from_bytes(hash);
    Ok(Reply::json(StatusCode::CREATED, &BackupShown { file, made_at, seq, hash, bytes, with_keys }))
}

/// An empty object.
#[derive(Deserialize, ToSchema)]
struct HoldRotationsRequest {}

/// A hold of rotations.
#[derive(Serialize, ToSchema)]
#[schema(as = BackupHold)]
struct HoldShown {
    /// Id of the hold: send it with the finished backup.
    #[schema(example = "1f0c9d6a5b7e43d28c1a0f9e8d7c6b5a")]
    hold: String,
    /// Seconds for which rotations are held.
    #[schema(example = 10)]
    seconds: u64,
    /// The configuration file of the server; `null`: none.
    #[schema(required, example = "/etc/gatepass/gatepass.toml")]
    configuration: Option<String>,
}

/// Hold rotations for a backup
///
/// `gatepass backup` calls it on the server's machine. It waits for a running rotation of keys or CA. New ones wait until the
/// backup is recorded, or for 10 seconds.
#[utoipa::path(
    post,
    path = "/api/v1/backup/hold",
    request_body(content = HoldRotationsRequest, example = json!({})),
    responses((status = 200, description = "Rotations are held.", body = HoldShown)),
)]
pub(super) async fn hold_rotations(call: Call) -> Result<Reply, Problem> {
    decode::strict::<HoldRotationsRequest>(&call.body)?;
    let backups = &call.authority.backups;
    let hold = backups.hold().await.to_string();
    let configuration = backups.config_file().map(|file| file.display().to_string());
    Ok(Reply::ok(&HoldShown { hold, seconds: HELD.as_secs(), configuration }))
}

/// A backup that `gatepass backup` has made.
#[derive(Deserialize, ToSchema)]
#[schema(as = RecordBackupRequest)]
struct Made {
    /// Id of the hold, which ends with this request. It may have ended before.
    #[schema(example = "1f0c9d6a5b7e43d28c1a0f9e8d7c6b5a")]
    hold: Option<String>,
    /// Number of the last ledger entry in the backup.
    #[schema(example = 4711)]
    seq: u64,
    /// SHA-256 of that entry, in hexadecimal digits.
    #[schema(value_type = String, pattern = "^[0-9a-f]{64}$", example = "8f434346648f6b96df89dda901c5176b10a6d83961dd3c1ac88b59b2dc327aa4")]
    hash: Fingerprint,
    /// Size of the file.
    #[schema(example = 12_582_912)]
    bytes: u64,
    /// True if the file holds the keys too.
    with_keys: bool,
}

/// The newest backup.
#[derive(Serialize, ToSchema)]
#[schema(as = BackupRecorded)]
struct Recorded {
    /// Moment of the newest backup.
    backed_up_at: Timestamp,
}

/// Record a backup
///
/// `gatepass backup` calls it with the finished file. The ledger gets an entry, and the age of the newest backup starts again.
#[utoipa::path(
    post,
    path = "/api/v1/backup/made",
    request_body = Made,
    responses((status = 200, description = "Recorded.", body = Recorded)),
)]
pub(super) async fn record_backup(call: Call) -> Result<Reply, Problem> {
    let Made { hold, seq, hash, bytes, with_keys } = decode::strict(&call.body)?;
    let hold = hold.as_deref().map(str::parse::<HoldId>).transpose();
    let hold = hold.map_err(|why| Problem::invalid_fields(vec![FieldError::new("hold", why)]))?;
    let made = MadeBackup { head: (seq, *hash.as_bytes()), bytes, with_keys };
    let backed_up_at = call.authority.backups.record(&call.caller, hold, &made).await?;
    Ok(Reply::ok(&Recorded { backed_up_at }))
}
