//! The workspace as a Rust test reads it.

use tokio::time::Instant;

use super::row::{Kept, number, row_id};
use super::{Bill, Callback, Clay, CreditState, Delivery, Row};

impl Clay {
    /// Every row that is kept, oldest first.
    pub fn rows(&self) -> Vec<Row> {
        self.latest_rows(Instant::now(), usize::MAX)
    }

    /// The latest rows as they are at `now`, oldest first. They are copied quickly and made readable afterwards, so that no
    /// request waits for a reader.
    pub(super) fn latest_rows(&self, now: Instant, most: usize) -> Vec<Row> {
        let kept: Vec<(u64, Kept)> = self.with_workspace(now, |workspace| {
            let unwanted = workspace.rows_kept().saturating_sub(most);
            workspace.rows().skip(unwanted).map(|(number, row)| (number, row.clone())).collect()
        });
        kept.iter().map(|(number, row)| self.setup.view(*number, row, row.status(now))).collect()
    }

    /// The row with this id, if it is kept.
    pub fn row(&self, id: &str) -> Option<Row> {
        let (now, number) = (Instant::now(), number(id, "r_").filter(|&number| row_id(number) == id)?);
        self.with_workspace(now, |workspace| workspace.row(number).map(|row| self.setup.view(number, row, row.status(now))))
    }

    /// Rows that were ever added, those that are forgotten by now included.
    pub fn row_count(&self) -> u64 {
        self.with_workspace(Instant::now(), |workspace| workspace.rows_ever())
    }

    /// What has become of the credits.
    pub fn credits(&self) -> CreditState {
        let now = Instant::now();
        self.with_workspace(now, |workspace| workspace.account.state(now))
    }

    /// What has been charged, what will be, and what could not be: together, what the effects in the ledger cost.
    pub fn bill(&self) -> Bill {
        let now = Instant::now();
        self.with_workspace(now, |workspace| {
            let state = workspace.account.state(now);
            Bill { rows: workspace.rows_ever(), charged: state.charged, due: workspace.due_credits(), unpaid: state.unpaid }
        })
    }

    /// The latest callbacks and what became of them, in the order in which they ended.
    pub fn callbacks(&self) -> Vec<Delivery> {
        self.deliveries.list()
    }

    /// At most `most` callbacks that are due at `now`, and when to ask again: `None` for after the next notification.
    pub(crate) fn due_callbacks(&self, now: Instant, most: usize) -> (Vec<Callback>, Option<Instant>) {
        self.with_workspace(now, |workspace| (workspace.outbox.take(most), workspace.next_due()))
    }

    /// How callbacks are made.
    pub(crate) fn callback_settings(&self) -> &crate::simulated::clay::settings::CallbackSettings {
        &self.setup.settings.callbacks
    }

    /// Bytes of callbacks that may wait.
    pub(crate) fn callback_bytes(&self) -> usize {
        self.setup.settings.store_bytes
    }

    /// When the workspace began.
    pub(crate) fn start(&self) -> Instant {
        self.with_workspace(Instant::now(), |workspace| workspace.start)
    }
}
