//! A run's own queue and dead letters, with a journal of where each operation that entered them came to rest.
//!
//! A pipeline's caller hears that an operation waits in the queue, and never again of it. An auditor must know where it is in
//! the end: the queue reports what leaves it, and at the end of the run what is still in it, and among the dead letters.

use crate::journal::{JournalSender, RestingEntry};
use crate::outcome::RestingState;
use crate::resilience::settings::FallbackSettings;
use crate::resilience::{Entry, MemoryBacklog};

/// A backlog in memory that writes down places, where there is a journal for them.
pub(super) fn backlog(settings: &FallbackSettings, journal: Option<JournalSender<RestingEntry>>) -> MemoryBacklog {
    let backlog = MemoryBacklog::new(settings);
    match journal {
        None => backlog,
        Some(journal) => backlog.reporting(move |entry, place| journal.write(place_of(entry, place))),
    }
}

fn place_of(entry: &Entry, place: RestingState) -> RestingEntry {
    let operation = &entry.operation;
    RestingEntry {
        key: operation.key.clone(),
        lead: operation.lead.clone().unwrap_or_else(|| operation.key.clone()),
        user: operation.user.clone(),
        operation: operation.kind.as_str().to_owned(),
        place,
        attempts: entry.attempts.len() as u32 + u32::from(place == RestingState::Delivered),
        redrives: entry.redrives,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::journal::{Journal, JournalReader, Line};
    use crate::outcome::FailureKind;
    use crate::resilience::{Attempt, Backlog, DeadLetters, FallbackQueue, Leased, Operation, OperationKind, Settled};

    fn attempt() -> Attempt {
        Attempt { at: 1, cause: FailureKind::ServerError, status: Some(503) }
    }

    fn entry(user: &str) -> Entry {
        Entry::new(Operation::new(OperationKind::Enrich, user, json!({})), attempt())
    }

    /// Users and places, as the journal has them.
    fn places(
        journal: Journal<RestingEntry>,
        backlog: &MemoryBacklog,
        path: &std::path::Path,
    ) -> Vec<(String, RestingState, u32)> {
        backlog.report_rest();
        assert_eq!(journal.finish().missed, 0);
        let lines = JournalReader::<RestingEntry, _>::open(path).unwrap();
        let mut places: Vec<_> = lines
            .map(|line| match line.unwrap().1 {
                Line::Entry(place) => (place.user, place.place, place.attempts),
                Line::Missed(_) => panic!("nothing is missing"),
            })
            .collect();
        places.sort();
        places
    }

    #[tokio::test]
    async fn each_operation_is_written_down_once_where_it_came_to_rest() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("places.ndjson");
        let journal = Journal::create(&path).unwrap();
        let backlog = super::backlog(&FallbackSettings::default(), Some(journal.sender()));
        let queue = &backlog;
        for user in ["acked", "buried", "failed", "released", "waiting"] {
            assert!(queue.push(entry(user), 0).await.unwrap());
        }
        for _ in 0..4 {
            let Leased { id, entry } = queue.lease(1, 100).await.unwrap().unwrap();
            match entry.operation.user.as_str() {
                "acked" => queue.ack(id, Settled::delivered(1, Some(200))).await.unwrap(),
                "buried" => assert!(backlog.bury(id, attempt()).await.unwrap()),
                "failed" => queue.fail(id, attempt(), 1_000).await.unwrap(),
                "released" => queue.release(id, 1_000).await.unwrap(),
                other => panic!("{other} was not the first"),
            }
        }
        let expected = [
            ("acked", RestingState::Delivered, 2),
            ("buried", RestingState::DeadLettered, 2),
            ("failed", RestingState::Queued, 2),
            ("released", RestingState::Queued, 1),
            ("waiting", RestingState::Queued, 1),
        ];
        assert_eq!(places(journal, &backlog, &path), expected.map(|(user, place, attempts)| (user.to_owned(), place, attempts)));
    }

    #[tokio::test]
    async fn what_is_redriven_is_queued_again_and_what_finds_no_room_is_nowhere() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("places.ndjson");
        let journal = Journal::create(&path).unwrap();
        let settings = FallbackSettings { queue_capacity: 1, ..FallbackSettings::default() };
        let backlog = super::backlog(&settings, Some(journal.sender()));
        assert!(backlog.push(entry("ada"), 0).await.unwrap());
        assert!(!backlog.push(entry("full"), 0).await.unwrap());
        let leased = backlog.lease(1, 100).await.unwrap().unwrap();
        assert!(backlog.bury(leased.id, attempt()).await.unwrap());
        let letter = backlog.page(0, 1).await.unwrap().remove(0);
        assert!(backlog.redrive(letter.id, 0).await.unwrap());
        assert_eq!(places(journal, &backlog, &path), [("ada".to_owned(), RestingState::Queued, 2)]);
    }
}
