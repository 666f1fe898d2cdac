//! Verifying many cold tokens: together in one call, beside one after the other.

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot go on has failed")]

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, Throughput};
use gatepass::clock::{SystemClock, Timestamp};
use gatepass::id::{ListId, StatusRef, TokenId};
use gatepass::name::Role;
use gatepass::token::{KeyRing, ServiceGrant, TokenRef, UnverifiedToken, mint_service};

const ISSUER: &str = "https://gate.example.org:8443";
const AUDIENCE: &str = "https://jobs.example.org";

fn tokens(count: u32, ring: &KeyRing, now: Timestamp) -> Vec<String> {
    let (at, list) = (now.whole_second(), ListId::generate(now));
    let grant = |index| ServiceGrant {
        token: TokenRef {
            id: TokenId::generate(now),
            issuer: ISSUER.to_owned(),
            status: StatusRef { list, index },
        },
        audience: AUDIENCE.to_owned(),
        issued_at: at,
        not_before: at,
        expires_at: at.plus(Duration::from_secs(900)),
        roles: ["allocator", "proxy"].map(|role| Role::parse(role).unwrap()).to_vec(),
    };
    (0..count)
        .map(|index| mint_service(&grant(index), ring, now).unwrap().into_text().expose().clone())
        .collect()
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let (now, ring) = (SystemClock::now(), KeyRing::generate());
    let (issuers, audiences) = ([ISSUER.to_owned()], [AUDIENCE.to_owned()]);
    let keys = ring.verifying();
    for count in [1, 8, 64, 256] {
        let texts = tokens(count, &ring, now);
        let parse = |texts: &[String]| -> usize {
            let parsed = texts.iter().map(|text| UnverifiedToken::parse(text).unwrap()).collect::<Vec<_>>();
            let answers = UnverifiedToken::authenticate_all(&parsed, keys, &issuers, &audiences);
            answers.into_iter().filter(Result::is_ok).count()
        };
        let mut group = criterion.benchmark_group(format!("{count} cold tokens"));
        group.throughput(Throughput::Elements(u64::from(count)));
        group.bench_function("one by one", |b| {
            b.iter(|| {
                let one = |text| UnverifiedToken::parse(text)?.authenticate_any(keys, &issuers, &audiences);
                black_box(&texts).iter().filter(|text| one(text).is_ok()).count()
            });
        });
        group.bench_function("together", |b| b.iter(|| parse(black_box(&texts))));
        group.finish();
    }
    criterion.final_summary();
}
