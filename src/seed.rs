//! One number behind everything random in a run.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

/// The seed of a run. Printed at its start, stored in its result, and enough to draw the same numbers again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Seed(pub u64);

impl Seed {
    /// A seed from the operating system's entropy.
    pub fn random() -> Self {
        // 53 bits, so that the number survives every JSON reader.
        Self(rand::random::<u64>() >> 11)
    }

    /// The generator of one purpose: the same seed and name always give the same stream, and two names give
    /// independent ones, so that one more draw in one place moves nothing elsewhere.
    pub fn stream(self, name: &str) -> ChaCha8Rng {
        self.numbered_stream(name, 0)
    }

    /// As [`Seed::stream`], for the `number`th of several equal parts (a virtual user, say).
    pub fn numbered_stream(self, name: &str, number: u64) -> ChaCha8Rng {
        // FNV-1a: fixed for good, unlike the standard library's hasher.
        let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
        for byte in name.bytes() {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        let mut rng = ChaCha8Rng::seed_from_u64(self.0 ^ hash);
        rng.set_stream(number);
        rng
    }
}
