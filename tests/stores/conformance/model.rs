//! Any sequence of changes does to a store what it does to the store in memory.

use std::collections::HashMap;

use plimsoll::outcome::{FailureKind, RestingState, Vendor};
use plimsoll::resilience::{
    Attempt, Backlog, CreditState, DeadLetters, Entry, FallbackQueue, Operation, OperationKind, Settled, Source,
};
use plimsoll::seed::Seed;
use plimsoll::store::{Bounds, Enrichment, LeadStore};
use rand::Rng;
use rand::seq::IndexedRandom;
use rand_chacha::ChaCha8Rng;
use serde_json::json;

use crate::memory_store::MemoryStore;

use super::{BOTH, KINDS, Stand, lead_with, operation, stand};

const STEPS: usize = 400;
/// Few, so that queues and letters are often full, users share lines, and keys come twice.
const BOUNDS: Bounds = Bounds { queue: 12, dead_letters: 3 };
const USERS: [&str; 5] = ["ada", "bob", "eve", "joe", "kim"];
const LEADS: u64 = 60;

pub(crate) async fn any_sequence_of_changes_does_what_the_model_does<S: Stand>() {
    for seed in 1..=5 {
        let stand = stand!(S, BOUNDS);
        let mut pair = Pair::new(stand.store(), seed);
        for step in 0..STEPS {
            let what = pair.step().await;
            pair.compare(&format!("seed {seed}, step {step}: {what}")).await;
        }
    }
}

pub(crate) async fn any_sequence_of_changes_is_there_when_the_store_is_opened_again<S: Stand>() {
    for seed in 11..=13 {
        let mut stand = stand!(S, BOUNDS);
        let mut pair = Pair::new(stand.store(), seed);
        for step in 0..STEPS / 2 {
            let mut what = pair.step().await;
            if pair.rng.random_bool(0.05) {
                what = "open again";
                // Leases may end with the process, or go on: none is open.
                pair.release_all().await;
                let Pair { store, model, rng, now, leased } = pair;
                drop(store);
                stand = stand.reopen().await;
                pair = Pair { store: stand.store(), model, rng, now, leased };
            }
            pair.compare(&format!("seed {seed}, step {step}: {what}")).await;
        }
    }
}

struct Pair<S> {
    store: S,
    model: MemoryStore,
    rng: ChaCha8Rng,
    now: u64,
    /// Ids of what is leased, the store's and the model's: they need not be equal.
    leased: HashMap<Vendor, Vec<(u64, u64)>>,
}

impl<S: LeadStore> Pair<S> {
    fn new(store: S, seed: u64) -> Self {
        let rng = Seed(seed).stream("store-model");
        Self { store, model: MemoryStore::new(BOUNDS), rng, now: 1_000, leased: HashMap::new() }
    }

    /// Gives back what is leased. What only was does not notice.
    async fn release_all(&mut self) {
        for (vendor, leased) in std::mem::take(&mut self.leased) {
            for (ours, theirs) in leased {
                self.now += 10;
                self.store.backlog(vendor).release(ours, self.now).await.expect("a working store");
                self.model.backlog(vendor).release(theirs, self.now).await.expect("a working store");
            }
        }
    }

    /// One change to both, which must answer the same. Gives its name.
    async fn step(&mut self) -> &'static str {
        // No two dates are equal, so that no order is left open.
        self.now += 10;
        let vendor = *BOTH.choose(&mut self.rng).expect("not empty");
        match self.rng.random_range(0..100) {
            0..20 => self.accept().await,
            20..50 => self.lease(vendor).await,
            50..65 => self.settle(vendor).await,
            65..74 => self.fail(vendor).await,
            74..78 => self.release(vendor).await,
            78..84 => self.bury(vendor).await,
            84..90 => self.letter(vendor).await,
            90..94 => self.enrich().await,
            94..97 => self.push().await,
            97..99 => self.keep_credits(vendor).await,
            _ => self.forget().await,
        }
    }

    fn user(&mut self) -> &'static str {
        USERS.choose(&mut self.rng).expect("not empty")
    }

    fn attempt(&mut self) -> Attempt {
        let cause = *[FailureKind::Timeout, FailureKind::ServerError].choose(&mut self.rng).expect("not empty");
        Attempt { at: self.now, cause, status: self.rng.random_bool(0.5).then_some(503) }
    }

    /// One that was leased at some time; it may be settled, or its lease over.
    fn some_leased(&mut self, vendor: Vendor, keep: f64) -> Option<(u64, u64)> {
        let leased = self.leased.entry(vendor).or_default();
        let at = (!leased.is_empty()).then(|| self.rng.random_range(0..leased.len()))?;
        // Where it stays, the same will be asked for again.
        Some(if self.rng.random_bool(keep) { leased[at] } else { leased.swap_remove(at) })
    }

    async fn accept(&mut self) -> &'static str {
        let count = self.rng.random_range(1..4);
        let leads: Vec<_> = (0..count)
            .map(|_| {
                // A lead has its user, whenever it comes.
                let number = self.rng.random_range(0..LEADS);
                let user = USERS[(number % USERS.len() as u64) as usize];
                let kinds = &KINDS[self.rng.random_range(0..2)..];
                lead_with(number, user, kinds, json!({ "at": self.now }))
            })
            .collect();
        assert_eq!(self.store.accept(leads.clone(), self.now).await, self.model.accept(leads, self.now).await);
        "accept"
    }

    async fn lease(&mut self, vendor: Vendor) -> &'static str {
        let end = self.now + self.rng.random_range(1..40) * 10 + 5;
        let ours = self.store.backlog(vendor).lease(self.now, end).await.expect("a working store");
        let theirs = self.model.backlog(vendor).lease(self.now, end).await.expect("a working store");
        assert_eq!(ours.as_ref().map(|leased| &leased.entry), theirs.as_ref().map(|leased| &leased.entry));
        if let (Some(ours), Some(theirs)) = (ours, theirs) {
            let leased = self.leased.entry(vendor).or_default();
            leased.retain(|(id, _)| *id != ours.id);
            leased.push((ours.id, theirs.id));
        }
        "lease"
    }

    async fn settle(&mut self, vendor: Vendor) -> &'static str {
        let Some((ours, theirs)) = self.some_leased(vendor, 0.2) else { return "nothing to settle" };
        let mut settled = Settled::delivered(self.now, Some(200));
        if self.rng.random_bool(0.3) {
            settled.place = RestingState::Degraded;
            settled.source = Some(Source::Cache);
        }
        if self.rng.random_bool(0.3) {
            let number = self.rng.random_range(0..LEADS);
            settled.follow_up.push(operation(OperationKind::Track, number, self.user(), json!({ "follows": self.now })));
        }
        self.store.backlog(vendor).ack(ours, settled.clone()).await.expect("a working store");
        self.model.backlog(vendor).ack(theirs, settled).await.expect("a working store");
        "settle"
    }

    async fn fail(&mut self, vendor: Vendor) -> &'static str {
        let Some((ours, theirs)) = self.some_leased(vendor, 0.0) else { return "nothing to fail" };
        let (attempt, due) = (self.attempt(), self.now + self.rng.random_range(0..20) * 10 + 3);
        for _ in 0..self.rng.random_range(1..3) {
            self.store.backlog(vendor).fail(ours, attempt, due).await.expect("a working store");
            self.model.backlog(vendor).fail(theirs, attempt, due).await.expect("a working store");
        }
        "fail"
    }

    async fn release(&mut self, vendor: Vendor) -> &'static str {
        let Some((ours, theirs)) = self.some_leased(vendor, 0.0) else { return "nothing to release" };
        let due = self.now + self.rng.random_range(0..20) * 10 + 7;
        self.store.backlog(vendor).release(ours, due).await.expect("a working store");
        self.model.backlog(vendor).release(theirs, due).await.expect("a working store");
        "release"
    }

    async fn bury(&mut self, vendor: Vendor) -> &'static str {
        let Some((ours, theirs)) = self.some_leased(vendor, 0.2) else { return "nothing to bury" };
        let attempt = self.attempt();
        let buried = self.store.backlog(vendor).bury(ours, attempt).await;
        assert_eq!(buried, self.model.backlog(vendor).bury(theirs, attempt).await);
        let leased = self.leased.entry(vendor).or_default();
        if buried == Ok(false) && !leased.contains(&(ours, theirs)) {
            // It stays leased.
            leased.push((ours, theirs));
        }
        "bury"
    }

    async fn letter(&mut self, vendor: Vendor) -> &'static str {
        let (ours, theirs) = (self.store.backlog(vendor), self.model.backlog(vendor));
        let (page, expected) =
            (ours.page(0, 10).await.expect("a working store"), theirs.page(0, 10).await.expect("a working store"));
        let Some(at) = (!expected.is_empty()).then(|| self.rng.random_range(0..expected.len())) else { return "no letter" };
        if self.rng.random_bool(0.7) {
            let due = self.now + 1;
            assert_eq!(ours.redrive(page[at].id, due).await, theirs.redrive(expected[at].id, due).await);
            "redrive"
        } else {
            assert_eq!(ours.remove(page[at].id).await, theirs.remove(expected[at].id).await);
            "remove a letter"
        }
    }

    async fn enrich(&mut self) -> &'static str {
        let number = self.rng.random_range(0..LEADS);
        let data = json!({ "size": self.rng.random_range(0..2) });
        let enrichment = Enrichment { at: self.now, source: Source::Vendor, data: data.into() };
        let follow_up = vec![operation(OperationKind::Identify, number, self.user(), json!({ "enriched": true }))];
        let key = super::key(number);
        let recorded = self.store.enrich(&key, enrichment.clone(), follow_up.clone()).await;
        assert_eq!(recorded, self.model.enrich(&key, enrichment, follow_up).await);
        "enrich"
    }

    async fn push(&mut self) -> &'static str {
        let data = json!({ "number": self.rng.random_range(0..3) });
        let operation = Operation::new(OperationKind::Track, self.user(), data);
        let entry = Entry::new(operation, self.attempt());
        let due = self.now + 2;
        let pushed = self.store.backlog(Vendor::CustomerIo).push(entry.clone(), due).await;
        assert_eq!(pushed, self.model.backlog(Vendor::CustomerIo).push(entry, due).await);
        "push"
    }

    async fn keep_credits(&mut self, vendor: Vendor) -> &'static str {
        let state = CreditState {
            day: 1,
            spent: self.now,
            settled: self.now / 2,
            carried: self.now / 3,
            refused_by_vendor: self.rng.random_bool(0.5),
        };
        self.store.backlog(vendor).keep_credits(state).await.expect("a working store");
        self.model.backlog(vendor).keep_credits(state).await.expect("a working store");
        "keep credits"
    }

    async fn forget(&mut self) -> &'static str {
        let before = self.now - self.rng.random_range(0..50) * 10;
        assert_eq!(self.store.forget_settled(before).await, self.model.forget_settled(before).await);
        "forget"
    }

    /// Everything that both tell must be the same.
    async fn compare(&self, after: &str) {
        assert_eq!(self.store.leads(None, 1_000).await, self.model.leads(None, 1_000).await, "{after}");
        for vendor in BOTH {
            let (ours, theirs) = (self.store.backlog(vendor), self.model.backlog(vendor));
            assert_eq!(ours.counts(), theirs.counts(), "{after}");
            assert_eq!(ours.next_due().await, theirs.next_due().await, "{after}");
            assert_eq!(ours.credits().await, theirs.credits().await, "{after}");
            assert_eq!(ours.by_cause().await, theirs.by_cause().await, "{after}");
            let letters = |page: Vec<plimsoll::resilience::DeadLetter>| {
                page.into_iter().map(|letter| (letter.entry, letter.cause, letter.at)).collect::<Vec<_>>()
            };
            let ours_told = ours.page(0, 100).await.map(letters);
            assert_eq!(ours_told, theirs.page(0, 100).await.map(letters), "{after}");
            for user in USERS {
                assert_eq!(ours.holds(user).await, theirs.holds(user).await, "{after}");
            }
        }
    }
}
