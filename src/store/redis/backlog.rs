//! One vendor's queue and dead letters on the server.

use std::collections::BTreeMap;

use redis::{FromRedisValue, ScriptInvocation};

use crate::failpoint::{Failpoint, reach};
use crate::outcome::{FailureKind, Vendor};
use crate::resilience::{
    Attempt, Backlog, Charge, CreditState, DeadLetter, DeadLetters, Entry, FallbackQueue, HeldNote, Leased, Settled, StoreError,
    UnixMillis,
};

use crate::store::listing::HeldIn;

use super::quarantine::Waits;
use super::reply::{self, Items, written};
use super::scripts;
use super::settings::LeaseClock;
use super::store::{RedisStore, add_operation, failed, json, operations};
use super::unreadable::Unreadable;

/// Charges that are kept for a replica until it takes them.
const CHARGES_KEPT: isize = 10_000;

/// The queue and the dead letters of one vendor in a [`RedisStore`].
#[derive(Debug, Clone)]
pub struct RedisBacklog {
    store: RedisStore,
    vendor: Vendor,
}

/// An entry with its history, as the scripts read it.
fn add_entry(call: &mut ScriptInvocation<'_>, vendor: Vendor, entry: &Entry) -> Result<(), StoreError> {
    call.arg(entry.timestamp).arg(entry.retry_count).arg(entry.redrives);
    add_operation(call, vendor, &entry.operation)?;
    call.arg(entry.attempts.len());
    for attempt in &entry.attempts {
        call.arg(json(attempt)?);
    }
    Ok(())
}

impl RedisBacklog {
    pub(super) fn new(store: RedisStore, vendor: Vendor) -> Self {
        Self { store, vendor }
    }

    fn call(&self, script: &'static scripts::Lazy) -> ScriptInvocation<'static> {
        let mut call = self.store.call(script);
        call.arg(self.vendor.as_str());
        call
    }

    fn key(&self, name: &str) -> String {
        self.store.key(&format!("{}:{name}", self.vendor))
    }

    /// Releases an entry, with an attempt or without.
    async fn end_lease(&self, id: u64, attempt: Option<Attempt>, due: UnixMillis) -> Result<(), StoreError> {
        let Some(lease) = self.store.shared.leases.of(id) else { return Ok(()) };
        let attempt = attempt.map(|attempt| json(&attempt)).transpose()?.unwrap_or_default();
        let mut call = self.call(&scripts::FAIL);
        call.arg(written(id)).arg(lease).arg(due).arg(attempt);
        self.store.change(&call).await?;
        self.store.shared.leases.end(id);
        Ok(())
    }

    /// What holds the operations, by replica.
    pub(super) async fn held(&self) -> Result<Vec<HeldIn>, StoreError> {
        let notes: BTreeMap<String, String> = self.read(redis::cmd("HGETALL").arg(self.key("held"))).await?;
        // One that cannot be read is written anew within seconds.
        let held = notes.iter().filter_map(|(replica, note)| Some(HeldIn::of(replica, &reply::json(note).ok()?)));
        Ok(held.flatten().collect())
    }

    async fn read<T: FromRedisValue>(&self, command: &redis::Cmd) -> Result<T, StoreError> {
        let value = self.store.command(command).await?;
        T::from_redis_value(value).map_err(|error| failed(error.into()))
    }
}

impl Backlog for RedisBacklog {
    async fn bury(&self, id: u64, attempt: Attempt) -> Result<bool, StoreError> {
        let Some(lease) = self.store.shared.leases.of(id) else { return Ok(false) };
        let mut call = self.call(&scripts::BURY);
        call.arg(written(id)).arg(lease).arg(self.store.shared.bounds.dead_letters);
        call.arg(attempt.cause.as_str()).arg(attempt.at).arg(json(&attempt)?);
        reach(Failpoint::BeforeBuryCommit);
        let buried = self.store.changed(&call).await?;
        if buried {
            reach(Failpoint::AfterBuryCommit);
            self.store.shared.leases.end(id);
        }
        Ok(buried)
    }

    async fn redrive(&self, letter: u64, due: UnixMillis) -> Result<bool, StoreError> {
        let mut call = self.call(&scripts::REDRIVE);
        call.arg(letter).arg(self.store.shared.bounds.queue).arg(due);
        reach(Failpoint::BeforeRedriveCommit);
        let moved = self.store.changed(&call).await?;
        reach(Failpoint::AfterRedriveCommit);
        Ok(moved)
    }

    /// As of the last answer that this replica had.
    fn counts(&self) -> (u64, u64) {
        self.store.shared.counts.of(self.vendor)
    }

    async fn credits(&self) -> Result<Option<CreditState>, StoreError> {
        let mut command = redis::cmd("HGET");
        command.arg(self.key("credits")).arg(&self.store.shared.replica);
        let kept: Option<String> = self.read(&command).await?;
        kept.map(|kept| reply::json(&kept)).transpose()
    }

    async fn keep_credits(&self, state: CreditState) -> Result<(), StoreError> {
        let mut command = redis::cmd("HSET");
        command.arg(self.key("credits")).arg(&self.store.shared.replica).arg(json(&state)?);
        self.store.command(&command).await.map(drop)
    }

    async fn keep_held(&self, note: &HeldNote) -> Result<(), StoreError> {
        let mut command = redis::cmd("HSET");
        command.arg(self.key("held")).arg(&self.store.shared.replica).arg(json(note)?);
        self.store.command(&command).await.map(drop)
    }

    /// To every replica that ever spent something: which of them made the attempt is not known here.
    async fn pass_on(&self, charge: &Charge) -> Result<(), StoreError> {
        let mut command = redis::cmd("HKEYS");
        let replicas: Vec<String> = self.read(command.arg(self.key("credits"))).await?;
        let own = &self.store.shared.replica;
        for replica in replicas.iter().filter(|replica| *replica != own) {
            let list = self.key(&format!("charges:{replica}"));
            self.store.command(redis::cmd("RPUSH").arg(&list).arg(json(charge)?)).await?;
            // If that replica never comes back, they stay unread.
            self.store.command(redis::cmd("LTRIM").arg(&list).arg(-CHARGES_KEPT).arg(-1)).await?;
        }
        Ok(())
    }

    async fn passed_on(&self) -> Result<Vec<Charge>, StoreError> {
        let list = self.key(&format!("charges:{}", self.store.shared.replica));
        let mut command = redis::cmd("LPOP");
        let taken: Option<Vec<String>> = self.read(command.arg(list).arg(CHARGES_KEPT)).await?;
        let read = |charge: String| {
            reply::json(&charge)
                .inspect_err(|error| log::error!("a charge is left out, its credits stay set aside: {error}"))
                .ok()
        };
        Ok(taken.unwrap_or_default().into_iter().filter_map(read).collect())
    }
}

impl FallbackQueue for RedisBacklog {
    async fn push(&self, entry: Entry, due: UnixMillis) -> Result<bool, StoreError> {
        let mut call = self.store.call(&scripts::PUSH);
        call.arg(self.store.shared.bounds.queue).arg(due);
        add_entry(&mut call, self.vendor, &entry)?;
        self.store.changed(&call).await
    }

    async fn lease(&self, now: UnixMillis, lease_end: UnixMillis) -> Result<Option<Leased>, StoreError> {
        let by_server = self.store.shared.lease_clock == LeaseClock::Server;
        let mut call = self.call(&scripts::LEASE);
        call.arg(now).arg(lease_end.saturating_sub(now)).arg(u8::from(by_server));
        loop {
            let mut taken = Items::of(self.store.change(&call).await?)?;
            self.store.compared(taken.number()?, now);
            if taken.is_empty() {
                return Ok(None);
            }
            let (id, lease) = (taken.number()?, taken.text()?);
            match taken.entry() {
                Ok(entry) => {
                    self.store.shared.leases.begin(id, lease, now, lease_end);
                    return Ok(Some(Leased { id, entry }));
                }
                // It would hold up its user's others, and come back with every lease.
                Err(error) => {
                    let found = Unreadable::operation(written(id), Some(self.vendor), None, error);
                    self.store.set_aside(found, Waits::Queued(id, &lease)).await?;
                }
            }
        }
    }

    async fn next_due(&self) -> Result<Option<UnixMillis>, StoreError> {
        self.store.next_due(self.vendor).await
    }

    async fn ack(&self, id: u64, mut settled: Settled) -> Result<(), StoreError> {
        let follow_up = std::mem::take(&mut settled.follow_up);
        let mut call = self.store.call(&scripts::ACK);
        // Whichever worker has the lease by now: the vendor has answered.
        call.arg(written(id)).arg(settled.place.as_str()).arg(settled.at).arg(json(&settled)?);
        operations(&mut call, &follow_up)?;
        self.store.change(&call).await?;
        reach(Failpoint::AfterAckCommit);
        self.store.shared.leases.end(id);
        Ok(())
    }

    async fn holds(&self, user: &str) -> Result<bool, StoreError> {
        let mut command = redis::cmd("EXISTS");
        command.arg(self.key(&format!("line:{user}")));
        self.read(&command).await
    }

    async fn fail(&self, id: u64, attempt: Attempt, due: UnixMillis) -> Result<(), StoreError> {
        self.end_lease(id, Some(attempt), due).await
    }

    async fn release(&self, id: u64, due: UnixMillis) -> Result<(), StoreError> {
        self.end_lease(id, None, due).await
    }
}

impl DeadLetters for RedisBacklog {
    async fn put(&self, entry: Entry, cause: FailureKind, at: UnixMillis) -> Result<bool, StoreError> {
        let mut call = self.store.call(&scripts::PUT_LETTER);
        call.arg(self.store.shared.bounds.dead_letters).arg(cause.as_str()).arg(at);
        add_entry(&mut call, self.vendor, &entry)?;
        self.store.changed(&call).await
    }

    async fn page(&self, after: u64, limit: usize) -> Result<Vec<DeadLetter>, StoreError> {
        loop {
            let mut call = self.call(&scripts::LETTERS);
            call.arg(after).arg(limit);
            let mut page = Items::of(self.store.ask(&call).await?)?;
            let mut letters = Vec::new();
            let is_last = page.is_empty();
            while !page.is_empty() {
                match page.letter()? {
                    Ok(letter) => letters.push(letter),
                    Err((entry, error)) => {
                        let found = Unreadable::operation(written(entry), Some(self.vendor), None, error);
                        self.store.set_aside(found, Waits::Letters(entry)).await?;
                    }
                }
            }
            // Only behind the last letter is there nothing: those that were set aside are not there any more.
            if is_last || !letters.is_empty() {
                return Ok(letters);
            }
        }
    }

    async fn by_cause(&self) -> Result<BTreeMap<String, u64>, StoreError> {
        self.read(redis::cmd("HGETALL").arg(self.key("causes"))).await
    }

    async fn remove(&self, id: u64) -> Result<bool, StoreError> {
        let mut call = self.call(&scripts::REMOVE_LETTER);
        call.arg(id);
        self.store.changed(&call).await
    }
}
