//! Generated values that are a function of a number, so that the id of a row can be computed again.

use gatepass::clock::Timestamp;
use uuid::Builder;

/// The purpose of a value. Streams have no common values.
#[derive(Clone, Copy)]
pub(crate) enum DiceStream {
    Token = 1,
    List,
    Host,
    HostKey,
    PairKey,
    Serial,
}

/// A source of pseudo-random values.
#[derive(Clone, Copy)]
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    /// Bytes for number `number` of `stream`.
    pub(crate) fn bytes<const N: usize>(self, stream: DiceStream, number: u64) -> [u8; N] {
        let mut bytes = [0; N];
        for (place, chunk) in (0..).zip(bytes.chunks_mut(8)) {
            let lane = mix(self.0 ^ mix((stream as u64) << 8 | place));
            chunk.copy_from_slice(&mix(lane ^ mix(number)).to_be_bytes()[..chunk.len()]);
        }
        bytes
    }

    /// A UUIDv7 (RFC 9562 section 5.7) made `at` that moment.
    pub(crate) fn uuid(self, stream: DiceStream, number: u64, at: Timestamp) -> [u8; 16] {
        let millis = u64::try_from(at.millis()).unwrap_or(0);
        *Builder::from_unix_timestamp_millis(millis, &self.bytes(stream, number)).into_uuid().as_bytes()
    }
}

/// The finalizer of SplitMix64, a bijection.
const fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ value >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ value >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ value >> 31
}
