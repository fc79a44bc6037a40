//! The window answers as if all of the queue were in memory, with a page of it.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::json;

use crate::outcome::Vendor;
use crate::resilience::{Backlog, Entry, FallbackQueue, Operation, OperationKind, Settled};
use crate::store::LeadStore;
use crate::store::sqlite::read::LEADS_BEHIND;
use crate::store::sqlite::row::{ENTRY, NewEntry};
use crate::store::sqlite::window::{Head, Known, MOST_BYTES, Turn, Window};

use crate::store::sqlite::writer::{LATER_DUE, SAME_DUE};

use super::grouping::WHY;
use super::{lead_of_size, open, place};

const PAGE: usize = 4;

/// A table of heads, of which the window reads pages.
#[derive(Debug)]
struct Table {
    window: Window,
    /// When each is due, by the file.
    rows: BTreeMap<u64, u64>,
    /// When each may be leased, leases included.
    truth: BTreeMap<u64, u64>,
    last_id: u64,
}

fn head(id: u64, due: u64) -> Head {
    let operation = Operation::new(OperationKind::Track, format!("user-{id}"), json!(null));
    Head { id, turn: (due, id), bytes: 4, entry: Entry::new(operation, WHY) }
}

impl Table {
    fn first(&self) -> Option<(u64, u64)> {
        self.truth.iter().map(|(&id, &due)| (due, id)).min()
    }

    fn enter(&mut self, id: u64, due: u64) {
        self.rows.insert(id, due);
        self.truth.insert(id, due);
        self.window.enter(head(id, due));
    }

    fn read_ahead(&mut self) {
        let Some((after, most)) = self.window.wanted() else { return };
        let mut behind: Vec<Turn> = self.rows.iter().map(|(&id, &due)| (due, id)).filter(|turn| *turn > after).collect();
        behind.sort_unstable();
        let all = behind.len() < most;
        behind.truncate(most);
        let horizon = behind.last().copied().filter(|_| !all);
        self.window.extend(behind.into_iter().map(|(due, id)| head(id, due)).collect(), horizon);
    }

    fn known<T>(&mut self, mut question: impl FnMut(&mut Window) -> Known<T>) -> T {
        for _ in 0..100 {
            match question(&mut self.window) {
                Known::Yes(answer) => return answer,
                Known::ReadMore => self.read_ahead(),
            }
        }
        panic!("it reads for ever: {self:?}");
    }
}

proptest! {
    #[test]
    fn it_leases_what_has_been_due_for_the_longest(
        initial in 0_u64..30,
        steps in prop::collection::vec((0_u8..6, 0_u64..40, any::<prop::sample::Index>()), 1..200),
    ) {
        let rows: BTreeMap<u64, u64> = (1..=initial).map(|id| (id, id * 7 % 40)).collect();
        let mut table = Table { window: Window::new(initial, 0, PAGE), truth: rows.clone(), rows, last_id: initial };
        let mut now = 0;
        for (step, number, index) in steps {
            let some = (!table.rows.is_empty()).then(|| *table.rows.keys().nth(index.index(table.rows.len())).expect("in range"));
            match (step, some) {
                (0, _) => {
                    table.last_id += 1;
                    table.enter(table.last_id, now + number);
                }
                (1, Some(id)) => {
                    table.rows.remove(&id);
                    table.truth.remove(&id);
                    table.window.leave(id);
                }
                (2, Some(id)) => table.enter(id, now + number),
                (3, _) => {
                    let expected = table.first().filter(|(due, _)| *due <= now);
                    let leased = table.known(|window| window.lease(now, now + number + 1));
                    prop_assert_eq!(leased.map(|leased| leased.id), expected.map(|(_, id)| id));
                    if let Some((_, id)) = expected {
                        table.truth.insert(id, now + number + 1);
                    }
                }
                (4, _) => table.read_ahead(),
                _ => now += number,
            }
            let due = table.known(|window| window.next_due());
            prop_assert_eq!(due, table.first().map(|(due, _)| due));
        }
    }
}

#[tokio::test]
async fn large_payloads_are_held_to_a_bound_and_all_come_out_in_their_order() {
    let (_dir, path) = place();
    let store = open(&path);
    const LEADS: u64 = 60;
    // 30 MB, where 8 are held at most.
    for number in 0..LEADS {
        store.accept(vec![lead_of_size(number, 500_000)], number).await.expect("a working store");
    }
    let queue = store.backlog(Vendor::Clay);
    assert!(store.shared.windows[0].lock().bytes <= 2 * MOST_BYTES + 600_000);
    for number in 0..LEADS {
        let leased = queue.lease(LEADS, 1_000_000).await.expect("a working store").expect("due");
        assert_eq!(leased.entry.operation.user, format!("user-{number}"));
        queue.ack(leased.id, Settled::delivered(LEADS, Some(200))).await.expect("a working store");
    }
    assert_eq!((queue.next_due().await, queue.counts()), (Ok(None), (0, 0)));
}

#[tokio::test]
async fn the_next_page_and_the_next_of_a_line_are_found_by_an_index() {
    let (_dir, path) = place();
    let store = open(&path);
    let plan = |sql: String| {
        store.read(move |connection| {
            let sql = sql.replace("?2", "5").replace("?3", "6");
            let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}"))?;
            // Unbound, as the planner sees them.
            statement.raw_query().mapped(|row| row.get::<_, String>("detail")).collect::<rusqlite::Result<Vec<_>>>()
        })
    };
    for (sql, index) in [
        (
            format!("SELECT {ENTRY} WHERE e.vendor = 0 AND e.head = 1 AND {SAME_DUE} LIMIT 9"),
            "INDEX entries_heads (vendor=? AND due=? AND id>?)",
        ),
        (
            format!("SELECT {ENTRY} WHERE e.vendor = 0 AND e.head = 1 AND {LATER_DUE} LIMIT 9"),
            "INDEX entries_heads (vendor=? AND due>?)",
        ),
        (
            "SELECT id, head FROM entries WHERE line = 1 AND place = 'queued' ORDER BY id LIMIT 1".to_owned(),
            "INDEX entries_lines (line=?)",
        ),
        (
            format!("SELECT {ENTRY} WHERE e.vendor = 0 AND e.place = 'dead_lettered' AND e.id > 7 ORDER BY e.id LIMIT 9"),
            "INDEX entries_dead (vendor=? AND id>?)",
        ),
        (
            "SELECT cause, count(*) FROM entries WHERE vendor = 0 AND place = 'dead_lettered' GROUP BY cause".to_owned(),
            "INDEX entries_causes (vendor=?)",
        ),
        (
            "SELECT id FROM leads WHERE open = 0 AND settled_at < 5 AND checksum = 7 ORDER BY settled_at LIMIT 5".to_owned(),
            "INDEX leads_settled (settled_at<?)",
        ),
        (LEADS_BEHIND.to_owned(), "INDEX sqlite_autoindex_leads_1 (key>?)"),
        ("SELECT id, came, place FROM entries WHERE lead = 1 AND key = x'00'".to_owned(), "INDEX entries_of_lead (lead=?)"),
    ] {
        let plan = plan(sql.clone()).await.expect("a plan").join("\n");
        assert!(plan.contains(index), "{sql}\n{plan}");
        assert!(!plan.contains("TEMP B-TREE"), "{sql}\n{plan}");
    }
}

#[test]
fn users_of_two_vendors_have_lines_of_their_own() {
    let entry = || Entry::new(Operation::new(OperationKind::Track, "ada", json!({})), WHY);
    assert_ne!(NewEntry::new(0, entry()).line, NewEntry::new(1, entry()).line);
    assert_eq!(NewEntry::new(1, entry()).line, NewEntry::new(1, entry()).line);
}
