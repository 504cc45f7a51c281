//! How numbers spread: the middle, the quarters, the ends. Pure.

use serde::Serialize;

/// Some numbers, from the least to the most. Each is one that occurs: the smallest that so large a
/// share of them does not exceed (nearest rank).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Spread {
    /// How many.
    pub count: u64,
    /// The least.
    pub least: i64,
    /// A quarter of them are not above it.
    pub p25: i64,
    /// Half of them are not above it.
    pub median: i64,
    /// Three quarters.
    pub p75: i64,
    /// Nine tenths.
    pub p90: i64,
    /// The most.
    pub most: i64,
}

impl Spread {
    /// Of some numbers; none where there are none.
    pub fn of(mut numbers: Vec<i64>) -> Option<Self> {
        numbers.sort_unstable();
        let rank = |percent: usize| {
            let rank = (numbers.len() * percent).div_ceil(100);
            numbers.get(rank.max(1) - 1).copied()
        };
        Some(Self {
            count: numbers.len() as u64,
            least: rank(0)?,
            p25: rank(25)?,
            median: rank(50)?,
            p75: rank(75)?,
            p90: rank(90)?,
            most: rank(100)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_a_number_that_occurs() {
        let spread = Spread::of(vec![9, 7, 7, 8, 30, 7, 7, 10, 7, 7]).unwrap();
        assert_eq!((spread.count, spread.least, spread.most), (10, 7, 30));
        assert_eq!((spread.p25, spread.median, spread.p75, spread.p90), (7, 7, 9, 10));
        let pair = Spread::of(vec![2, 1]).unwrap();
        assert_eq!((pair.p25, pair.median, pair.p75), (1, 1, 2));
        assert_eq!(Spread::of(vec![]), None);
    }
}
