//! What the seeded tests share: a generator whose seed is printed when a test fails.

/// Splitmix64: small, and good enough to try things with.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// 0 to `end`, without it.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }

    pub(crate) fn one_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    pub(crate) fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }
}

/// Runs a test with many seeds; a failure names its seed. The environment variable SMPP_SEEDS may
/// ask for so many times as many.
#[allow(dead_code, reason = "not every test file loops over seeds")]
pub(crate) fn seeds(count: u64, test: impl Fn(&mut Random) + std::panic::RefUnwindSafe) {
    let times = std::env::var("SMPP_SEEDS").map_or(1, |times| times.parse().expect("a number"));
    for seed in 0..count * times {
        let run = std::panic::catch_unwind(|| test(&mut Random(seed)));
        if let Err(panic) = run {
            eprintln!("failed with seed {seed}");
            std::panic::resume_unwind(panic);
        }
    }
}
