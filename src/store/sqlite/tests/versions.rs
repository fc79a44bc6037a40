//! Files of an earlier version.

use std::path::Path;

use rusqlite::Connection;

use crate::outcome::Vendor;
use crate::resilience::Backlog;
use crate::store::sqlite::schema::{SUMS, tables};
use crate::store::sqlite::{OpenError, SqliteFile};
use crate::store::{Acceptance, LeadStore};

use super::flips::in_all_states;
use super::{lead, open, place};

/// Makes a file what the build of version 1 would have written.
fn to_version_1(path: &Path) {
    let file = Connection::open(path).expect("a database");
    let mut statement =
        file.prepare("SELECT name FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL").expect("a schema");
    let indexes: Vec<String> =
        statement.query_map((), |row| row.get(0)).expect("a schema").collect::<Result<_, _>>().expect("a schema");
    indexes.iter().for_each(|index| file.execute_batch(&format!("DROP INDEX {index}")).expect("an index"));
    for (table, ..) in SUMS {
        file.execute_batch(&format!("ALTER TABLE {table} RENAME TO old_{table}")).expect("a table");
    }
    file.execute_batch(&tables(1).expect("a version")).expect("tables");
    for (table, columns, _) in SUMS {
        let copy = format!("INSERT INTO {table} ({columns}) SELECT {columns} FROM old_{table}; DROP TABLE old_{table}");
        file.execute_batch(&copy).expect("rows");
    }
    file.execute_batch("DROP TABLE quarantine; DROP TABLE runs; PRAGMA user_version = 1").expect("a version");
}

#[tokio::test]
async fn a_file_of_version_1_is_brought_to_this_one_with_all_that_is_in_it() {
    let (_dir, path) = place();
    let store = in_all_states(&path).await;
    let leads = store.leads(None, 1_000).await;
    let counts = Vendor::ALL.map(|vendor| store.backlog(vendor).counts());
    let credits = store.backlog(Vendor::Clay).credits().await;
    store.close().await.expect("a working store");
    to_version_1(&path);

    let error = SqliteFile::open(&path).expect_err("it is not read before");
    assert!(matches!(error, OpenError::Older { found: 1, .. }) && error.to_string().contains("start the service"), "{error}");

    let store = open(&path);
    assert_eq!(store.leads(None, 1_000).await, leads);
    assert_eq!(Vendor::ALL.map(|vendor| store.backlog(vendor).counts()), counts);
    assert_eq!(store.backlog(Vendor::Clay).credits().await, credits);
    assert_eq!(store.quarantined(), 0);
    assert_eq!(store.accept(vec![lead(900)], 9).await, Ok(vec![Acceptance::New]));
    store.close().await.expect("a working store");
    assert_eq!(open(&path).quarantined(), 0, "and it is opened again");
    assert_eq!(SqliteFile::open(&path).expect("a store").summary().expect("a store").quarantined, []);
}
