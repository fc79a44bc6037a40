//! One number behind everything random in a simulation.
//!
//! Two kinds of chance are needed. A *draw* (a latency) follows the order of arrival: the nth answer of a route gets the
//! nth number. A *share* of requests (a fault that hits 30 %) must not: which requests it hits would then depend on the
//! scheduling of the client. It is decided by a hash of the request itself.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// The seed of a simulation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seed(pub u64);

impl Seed {
    /// The generator of the `number`th draw for one purpose. The same seed, name and number always give the same draw,
    /// and one more draw for one purpose moves nothing elsewhere.
    pub fn draw(self, name: &str, number: u64) -> ChaCha8Rng {
        ChaCha8Rng::seed_from_u64(self.hash(name).add(&number.to_le_bytes()).finish())
    }

    /// A hash for one purpose, to be continued with what it is to depend on.
    pub fn hash(self, name: &str) -> Hash {
        Hash(FNV_OFFSET).add(&self.0.to_le_bytes()).part(name.as_bytes())
    }
}

const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0000_0100_0000_01b3;

/// A 64-bit hash that is fixed for good, unlike the standard library's: FNV-1a, with the finaliser of SplitMix64 so that
/// every bit of the result depends on every byte.
#[derive(Debug, Clone, Copy)]
pub struct Hash(u64);

impl Hash {
    /// Continues with `bytes`.
    #[must_use]
    pub fn add(self, bytes: &[u8]) -> Self {
        Self(bytes.iter().fold(self.0, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(FNV_PRIME)))
    }

    /// Continues with `bytes` and their length, so that "ab" + "c" differs from "a" + "bc".
    #[must_use]
    pub fn part(self, bytes: &[u8]) -> Self {
        self.add(bytes).add(&(bytes.len() as u64).to_le_bytes())
    }

    /// The hash.
    pub fn finish(self) -> u64 {
        let mut bits = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    /// The hash as a number in [0, 1).
    pub fn unit(self) -> f64 {
        // The 53 upper bits: as many as a double holds.
        (self.finish() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use rand::RngCore;

    use super::*;

    #[test]
    fn a_draw_depends_on_seed_name_and_number() {
        let first = Seed(1).draw("clay", 0).next_u64();
        assert_eq!(first, Seed(1).draw("clay", 0).next_u64());
        assert_ne!(first, Seed(2).draw("clay", 0).next_u64());
        assert_ne!(first, Seed(1).draw("customer_io", 0).next_u64());
        assert_ne!(first, Seed(1).draw("clay", 1).next_u64());
    }

    #[test]
    fn the_hash_is_fixed_for_good() {
        assert_eq!(Seed(1).hash("share").part(b"body").finish(), 8_617_853_299_669_575_629);
    }

    #[test]
    fn parts_do_not_run_into_each_other() {
        let seed = Seed(1).hash("x");
        assert_ne!(seed.part(b"ab").part(b"c").finish(), seed.part(b"a").part(b"bc").finish());
    }

    #[test]
    fn the_unit_is_uniform() {
        let mut tenths = [0_u32; 10];
        for number in 0..100_000_u64 {
            let unit = Seed(7).hash("share").add(&number.to_le_bytes()).unit();
            tenths[(unit * 10.0) as usize] += 1;
        }
        // Five standard deviations of a binomial of 100,000 at a tenth.
        assert!(tenths.iter().all(|&count| count.abs_diff(10_000) < 475), "{tenths:?}");
    }
}
