//! The places at rest, read from the database of a service that has ended.
//!
//! What a service reports of itself while it ends can change a moment later. What its file says when its process is gone stays,
//! and is what a restart would find, also after a crash.

use std::io::{self, BufWriter};
use std::path::Path;

use mock_server::private_file;
use thiserror::Error;

use crate::journal::JournalLines;
use crate::outcome::RestingState;
use crate::resilience::StoreError;
use crate::service::resting_entries;
use crate::store::sqlite::{OpenError, SqliteStore};
use crate::store::{Bounds, LeadStore};

/// Leads that are read at a time.
const PAGE: usize = 1_000;

/// The places could not be read.
#[derive(Debug, Error)]
pub(super) enum StoredPlacesError {
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Read(#[from] StoreError),
    #[error("cannot write them: {0}")]
    Write(#[from] io::Error),
}

/// Writes the place of each operation in `database` to `file`; gives how many are in the queue or among the dead letters.
pub(super) async fn of_database(database: &Path, file: &Path) -> Result<u64, StoredPlacesError> {
    let store = SqliteStore::open(database, Bounds::default().into())?;
    let mut lines = JournalLines::new(BufWriter::new(private_file::create(file)?));
    let mut left = 0;
    let mut after: Option<String> = None;
    loop {
        let page = store.leads(after.as_deref(), PAGE).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.key.clone());
        for place in page.iter().flat_map(resting_entries) {
            left += u64::from(matches!(place.place, RestingState::Queued | RestingState::DeadLettered));
            lines.entry(&place)?;
        }
    }
    lines.end()?;
    store.close().await?;
    Ok(left)
}
