//! Identifiers as AWS words them, from one seeded generator, so that a seed replays a world.

pub struct Ids {
    rng: fastrand::Rng,
}

impl Ids {
    pub fn seeded(seed: u64) -> Ids {
        Ids {
            rng: fastrand::Rng::with_seed(seed),
        }
    }

    /// `len` lower-case hex digits: task ids (32), load-balancer and target-group suffixes (16).
    pub fn hex(&mut self, len: usize) -> String {
        (0..len)
            .map(|_| char::from_digit(self.rng.u32(0..16), 16).unwrap_or('0'))
            .collect()
    }

    /// `len` decimal digits without a leading zero: `ecs-svc/N` (19).
    pub fn digits(&mut self, len: usize) -> String {
        (0..len)
            .map(|i| char::from_digit(self.rng.u32(u32::from(i == 0)..10), 10).unwrap_or('1'))
            .collect()
    }

    /// `len` characters as in ECS service-deployment ids and EC2-like ids.
    pub fn alphanumeric(&mut self, len: usize) -> String {
        (0..len).map(|_| self.rng.alphanumeric()).collect()
    }

    pub fn uuid(&mut self) -> String {
        let h = self.hex(32);
        format!(
            "{}-{}-4{}-a{}-{}",
            &h[..8],
            &h[8..12],
            &h[13..16],
            &h[17..20],
            &h[20..]
        )
    }

    /// A number below `bound`, for jitter and weighted choices.
    pub fn below(&mut self, bound: u64) -> u64 {
        if bound == 0 {
            0
        } else {
            self.rng.u64(0..bound)
        }
    }
}
