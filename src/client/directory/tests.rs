//! Every point where a crash can interrupt a change, and the result of the next run.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, IsCa, KeyPair,
    PublicKeyData as _, SanType, SubjectPublicKeyInfo,
};

use super::*;
use crate::client::host::TrustAnchor;
use crate::clock::Timestamp;
use crate::id::{Fingerprint, HostId, TokenId};
use crate::name::Role;
use crate::secret::Secret;
use crate::wire::{CertificateLife, Certified, EnrollAnswer, HostSummary};

fn certified() -> Certified {
    Certified { roles: vec![Role::parse("proxy").unwrap()], name: None }
}

/// A `host.json` of a certificate that lives from `from` to `to`.
pub(crate) fn host_file(from: Timestamp, to: Timestamp) -> HostFile {
    HostFile {
        servers: Servers::new(String::from("https://127.0.0.1:8443")),
        host_id: HostId::with(Timestamp::from_secs(1), &[1; 10]),
        certified: certified(),
        fingerprint: Fingerprint::from_bytes([2; 32]),
        trust: TrustAnchor::Pinned(Fingerprint::from_bytes([2; 32])),
        token_id: TokenId::with(Timestamp::from_secs(1), &[3; 10]),
        life: CertificateLife { expires_at: to, renew_after: from.plus(to.since(from) * 2 / 3) },
    }
}

/// The form of a host's certificate.
fn host_params(host: &HostFile) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, host.host_id.to_string());
    for role in &host.certified.roles {
        params.distinguished_name.push(DnType::OrganizationName, role.as_str());
    }
    let spiffe = format!("spiffe://gate.example.org/host/{}", host.host_id);
    params.subject_alt_names = vec![SanType::URI(spiffe.try_into().unwrap())];
    params.serial_number = Some(vec![0x40; 16].into());
    params.not_before = rcgen::date_time_ymd(1970, 1, 1);
    params.not_after =
        params.not_before + std::time::Duration::from_secs(host.life.expires_at.secs().try_into().unwrap());
    params
}

/// The answer of an authority to `key`.
pub(crate) fn answer(key: &HostKey) -> EnrollAnswer {
    answer_for(key, host())
}

/// The same for the host in a host file.
pub(crate) fn answer_for(key: &HostKey, host: HostFile) -> EnrollAnswer {
    let mut ca = CertificateParams::default();
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let root = CertifiedIssuer::self_signed(ca, KeyPair::generate().unwrap()).unwrap();
    let public = KeyPair::from_pem(key.to_pem().expose()).unwrap().subject_public_key_info();
    let public = SubjectPublicKeyInfo::from_der(&public).unwrap();
    let leaf = host_params(&host).signed_by(&public, &root).unwrap();
    EnrollAnswer {
        host: HostSummary {
            host_id: host.host_id,
            certified: host.certified,
            life: host.life,
            server_url: None,
        },
        certificate: leaf.pem(),
        chain: root.pem(),
        ca_certificate: root.pem(),
        name_withdrawn: None,
    }
}

fn purpose() -> Purpose {
    Purpose::Enroll(TokenId::with(Timestamp::from_secs(1), &[3; 10]))
}

fn pem(attempt: &KeyAttempt<'_>) -> String {
    attempt.key().to_pem().expose().clone()
}

fn begin(path: &Path) -> String {
    pem(&CertDir::open(path).unwrap().begin(&purpose(), None).unwrap())
}

pub(super) fn host() -> HostFile {
    host_file(Timestamp::from_secs(0), Timestamp::from_secs(3000))
}

fn assert_whole(path: &Path, key: &str) {
    assert_eq!(load(path).unwrap(), Some(host()));
    assert_eq!(load_key(path).unwrap().unwrap().to_pem().expose(), key);
    assert!(load_identity(path).is_ok());
}

#[test]
fn a_renewal_keeps_the_key_of_an_enrollment() {
    let dir = enrolled();
    let opened = CertDir::open(dir.path()).unwrap();
    let key = |purpose: &Purpose| opened.begin(purpose, None).unwrap().key().to_pem().expose().clone();
    assert!(!is_enrolling(dir.path()));
    let (enrolling, renewing) = (purpose(), Purpose::Renew(HostId::generate(Timestamp::from_secs(0))));
    let (waits, renews) = (key(&enrolling), key(&renewing));
    assert!(is_enrolling(dir.path()));
    assert_eq!((key(&enrolling), key(&renewing)), (waits, renews));
}

#[test]
fn a_crash_before_the_answer_keeps_the_key() {
    let dir = tempfile::tempdir().unwrap();
    let first = begin(dir.path());
    assert_eq!(begin(dir.path()), first);
    CertDir::open(dir.path())
        .unwrap()
        .begin(&purpose(), None)
        .unwrap()
        .reserve(&KeyReaders::default())
        .unwrap();
    assert_eq!(begin(dir.path()), first);
    assert_eq!(load(dir.path()).unwrap(), None);
}

#[test]
fn a_crash_while_writing_the_answer_keeps_the_key() {
    let dir = tempfile::tempdir().unwrap();
    let first = begin(dir.path());
    {
        let opened = CertDir::open(dir.path()).unwrap();
        let attempt = opened.begin(&purpose(), None).unwrap();
        attempt.reserve(&KeyReaders::default()).unwrap();
        attempt.prepare(&answer(attempt.key()), &host()).unwrap();
    }
    assert_eq!(load(dir.path()).unwrap(), None);
    assert_eq!(begin(dir.path()), first);
}

#[test]
fn a_crash_before_the_link_keeps_the_identity() {
    let dir = tempfile::tempdir().unwrap();
    let key = begin(dir.path());
    {
        let opened = CertDir::open(dir.path()).unwrap();
        let attempt = opened.begin(&purpose(), None).unwrap();
        attempt.prepare(&answer(attempt.key()), &host()).unwrap();
        attempt.commit().unwrap();
    }
    repair(dir.path()).unwrap();
    assert_whole(dir.path(), &key);
    assert!(!dir.path().join(PENDING).exists());
}

#[test]
fn an_incomplete_key_is_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let first = begin(dir.path());
    fs::write(dir.path().join(PENDING).join(KEY), &first[..40]).unwrap();
    assert_ne!(begin(dir.path()), first);
}

/// A token may be minted for the prepared key: a crash must not lose it.
#[test]
fn a_prepared_key_stays_on_the_disk() {
    let dir = tempfile::tempdir().unwrap();
    let opened = CertDir::open(dir.path()).unwrap();
    let thumbprint = opened.prepare_key().unwrap();
    let file = fs::File::open(dir.path().join(PENDING).join(KEY)).unwrap();
    let prepared = opened.prepared(Some(thumbprint)).unwrap();
    let attempt = opened.begin(&purpose(), prepared).unwrap();
    assert_eq!(attempt.key().thumbprint().unwrap(), thumbprint);
    assert_eq!(file.metadata().unwrap().nlink(), 1, "the file was never removed");
    assert!(is_enrolling(dir.path()));
}

#[test]
fn another_purpose_gets_another_key() {
    let dir = tempfile::tempdir().unwrap();
    let first = begin(dir.path());
    let opened = CertDir::open(dir.path()).unwrap();
    let renewal =
        opened.begin(&Purpose::Renew(HostId::with(Timestamp::from_secs(1), &[1; 10])), None).unwrap();
    assert_ne!(pem(&renewal), first);
}

#[test]
fn a_renewal_replaces_every_file_together() {
    let dir = tempfile::tempdir().unwrap();
    let opened = CertDir::open(dir.path()).unwrap();
    let old = opened.begin(&purpose(), None).unwrap();
    let old_key = pem(&old);
    old.complete(&answer(&HostKey::from_pem(&Secret::new(old_key.clone())).unwrap()), &host()).unwrap();
    let new = opened.begin(&Purpose::Renew(host().host_id), None).unwrap();
    let new_key = pem(&new);
    assert_whole(dir.path(), &old_key);
    let answered = answer(new.key());
    new.complete(&answered, &host()).unwrap();
    assert_whole(dir.path(), &new_key);
}

#[test]
fn the_key_is_readable_by_its_owner_only() {
    let dir = tempfile::tempdir().unwrap();
    let opened = CertDir::open(dir.path()).unwrap();
    let attempt = opened.begin(&purpose(), None).unwrap();
    let answered = answer(attempt.key());
    attempt.complete(&answered, &host()).unwrap();
    let mode = fs::metadata(dir.path().join(KEY)).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

fn open_to_others(path: &Path) {
    fs::set_permissions(path, fs::Permissions::from_mode(0o644)).unwrap();
}

fn assert_exposed<T: std::fmt::Debug>(refused: Result<T, ClientError>, key: &Path) {
    let error = refused.unwrap_err();
    assert!(matches!(error, ClientError::Exposed { mode: 0o644, .. }), "{error:?}");
    assert!(error.to_string().contains(&format!("run `chmod 600 {}`", key.display())), "{error}");
}

#[test]
fn a_key_readable_by_others_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let opened = CertDir::open(dir.path()).unwrap();
    let attempt = opened.begin(&purpose(), None).unwrap();
    let pending = dir.path().join(PENDING).join(KEY);
    open_to_others(&pending);
    assert_exposed(opened.begin(&purpose(), None).map(drop), &pending);
    let answered = answer(attempt.key());
    attempt.complete(&answered, &host()).unwrap();
    let key = dir.path().join(KEY);
    assert_exposed(load_identity(dir.path()).map(drop), &key);
    assert_exposed(load_key(dir.path()).map(drop), &key);
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    assert!(load_identity(dir.path()).is_ok());
    assert_eq!(load(dir.path()).unwrap(), Some(host()), "what is no secret may be read");
}

/// The directory and the identity in it, as enrolling leaves them.
pub(super) fn enrolled() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let opened = CertDir::open(dir.path()).unwrap();
    let attempt = opened.begin(&purpose(), None).unwrap();
    let answered = answer(attempt.key());
    attempt.complete(&answered, &host()).unwrap();
    dir
}

fn assert_foreign<T: std::fmt::Debug>(refused: Result<T, ClientError>, named: &str) {
    let error = refused.unwrap_err();
    assert!(matches!(error, ClientError::Ownership(_)), "{error:?}");
    assert!(error.to_string().contains(named), "{error}");
}

#[test]
fn a_key_in_an_open_directory_is_refused() {
    let dir = enrolled();
    for open in [0o777, 0o1777, 0o775] {
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(open)).unwrap();
        assert_foreign(CertDir::open(dir.path()).map(drop), "use a subdirectory");
        assert_foreign(load_key(dir.path()).map(drop), "use a subdirectory");
        assert_foreign(load(dir.path()).map(drop), "use a subdirectory");
    }
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    assert!(load_identity(dir.path()).is_ok());
}

fn read(dir: &Path, name: &str) -> Result<(), ClientError> {
    whole(dir, |stored| stored.text(name)).map(drop)
}

#[test]
fn planted_files_are_refused_without_opening_them() {
    for name in FILES {
        let dir = enrolled();
        let (path, kept) = (layout::used(dir.path()).unwrap().join(name), dir.path().join("kept"));
        fs::rename(&path, &kept).unwrap();
        std::os::unix::fs::symlink(&kept, &path).unwrap();
        assert_foreign(CertDir::open(dir.path()).map(drop), "is a link");
        assert_foreign(read(dir.path(), name), "is a link");
        fs::remove_file(&path).unwrap();
        fs::hard_link(&kept, &path).unwrap();
        assert_foreign(CertDir::open(dir.path()).map(drop), "hard links");
        fs::remove_file(&path).unwrap();
        let fifo = rustix::fs::FileType::Fifo;
        rustix::fs::mknodat(rustix::fs::CWD, &path, fifo, rustix::fs::Mode::RUSR, 0).unwrap();
        assert_foreign(CertDir::open(dir.path()).map(drop), "is a FIFO");
        assert_foreign(read(dir.path(), name), "is a FIFO");
    }
}

#[test]
fn a_planted_attempt_is_not_continued() {
    let dir = tempfile::tempdir().unwrap();
    let opened = CertDir::open(dir.path()).unwrap();
    opened.begin(&purpose(), None).map(drop).unwrap();
    drop(opened);
    fs::set_permissions(dir.path().join(PENDING), fs::Permissions::from_mode(0o777)).unwrap();
    assert_foreign(CertDir::open(dir.path()).map(drop), PENDING);
    fs::rename(dir.path().join(PENDING), dir.path().join("kept")).unwrap();
    std::os::unix::fs::symlink(dir.path().join("kept"), dir.path().join(PENDING)).unwrap();
    assert_foreign(CertDir::open(dir.path()).map(drop), "is a link");
}

#[test]
fn the_path_to_the_directory_may_be_a_link() {
    let dir = enrolled();
    let link = dir.path().with_extension("link");
    std::os::unix::fs::symlink(dir.path(), &link).unwrap();
    assert!(load_identity(&link).is_ok() && CertDir::open(&link).is_ok());
    fs::remove_file(link).unwrap();
}

#[test]
fn two_processes_cannot_change_one_directory() {
    let dir = tempfile::tempdir().unwrap();
    let _first = CertDir::open(dir.path()).unwrap();
    assert!(matches!(CertDir::open(dir.path()), Err(ClientError::Busy { .. })));
}

#[test]
fn leaving_removes_every_file_of_enrolling() {
    let dir = tempfile::tempdir().unwrap();
    let opened = CertDir::open(dir.path()).unwrap();
    let attempt = opened.begin(&purpose(), None).unwrap();
    let answered = answer(attempt.key());
    attempt.complete(&answered, &host()).unwrap();
    opened.clear().unwrap();
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn an_answer_for_another_key_is_refused() {
    let (ours, theirs) = (HostKey::generate().unwrap(), HostKey::generate().unwrap());
    let good = answer(&ours);
    let fingerprint = ours.check(&good, None).unwrap();
    assert_eq!(ours.check(&good, Some(fingerprint)).unwrap(), fingerprint);
    assert!(matches!(theirs.check(&good, None), Err(ClientError::Answer { .. })));
    assert!(ours.check(&good, Some(Fingerprint::from_bytes([0; 32]))).is_err());
    let foreign = answer(&ours);
    let mixed = EnrollAnswer { chain: foreign.chain, ca_certificate: foreign.ca_certificate, ..good };
    assert!(ours.check(&mixed, None).is_err());
}
