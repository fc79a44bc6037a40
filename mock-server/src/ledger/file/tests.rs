use serde_json::Value;

use super::*;
use crate::ledger::tests::entry;

/// A disk of so many bytes.
struct Disk {
    bytes: Vec<u8>,
    room: usize,
}

impl Write for Disk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(self.room - self.bytes.len());
        if taken == 0 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.bytes.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn batch(missed: u64, requests: std::ops::Range<u64>) -> Batch {
    let entries: Vec<_> = requests.map(|request| Arc::new(entry(request))).collect();
    Batch { missed, entries, next: 0, has_more: false }
}

fn writer(room: usize) -> Writer<Disk> {
    Writer { out: Disk { bytes: Vec::new(), room }, status: Arc::default(), gap: 0, torn: false }
}

/// Requests, and gaps as negative numbers. A line that is no JSON is a 0.
fn seen(writer: &Writer<Disk>) -> Vec<i64> {
    let text = String::from_utf8(writer.out.bytes.clone()).unwrap();
    let of_line = |line: &str| match serde_json::from_str::<Value>(line) {
        Ok(line) => line["request"].as_i64().unwrap_or_else(|| -line["missed"].as_i64().unwrap()),
        Err(_) => 0,
    };
    text.lines().map(of_line).collect()
}

#[test]
fn entries_become_lines_and_gaps_are_marked() {
    let mut writer = writer(usize::MAX);
    writer.write(&batch(0, 1..3));
    writer.write(&batch(4, 7..8));
    assert_eq!(seen(&writer), [1, 2, -4, 7]);
    assert_eq!((writer.status.lines(), writer.status.missed()), (3, 4));
    assert!(writer.status.problem().unwrap().contains("4 entries are missing"));
}

/// At every single size of disk: nothing is in the file twice, nothing is missing without a word on it.
#[test]
fn a_full_disk_is_reported_and_written_to_again_when_it_has_room() {
    let whole = lines(0, &batch(0, 1..4).entries).len();
    for room in 0..whole {
        let mut writer = writer(room);
        writer.write(&batch(0, 1..4));
        assert!(writer.status.error().unwrap().contains("no storage space"), "{:?}", writer.status.error());
        writer.write(&batch(0, 4..5));
        writer.out.room = usize::MAX;
        writer.write(&batch(0, 5..7));
        assert_eq!(writer.status.error(), None);
        let seen = seen(&writer);
        let torn = seen.iter().filter(|request| **request == 0).count();
        let gap: i64 = seen.iter().filter(|request| **request < 0).sum();
        let entries: Vec<i64> = seen.iter().copied().filter(|request| *request > 0).collect();
        let before = entries.len() as i64 - 2;
        assert_eq!(entries, (1..=before).chain(5..7).collect::<Vec<_>>(), "room for {room}");
        assert_eq!(-gap, 4 - before, "room for {room}: {seen:?}");
        assert!(torn <= 1, "{seen:?}");
        assert_eq!((writer.status.lines() as i64, writer.status.missed() as i64), (before + 2, -gap));
    }
}

#[test]
fn the_count_at_the_end_is_of_all_entries_also_of_those_that_are_missing() {
    for room in [usize::MAX, 700] {
        let mut writer = writer(room);
        writer.write(&batch(2, 3..6));
        writer.out.room = usize::MAX;
        writer.end();
        let text = String::from_utf8(writer.out.bytes.clone()).unwrap();
        assert!(text.ends_with("\n{\"entries\":5}\n"), "{text}");
        let gaps = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()?["missed"].as_u64()).sum::<u64>();
        let entries = text.lines().filter(|line| serde_json::from_str::<Value>(line).is_ok_and(|line| line["request"].is_u64()));
        assert_eq!(entries.count() as u64 + gaps, 5, "{text}");
    }
}

#[tokio::test]
async fn what_was_written_before_the_end_is_in_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.ndjson");
    let ledger = Arc::new(Ledger::new());
    let file = LedgerFile::create(&path, &ledger).unwrap();
    (1..=2_500).for_each(|request| ledger.write(entry(request)));
    ledger.clear();
    file.finish().await;
    let text = std::fs::read_to_string(&path).unwrap();
    let text = text.strip_suffix("{\"entries\":2500}\n").unwrap();
    let requests: Vec<u64> =
        text.lines().map(|line| serde_json::from_str::<crate::ledger::Entry>(line).unwrap().request).collect();
    assert_eq!(requests, (1..=2_500).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn a_file_that_cannot_be_created_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    assert!(LedgerFile::create(folder.path(), &Arc::new(Ledger::new())).is_err());
}

/// However many there are: a pause after each batch would be a limit on the rate of requests.
#[tokio::test(start_paused = true)]
async fn a_backlog_is_handed_on_without_a_pause() {
    let ledger = Arc::new(Ledger::new());
    let follower = ledger.follow();
    (1..=5_000).for_each(|request| ledger.write(entry(request)));
    let (sender, mut queue) = mpsc::channel(QUEUE);
    let (_end, ended) = oneshot::channel();
    tokio::spawn(hand_on(follower, sender, ended));
    let start = tokio::time::Instant::now();
    for _ in 0..5 {
        assert_eq!(queue.recv().await.unwrap().entries.len(), 1_000);
    }
    assert_eq!(start.elapsed(), Duration::ZERO);
    ledger.write(entry(5_001));
    assert_eq!(queue.recv().await.unwrap().entries[0].request, 5_001);
}
