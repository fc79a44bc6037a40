//! Attempts of which it is not known yet what they cost.
//!
//! An enrichment is charged when Clay has looked for the lead, up to a minute after the answer, and also where the answer was lost. So the
//! most that an attempt can cost stays set aside until the callback of its row says what it did cost. Where none comes, it stays for the
//! rest of the day and the day after: a row of 23:59 is charged on the next day, and none is charged a whole day late.

use std::collections::{HashMap, HashSet};

use sha2::{Digest, Sha256};

/// The first bytes of the SHA-256 of a callback's body.
pub(super) type CallbackId = u64;

/// What a callback is known by.
pub(super) fn callback_id(body: &[u8]) -> CallbackId {
    Sha256::digest(body).iter().take(8).fold(0, |id, byte| id << 8 | u64::from(*byte))
}

/// What is set aside, by the day on which the attempts were made: today, and the day before.
#[derive(Debug)]
pub(super) struct Unsettled {
    /// What is set aside for one attempt.
    each: u64,
    days: [Day; 2],
}

#[derive(Debug, Default)]
struct Day {
    /// Attempts by the key of their operation.
    attempts: HashMap<Box<str>, u64>,
    count: u64,
    /// Credits of attempts that an earlier process may have made: no callback settles them.
    unnamed: u64,
    /// The callbacks that settled an attempt on this day: one that comes again settles no other.
    callbacks: HashSet<CallbackId>,
}

impl Day {
    fn take(&mut self, key: &str) -> bool {
        let Some(attempts) = self.attempts.get_mut(key) else { return false };
        *attempts -= 1;
        if *attempts == 0 {
            self.attempts.remove(key);
        }
        self.count -= 1;
        true
    }

    fn credits(&self, each: u64) -> u64 {
        self.count.saturating_mul(each).saturating_add(self.unnamed)
    }
}

impl Unsettled {
    /// Nothing, where `each` is set aside for one attempt.
    pub(super) fn new(each: u64) -> Self {
        Self { each, days: Default::default() }
    }

    /// Credits that are still set aside so many days later.
    pub(super) fn after(&self, days: i64) -> u64 {
        let kept = usize::try_from(2_i64.saturating_sub(days)).unwrap_or(0);
        self.days.iter().take(kept).fold(0, |sum, day| sum.saturating_add(day.credits(self.each)))
    }

    /// Credits for attempts of today.
    pub(super) fn today(&self) -> u64 {
        self.days[0].credits(self.each)
    }

    /// Credits for attempts of the day before.
    pub(super) fn carried(&self) -> u64 {
        self.days[1].credits(self.each)
    }

    /// So many midnights have passed, at least one.
    pub(super) fn midnight(&mut self, days: i64) {
        let today = std::mem::take(&mut self.days[0]);
        self.days[1] = if days == 1 { today } else { Day::default() };
    }

    /// An earlier process may have made attempts worth so much, today and the day before.
    pub(super) fn restore(&mut self, today: u64, carried: u64) {
        for (day, credits) in self.days.iter_mut().zip([today, carried]) {
            day.unnamed = day.unnamed.saturating_add(credits);
        }
    }

    /// An attempt for the operation of `key` is about to be made.
    pub(super) fn hold(&mut self, key: &str) {
        let day = &mut self.days[0];
        *day.attempts.entry(key.into()).or_default() += 1;
        day.count += 1;
    }

    /// An attempt did nothing.
    pub(super) fn release(&mut self, key: &str) {
        let _ = self.days.iter_mut().any(|day| day.take(key));
    }

    /// A callback says what an attempt cost. False where no attempt waits for it: it came before, or another process made it.
    pub(super) fn settle(&mut self, key: &str, callback: CallbackId) -> bool {
        let settled =
            !self.days.iter().any(|day| day.callbacks.contains(&callback)) && self.days.iter_mut().rev().any(|day| day.take(key));
        if settled {
            self.days[0].callbacks.insert(callback);
        }
        settled
    }
}
