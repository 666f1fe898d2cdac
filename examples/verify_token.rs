//! Verifies an enrollment token without a database or a network, with the authority's key set and URL.
//!
//! ```sh
//! curl --cacert root.pem https://gate.example.org:8443/.well-known/jwks.json > jwks.json
//! cargo run --example verify_token -- jwks.json https://gate.example.org:8443 < token
//! ```
//!
//! It needs only the verifying core: add `gatepass` to a service with `default-features = false`. The signature proves the
//! grant. Only the status list or the authority shows a later revocation.

use std::error::Error;
use std::io::Read as _;
use std::process::ExitCode;

use gatepass::clock::SystemClock;
use gatepass::token::{self, VerifyingKeys};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("verify_token: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(jwks), Some(issuer)) = (arguments.next(), arguments.next()) else {
        return Err(
            "give the file of the key set and the authority's URL; the token comes on standard input".into(),
        );
    };
    let keys = VerifyingKeys::parse_jwks(&std::fs::read_to_string(jwks)?)?;
    let mut text = String::new();
    std::io::stdin().take(8192).read_to_string(&mut text)?;
    let grant = token::verify(text.trim(), &keys, &[issuer], SystemClock::now())?;
    let roles = grant.terms.roles.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    println!("token {} gives the roles: {roles}", grant.token.id);
    Ok(())
}
