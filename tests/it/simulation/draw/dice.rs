//! Chance, from a seed. Knows numbers, weights and times; not what is drawn.

pub struct Dice(pub(super) fastrand::Rng);

impl Dice {
    pub fn chance(&mut self, percent: u32) -> bool {
        self.0.u32(0..100) < percent
    }

    pub fn of<T: Clone>(&mut self, all: &[T]) -> T {
        all[self.0.usize(0..all.len())].clone()
    }

    /// Each with its weight.
    pub fn weighed<T: Clone>(&mut self, all: &[(u32, T)]) -> T {
        let mut left = self.0.u32(0..all.iter().map(|(weight, _)| weight).sum());
        for (weight, value) in all {
            match left.checked_sub(*weight) {
                None => return value.clone(),
                Some(rest) => left = rest,
            }
        }
        unreachable!("the weights add up")
    }

    pub fn below(&mut self, most: u64) -> u64 {
        self.0.u64(0..=most)
    }

    pub fn between(&mut self, least: u64, most: u64) -> u64 {
        self.0.u64(least..=most)
    }

    /// A moment in words, to the tenth of a second.
    pub fn time(&mut self, least: u64, most: u64) -> String {
        format!("{}ms", self.between(least * 10, most * 10) * 100)
    }
}

pub fn seconds(number: u64) -> String {
    format!("{number}s")
}
