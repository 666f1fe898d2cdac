//! Our certificates and CRLs, verified by openssl. A missing openssl fails these tests: they are not skipped.

use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use super::fixture::*;
use super::*;
use crate::secret::Secret;

fn openssl(directory: &Path, arguments: &[&str]) -> (bool, String) {
    let run = Command::new("openssl").args(arguments).current_dir(directory).output();
    let run = run.expect("openssl must be installed for the outside tests");
    let said = [run.stdout, run.stderr].concat();
    (run.status.success(), String::from_utf8_lossy(&said).into_owned())
}

struct Files(TempDir);

impl Files {
    fn new(files: &[(&str, &str)]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(directory.path().join(name), text).unwrap();
        }
        Self(directory)
    }

    fn verify(&self, purpose: &str, more: &[&str]) -> (bool, String) {
        let at = NOW.secs().to_string();
        let fixed = ["verify", "-x509_strict", "-purpose", purpose, "-attime", at.as_str()];
        openssl(self.0.path(), &[&fixed[..], more].concat())
    }
}

const WITH_CRL: [&str; 8] =
    ["-crl_check", "-CRLfile", "crl.pem", "-CAfile", "root.pem", "-untrusted", "issuing.pem", "leaf.pem"];

fn crl(ca: &CertificateAuthority, revoked: &[CrlEntry]) -> String {
    der_to_pem("X509 CRL", &ca.sign_crl(1, revoked, NOW).unwrap())
}

#[test]
fn openssl_checks_a_host_certificate_against_its_crl() {
    let ca = authority();
    let leaf = issue(&ca, profile(&["allocator", "proxy"]));
    let revoked = CrlEntry { serial: leaf.serial, revoked_at: NOW, reason: CrlReason::CessationOfOperation };
    let files = |crl: &str| {
        let pem = der_to_pem("CERTIFICATE", &leaf.der);
        let all = [
            ("root.pem", ca.root_pem()),
            ("issuing.pem", ca.issuing_pem()),
            ("leaf.pem", &pem),
            ("crl.pem", crl),
        ];
        Files::new(&all)
    };
    for purpose in ["sslclient", "sslserver"] {
        let (good, said) = files(&crl(&ca, &[])).verify(purpose, &WITH_CRL);
        assert!(good, "{said}");
    }
    let (good, said) = files(&crl(&ca, &[revoked])).verify("sslclient", &WITH_CRL);
    assert!(!good && said.contains("certificate revoked"), "{said}");
}

/// Judges a host's certificate below the newest of `roots` by the oldest, over the cross certificates.
fn openssl_accepts_a_chain(oldest: &str, roots: &[NewRoot]) {
    let newest = roots.last().unwrap();
    let (pem, key) =
        CertificateAuthority::new_issuing(&newest.root_pem, &newest.root_key, "gatepass", NOW).unwrap();
    let ca = CertificateAuthority::from_pem(&newest.root_pem, &pem, &key, NOW).unwrap();
    let leaf = der_to_pem("CERTIFICATE", &issue(&ca, profile(&["proxy"])).der);
    let crosses = roots.iter().rev().map(|root| root.cross_pem.as_str());
    let untrusted = std::iter::once(pem.as_str()).chain(crosses).collect::<String>();
    let files = Files::new(&[("old.pem", oldest), ("chain.pem", &untrusted), ("leaf.pem", &leaf)]);
    let arguments = ["-CAfile", "old.pem", "-untrusted", "chain.pem", "leaf.pem"];
    let (good, said) = files.verify("sslclient", &arguments);
    assert!(good, "{said}");
}

#[test]
fn openssl_accepts_a_chain_over_cross_signed_roots() {
    let old = CertificateAuthority::generate("gatepass", NOW).unwrap();
    for (first, key) in [(Secret::new(old.root_pem), old.root_key), short_root()] {
        let second = CertificateAuthority::new_root("gatepass", NOW, first.expose(), &key, &[]).unwrap();
        let former = [Secret::new(first.expose().clone())];
        let (pem, key) = (&second.root_pem, &second.root_key);
        let third = CertificateAuthority::new_root("gatepass", NOW, pem, key, &former).unwrap();
        let mut roots = vec![second];
        openssl_accepts_a_chain(first.expose(), &roots);
        roots.push(third);
        openssl_accepts_a_chain(first.expose(), &roots);
    }
}

#[test]
fn openssl_strict_accepts_the_authoritys_own_certificate() {
    let ca = authority();
    let profile = ServerProfile {
        dns_names: vec!["gate.example.org".to_owned()],
        addresses: vec![std::net::IpAddr::from([127, 0, 0, 1])],
        trust_domain: "example.org".to_owned(),
        lifetime: DAY * 90,
    };
    let leaf = der_to_pem("CERTIFICATE", &ca.issue_server(&profile, NOW).unwrap().certificate);
    let files =
        Files::new(&[("root.pem", ca.root_pem()), ("issuing.pem", ca.issuing_pem()), ("leaf.pem", &leaf)]);
    let chain = ["-CAfile", "root.pem", "-untrusted", "issuing.pem", "leaf.pem"];
    for name in [["-verify_hostname", "gate.example.org"], ["-verify_ip", "127.0.0.1"]] {
        let (good, said) = files.verify("sslserver", &[&name[..], &chain].concat());
        assert!(good, "{said}");
    }
}

/// A request for a new key of `kind`, with names that it should not get.
fn openssl_request(kind: &str) -> String {
    let files = Files::new(&[]);
    let fixed = ["req", "-new", "-nodes", "-subj", "/CN=x/O=y", "-addext", "subjectAltName=DNS:*.x"];
    let kind: Vec<_> = kind.split(' ').collect();
    let output = ["-keyout", "key.pem", "-out", "csr.pem", "-newkey"];
    let (good, said) = openssl(files.0.path(), &[&fixed[..], &output, &kind].concat());
    assert!(good, "{said}");
    std::fs::read_to_string(files.0.path().join("csr.pem")).unwrap()
}

#[test]
fn requests_that_openssl_makes_are_accepted() {
    let p384 = "EC -pkeyopt ec_paramgen_curve:P-384 -sha384";
    for kind in ["EC -pkeyopt ec_paramgen_curve:P-256 -sha256", p384, "ED25519", "RSA:2048"] {
        assert!(Csr::parse(&openssl_request(kind), RSA_TOO).is_ok(), "{kind}");
    }
}

#[test]
fn hostile_requests_that_openssl_signs_well_are_refused() {
    let refused = |kind| Csr::parse(&openssl_request(kind), RSA_TOO).unwrap_err();
    let algorithm = |error| matches!(error, CsrError::SignatureAlgorithm { .. });
    assert!(algorithm(refused("EC -pkeyopt ec_paramgen_curve:P-256 -sha384")));
    assert!(algorithm(refused("EC -pkeyopt ec_paramgen_curve:P-384 -sha256")));
    assert!(algorithm(refused("EC -pkeyopt ec_paramgen_curve:P-256 -sha1")));
    assert!(algorithm(refused("RSA:2048 -sha1")));
    let explicit = "EC -pkeyopt ec_paramgen_curve:P-256 -pkeyopt ec_param_enc:explicit";
    assert_eq!(refused(explicit), CsrError::ExplicitCurve);
    assert_eq!(refused("RSA:1024"), CsrError::RsaSize { bits: 1024 });
    let p521 = CsrError::Curve { oid: "1.3.132.0.35".to_owned() };
    assert_eq!(refused("EC -pkeyopt ec_paramgen_curve:P-521"), p521);
}

#[test]
fn older_key_forms_are_read_and_encrypted_ones_refused() {
    let made = CertificateAuthority::generate("gatepass", NOW).unwrap();
    let files = Files::new(&[("key.pem", made.issuing_key.expose())]);
    let convert = |arguments: &[&str]| {
        let (good, said) = openssl(files.0.path(), arguments);
        assert!(good, "{said}");
        let key = Secret::new(std::fs::read_to_string(files.0.path().join("out.pem")).unwrap());
        CertificateAuthority::from_pem(&made.root_pem, &made.issuing_pem, &key, NOW).err()
    };
    assert_eq!(convert(&["ec", "-in", "key.pem", "-out", "out.pem"]), None);
    let encrypted = Some(ImportError::File { what: "issuing key", problem: CaFileError::EncryptedKey });
    let old = ["ec", "-in", "key.pem", "-aes256", "-passout", "pass:x", "-out", "out.pem"];
    assert_eq!(convert(&old), encrypted);
    let new = ["pkcs8", "-topk8", "-in", "key.pem", "-passout", "pass:x", "-out", "out.pem"];
    assert_eq!(convert(&new), encrypted);
}

#[test]
fn roots_that_openssl_makes_are_taken_over() {
    let files = Files::new(&[]);
    let usage = "keyUsage=critical,keyCertSign,cRLSign";
    for kind in ["EC -pkeyopt ec_paramgen_curve:P-384 -sha256", "RSA:3072"] {
        let kind: Vec<_> = kind.split(' ').collect();
        let fixed = ["req", "-x509", "-nodes", "-subj", "/O=one/O=two/CN=root", "-addext", usage];
        let output = ["-days", "3650", "-keyout", "key.pem", "-out", "root.pem", "-newkey"];
        let (good, said) = openssl(files.0.path(), &[&fixed[..], &output, &kind].concat());
        assert!(good, "{said}");
        let read = |name| std::fs::read_to_string(files.0.path().join(name)).unwrap();
        let (root, key) = (read("root.pem"), Secret::new(read("key.pem")));
        // openssl dates it by the machine's clock.
        let now = crate::clock::SystemClock::now().plus(DAY);
        let (issuing, key) = CertificateAuthority::new_issuing(&root, &key, "gatepass", now).unwrap();
        let ca = CertificateAuthority::from_pem(&root, &issuing, &key, now).unwrap();
        let request = ApprovedRequest::new(&csr(&p256()), profile(&["proxy"]));
        let leaf = request.prepare(&ca, now).unwrap().issue().unwrap();
        assert_eq!(rustls_accepts(ca.root_der(), &[ca.issuing_der()], &leaf.der, &[], now), Ok(()));
    }
}
