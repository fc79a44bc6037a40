//! What a backlog of a test leaves to the one in memory that it wraps.

macro_rules! queue_is_that_of {
    ($backlog:ty, $inner:ident) => {
        impl FallbackQueue for $backlog {
            async fn push(&self, entry: Entry, due: UnixMillis) -> Result<bool, StoreError> {
                self.$inner.push(entry, due).await
            }

            async fn lease(&self, now: UnixMillis, lease_end: UnixMillis) -> Result<Option<Leased>, StoreError> {
                self.$inner.lease(now, lease_end).await
            }

            async fn next_due(&self) -> Result<Option<UnixMillis>, StoreError> {
                self.$inner.next_due().await
            }

            async fn ack(&self, id: u64, settled: Settled) -> Result<(), StoreError> {
                self.$inner.ack(id, settled).await
            }

            async fn holds(&self, user: &str) -> Result<bool, StoreError> {
                self.$inner.holds(user).await
            }

            async fn fail(&self, id: u64, attempt: Attempt, due: UnixMillis) -> Result<(), StoreError> {
                self.$inner.fail(id, attempt, due).await
            }

            async fn release(&self, id: u64, due: UnixMillis) -> Result<(), StoreError> {
                self.$inner.release(id, due).await
            }
        }
    };
}

macro_rules! letters_are_those_of {
    ($backlog:ty, $inner:ident) => {
        impl DeadLetters for $backlog {
            async fn put(&self, entry: Entry, cause: FailureKind, at: UnixMillis) -> Result<bool, StoreError> {
                self.$inner.put(entry, cause, at).await
            }

            async fn page(&self, after: u64, limit: usize) -> Result<Vec<DeadLetter>, StoreError> {
                self.$inner.page(after, limit).await
            }

            async fn by_cause(&self) -> Result<BTreeMap<String, u64>, StoreError> {
                self.$inner.by_cause().await
            }

            async fn remove(&self, id: u64) -> Result<bool, StoreError> {
                self.$inner.remove(id).await
            }
        }
    };
}

pub(super) use {letters_are_those_of, queue_is_that_of};
