//! When a route may not be called, because it answered 429 with Retry-After.

/// Times in which a route has asked not to be called, in order, those that touch as one.
#[derive(Debug, Default)]
pub(super) struct Bars(Vec<(u64, u64)>);

impl Bars {
    /// Notes a refusal that was over at `from` and asked to wait until `until`. Refusals come in the order of `from`.
    pub(super) fn add(&mut self, from: u64, until: u64) {
        match self.0.last_mut() {
            Some(last) if from <= last.1 => last.1 = last.1.max(until),
            _ => self.0.push((from, until)),
        }
    }

    /// Until when a request that arrived at `arrival` should have waited; `None` where it did not have to, or could not
    /// know because it was on its way (`tolerance`).
    pub(super) fn barred(&self, arrival: u64, tolerance: u64) -> Option<u64> {
        let after = self.0.partition_point(|(from, _)| from.saturating_add(tolerance) < arrival);
        let (_, until) = self.0.get(after.checked_sub(1)?)?;
        (arrival < *until).then_some(*until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_begins_when_the_refusal_can_be_known_and_ends_on_time() {
        let mut bars = Bars::default();
        bars.add(1_000, 3_000);
        let barred = |bars: &Bars, arrival| bars.barred(arrival, 50);
        assert_eq!(
            [0, 1_000, 1_050, 1_051, 2_999, 3_000].map(|arrival| barred(&bars, arrival)),
            [None, None, None, Some(3_000), Some(3_000), None]
        );
        bars.add(2_000, 4_000);
        bars.add(2_100, 3_500);
        assert_eq!(barred(&bars, 3_900), Some(4_000));
        bars.add(10_000, 11_000);
        assert_eq!([3_999, 5_000, 10_060].map(|arrival| barred(&bars, arrival)), [Some(4_000), None, Some(11_000)]);
        assert_eq!(bars.0.len(), 2);
    }
}
