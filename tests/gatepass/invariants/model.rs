//! I1 over time: no sequence of mint, redeem, repeat, revoke, collect, restart and clock step lets in more than the uses.

use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;

use self::world::World;

mod world;

const HOUR: u64 = 3600;
const DAY: u64 = 24 * HOUR;

/// Something that somebody, or time, does. Tokens and keys are named by number, modulo how many there are.
#[derive(Clone, Debug)]
pub(super) enum Deed {
    Mint {
        persistent: bool,
        uses: Option<u32>,
        ttl: u64,
    },
    Redeem {
        token: usize,
        key: usize,
    },
    RevokeToken {
        token: usize,
    },
    RevokeHost {
        key: usize,
    },
    Collect,
    Restart,
    /// Time passes.
    Advance(Duration),
    /// Somebody sets the clock back.
    StepBack(Duration),
    /// Somebody sets the clock ahead.
    StepAhead(Duration),
    /// The clock is set right.
    Right,
    /// An operator accepts the clock as it stands.
    Accept,
}

fn seconds(range: std::ops::Range<u64>) -> impl Strategy<Value = Duration> {
    range.prop_map(Duration::from_secs)
}

fn deed() -> impl Strategy<Value = Deed> {
    let uses = prop_oneof![1 => Just(None), 4 => (1_u32..4).prop_map(Some)];
    prop_oneof![
        3 => (any::<bool>(), uses, 60..DAY).prop_map(|(persistent, uses, ttl)| Deed::Mint { persistent, uses, ttl }),
        14 => (0_usize..8, 0_usize..6).prop_map(|(token, key)| Deed::Redeem { token, key }),
        1 => (0_usize..8).prop_map(|token| Deed::RevokeToken { token }),
        1 => (0_usize..6).prop_map(|key| Deed::RevokeHost { key }),
        3 => Just(Deed::Collect),
        1 => Just(Deed::Restart),
        3 => prop_oneof![seconds(1..2 * HOUR), seconds(HOUR..30 * HOUR), seconds(DAY..10 * DAY)]
            .prop_map(Deed::Advance),
        2 => prop_oneof![seconds(1..120), seconds(121..30 * HOUR)].prop_map(Deed::StepBack),
        1 => prop_oneof![seconds(1..20 * HOUR), seconds(2 * DAY..5 * DAY)].prop_map(Deed::StepAhead),
        3 => Just(Deed::Right),
        1 => Just(Deed::Accept),
    ]
}

fn config() -> ProptestConfig {
    ProptestConfig {
        cases: 16,
        max_shrink_iters: 100,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn i1_no_sequence_of_acts_exceeds_the_uses(deeds in vec(deed(), 20..70)) {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().worker_threads(2).build().unwrap();
        runtime.block_on(async {
            let mut world = World::new().await;
            for deed in deeds {
                world = world.after(deed).await;
            }
            world.end().await;
        });
    }
}

/// The path that matters most, walked without chance: what was spent stays spent when everything about it is collected.
#[tokio::test(flavor = "multi_thread")]
async fn i1_a_spent_token_stays_spent() {
    for persistent in [false, true] {
        let mut world = World::new().await;
        let redeem = |key| Deed::Redeem { token: 0, key };
        let mut deeds =
            vec![Deed::Mint { persistent, uses: Some(2), ttl: HOUR }, redeem(0), redeem(1), redeem(2)];
        for hours in [1, 20, 24, 26, 200, 24 * 8] {
            deeds.extend([Deed::Advance(Duration::from_secs(hours * HOUR)), Deed::Collect, redeem(2)]);
            deeds.extend([
                Deed::StepBack(Duration::from_secs(119)),
                redeem(3),
                Deed::Right,
                Deed::Restart,
                redeem(4),
            ]);
        }
        let back = Duration::from_secs(20 * DAY);
        deeds.extend([Deed::StepBack(back), Deed::Accept, redeem(5), Deed::Collect, redeem(2), redeem(0)]);
        for deed in deeds {
            world = world.after(deed).await;
        }
        world.end().await;
    }
}
