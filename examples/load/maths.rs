//! The cost of the public-key operations alone, on one core of the server, in CPU time of the thread.

use std::hint::black_box;
use std::time::Duration;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_ASN1_SIGNING, ED25519, EcdsaKeyPair, Ed25519KeyPair,
    KeyPair as _, UnparsedPublicKey,
};
use rustix::time::{ClockId, clock_gettime};

use crate::error::LoadError;

/// Duration of each measurement.
const LENGTH: Duration = Duration::from_millis(500);
/// As long as a token without its signature, and a request's signed part, are.
const MESSAGE: [u8; 600] = [7; 600];

/// Microseconds of CPU that one operation takes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Maths {
    /// Checking a token's signature.
    pub ed25519_verify: f64,
    /// Signing a token.
    pub ed25519_sign: f64,
    /// Checking that a host has the key it asks a certificate for.
    pub p256_verify: f64,
    /// Signing a host's certificate.
    pub p256_sign: f64,
}

impl Maths {
    /// Operations of a redemption.
    pub(crate) fn redeem(self) -> f64 {
        self.ed25519_verify + self.renew()
    }

    /// Operations of a renewal, without its handshake.
    pub(crate) fn renew(self) -> f64 {
        self.p256_verify + self.p256_sign
    }

    /// Operations of a mint, which verifies the new token.
    pub(crate) fn mint(self) -> f64 {
        self.ed25519_sign + self.ed25519_verify
    }
}

/// Measures all of them on the calling thread.
pub(crate) fn measure() -> Result<Maths, LoadError> {
    let random = SystemRandom::new();
    let ed25519 = Ed25519KeyPair::generate().map_err(LoadError::crypto)?;
    let p256 = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).map_err(LoadError::crypto)?;
    let token = ed25519.sign(&MESSAGE);
    let proof = p256.sign(&random, &MESSAGE).map_err(LoadError::crypto)?;
    let of_token = UnparsedPublicKey::new(&ED25519, ed25519.public_key().as_ref().to_vec());
    let of_host = UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, p256.public_key().as_ref().to_vec());
    Ok(Maths {
        ed25519_verify: each(|| of_token.verify(black_box(&MESSAGE), token.as_ref())),
        ed25519_sign: each(|| ed25519.sign(black_box(&MESSAGE))),
        p256_verify: each(|| of_host.verify(black_box(&MESSAGE), proof.as_ref())),
        p256_sign: each(|| p256.sign(&random, black_box(&MESSAGE))),
    })
}

fn each<T>(work: impl Fn() -> T) -> f64 {
    let began = spent();
    let mut times = 0_u32;
    while spent().saturating_sub(began) < LENGTH {
        for _ in 0..64 {
            black_box(work());
        }
        times += 64;
    }
    spent().saturating_sub(began).as_secs_f64() * 1e6 / f64::from(times)
}

/// The CPU time of this thread.
fn spent() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}
