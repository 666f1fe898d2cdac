//! Properties that hold for every input.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::*;
use crate::approval::Approval;
use crate::id::{Fingerprint, HostId, ListId, PolicyId, StatusRef, Thumbprint, TokenId};
use crate::name::{Cluster, DnsPattern, Role};
use crate::token::fixture::*;
use crate::token::{Bindings, Terms, TokenRef, mint};

fn some_bindings() -> impl Strategy<Value = Bindings> {
    let pattern = "(\\*\\.)?[a-z0-9]{1,9}(-[a-z0-9]{1,9})?\\.[a-z]{2,9}";
    (option::of(any::<[u8; 10]>()), option::of("[A-Za-z0-9_.:/-]{1,64}"), vec(pattern, 0..8)).prop_map(
        |(host, cluster, patterns)| Bindings {
            host: host.map(|bits| HostId::with(NOW, &bits)),
            cluster: cluster.map(|text| Cluster::parse(&text).unwrap()),
            dns_names: patterns.iter().map(|text| DnsPattern::parse(text).unwrap()).collect(),
        },
    )
}

fn some_grant() -> impl Strategy<Value = Grant> {
    let ids = (any::<[u8; 10]>(), any::<[u8; 10]>(), option::of(any::<[u8; 10]>()));
    let digests = (option::of(any::<[u8; 32]>()), option::of(any::<[u8; 32]>()));
    let limits = (option::of(1_i64..1_000_000_000), any::<bool>(), option::of(1_u32..), 0_u32..1 << 20);
    let modes = proptest::sample::select(Approval::ALL.to_vec());
    let roles = vec("[a-z][a-z0-9_.-]{0,20}", 0..10);
    (
        "https://[a-z]{1,20}\\.[a-z]{2,9}(:[1-9][0-9]{0,4})?",
        ids,
        digests,
        limits,
        roles,
        modes,
        some_bindings(),
    )
        .prop_map(
            |(
                issuer,
                (token, list, policy),
                (root, key),
                (life, persistent, max_uses, index),
                roles,
                approval,
                bindings,
            )| Grant {
                token: TokenRef {
                    id: TokenId::with(NOW, &token),
                    issuer,
                    status: StatusRef { list: ListId::with(NOW, &list), index },
                },
                issued_at: NOW,
                not_before: NOW,
                root: root.map(Fingerprint::from_bytes),
                terms: Terms {
                    roles: roles.iter().map(|text| Role::parse(text).unwrap()).collect(),
                    persistent: persistent || life.is_none(),
                    expires_at: life.map(|secs| Timestamp::from_secs(NOW.secs() + secs)),
                    max_uses,
                    bindings,
                    host_key: key.map(Thumbprint::from_bytes),
                    policy: policy.map(|bits| PolicyId::with(NOW, &bits)),
                    approval,
                },
            },
        )
}

proptest! {
    #[test]
    fn a_minted_token_verifies_to_its_grant(grant in some_grant()) {
        let ring = ring();
        let minted = mint(&grant, &ring, NOW).unwrap();
        prop_assert_eq!(&**minted.grant(), &grant);
        let issuers = [grant.token.issuer.clone()];
        let verified = verify(minted.text().expose(), ring.verifying(), &issuers, NOW).unwrap();
        prop_assert_eq!(&*verified, &grant);
        prop_assert_eq!(verified.signing_key(), minted.signing_key());
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in any::<String>()) {
        prop_assert!(UnverifiedToken::parse(&text).is_err());
    }

    #[test]
    fn no_bytes_make_the_parser_panic(bytes in vec(any::<u8>(), 0..5000)) {
        prop_assert!(UnverifiedToken::parse(&String::from_utf8_lossy(&bytes)).is_err());
    }

    #[test]
    fn no_three_parts_make_the_parser_panic(text in "[A-Za-z0-9_-]{0,90}\\.[A-Za-z0-9_-]{0,90}\\.[A-Za-z0-9_-]{0,90}") {
        prop_assert!(UnverifiedToken::parse(&text).is_err());
    }

    #[test]
    fn no_signed_claims_make_the_parser_panic(claims in vec(any::<u8>(), 0..2000)) {
        let ring = ring();
        let text = signed_claims(&claims, &**ring.current(KeyUse::Enrollment));
        prop_assert!(verify(&text, ring.verifying(), &issuers(), NOW).is_err());
    }

    #[test]
    fn a_piece_replaced_anywhere_is_refused(at in any::<prop::sample::Index>(), piece in "[ -~]{1,8}") {
        let ring = ring();
        let good = token(&grant(), &ring);
        let at = at.index(good.len() - piece.len());
        let text = format!("{}{piece}{}", &good[..at], &good[at + piece.len()..]);
        prop_assert_eq!(verify(&text, ring.verifying(), &issuers(), NOW).is_ok(), text == good);
    }

    #[test]
    fn a_token_cut_or_lengthened_anywhere_is_refused(at in any::<prop::sample::Index>(), piece in "[A-Za-z0-9_.-]{1,8}") {
        let ring = ring();
        let good = token(&grant(), &ring);
        let at = at.index(good.len());
        let (head, tail) = good.split_at(at);
        prop_assert!(verify(head, ring.verifying(), &issuers(), NOW).is_err());
        let longer = [head, &piece, tail].concat();
        prop_assert!(verify(&longer, ring.verifying(), &issuers(), NOW).is_err());
    }

    #[test]
    fn changed_claims_cause_no_panic(
        at in any::<prop::sample::Index>(),
        piece in r#"(null|\[|\]|\{|\}|"|,|:|-1|1e999|0|[a-z]|\\u0000)"#,
    ) {
        let ring = ring();
        let mut claims = claims_json(&grant());
        let at = at.index(claims.len());
        claims.replace_range(at..=at, &piece);
        let _ = verify(&signed_claims(claims.as_bytes(), &**ring.current(KeyUse::Enrollment)), ring.verifying(), &issuers(), NOW);
    }
}
