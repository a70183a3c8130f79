//! A small seeded random number generator (`SplitMix64`). It is written here and not a dependency, because samples must
//! be the same on every machine and after every upgrade.

/// Deterministic pseudo-random numbers. Not for secrets.
#[derive(Clone)]
pub(crate) struct Rng(u64);

impl Rng {
    /// A generator for one stream of a seed, for example for one member of a population.
    pub(crate) fn new(seed: u64, stream: u64) -> Self {
        let mut rng = Rng(seed ^ stream.wrapping_mul(0xD134_2543_DE82_EF95));
        rng.next();
        rng
    }

    /// The next 64 bits.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A whole number from `low` to `high`, both included.
    pub(crate) fn between(&mut self, low: i64, high: i64) -> i64 {
        let span = (high - low).unsigned_abs() + 1;
        low + (self.next() % span) as i64
    }

    /// A number around `mean`. It is a sum of three draws, so that values far from the mean are rare and bounded.
    pub(crate) fn around(&mut self, mean: f64, spread: f64) -> f64 {
        let sum: i64 = (0..3).map(|_| self.between(-1000, 1000)).sum();
        mean + spread * sum as f64 / 1500.0
    }

    /// True in `percent` of 100 cases.
    pub(crate) fn chance(&mut self, percent: i64) -> bool {
        self.between(1, 100) <= percent
    }

    /// One element of `from`, which must not be empty.
    pub(crate) fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[(self.next() % from.len() as u64) as usize]
    }
}
