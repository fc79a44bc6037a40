//! A checksum for each row, so that a bit that flips on the disk is found and not delivered.
//!
//! A row's checksum is the sum of one CRC-32 for each of its columns. So a change of a few columns adds the difference, without
//! the rest of the row being read, and without making a row right again that was damaged before: what did not fit then
//! does not fit now. A CRC finds every single flipped bit, and every burst of up to 32 of them.

use crc32fast::Hasher;
use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Result};

/// The checksum of a row as SQL: the names of its columns, and where their values come from.
macro_rules! row_sum {
    ($before:literal; $($column:literal)+) => {
        concat!("row_sum(0", $(", '", $column, "', ", $before, $column,)+ ")")
    };
}

/// Changes of some columns as the `SET` of an `UPDATE`, with the row's checksum.
macro_rules! set {
    ($($column:literal = $value:literal),+) => {
        concat!(
            "checksum = checksum", $(" - part('", $column, "', ", $column, ") + part('", $column, "', ", $value, ")",)+
            $(", ", $column, " = ", $value,)+
        )
    };
}

/// The columns of an entry: `$before` each comes what makes it one of a table, as in `e.`.
macro_rules! entry_sum {
    ($before:literal) => {
        $crate::store::sqlite::checksum::row_sum!(
            $before;
            "id" "came" "vendor" "place" "head" "due" "line" "lead" "kind" "key" "lead_key" "user" "data" "first" "retry_count"
            "redrives" "attempts" "cause" "dead_at" "settled"
        )
    };
}

/// As `entry_sum`, of a lead.
macro_rules! lead_sum {
    ($before:literal) => {
        $crate::store::sqlite::checksum::row_sum!($before; "id" "key" "user" "data" "accepted_at" "open" "settled_at")
    };
}

/// As `entry_sum`, of an enrichment.
macro_rules! enrichment_sum {
    ($before:literal) => {
        $crate::store::sqlite::checksum::row_sum!($before; "id" "lead" "at" "source" "data")
    };
}

/// As `entry_sum`, of the counts and credits of a backlog.
macro_rules! backlog_sum {
    ($before:literal) => {
        $crate::store::sqlite::checksum::row_sum!($before; "vendor" "queued" "dead" "credits")
    };
}

/// As `entry_sum`, of the numbers; not of when it was checked that a commit works.
macro_rules! numbers_sum {
    ($before:literal) => {
        $crate::store::sqlite::checksum::row_sum!($before; "only" "last_id")
    };
}

pub(super) use {backlog_sum, enrichment_sum, entry_sum, lead_sum, numbers_sum, row_sum, set};

/// Gives a connection the functions `part(name, value)` and `row_sum(0, name, value, …)`.
pub(super) fn register(connection: &Connection) -> Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC | FunctionFlags::SQLITE_INNOCUOUS;
    connection.create_scalar_function("part", 2, flags, |context| pair(context, 0))?;
    connection.create_scalar_function("row_sum", -1, flags, |context| {
        (1..context.len()).step_by(2).map(|first| pair(context, first)).sum::<Result<i64>>()
    })
}

/// The checksum of the column whose name is the `first` argument.
fn pair(context: &Context<'_>, first: usize) -> Result<i64> {
    Ok(part(context.get_raw(first).as_bytes()?, context.get_raw(first + 1)))
}

fn part(name: &[u8], value: ValueRef<'_>) -> i64 {
    let mut crc = Hasher::new();
    crc.update(name);
    match value {
        ValueRef::Null => crc.update(&[0]),
        ValueRef::Integer(number) => {
            crc.update(&[1]);
            crc.update(&number.to_le_bytes());
        }
        ValueRef::Real(number) => {
            crc.update(&[2]);
            crc.update(&number.to_le_bytes());
        }
        ValueRef::Text(text) => {
            crc.update(&[3]);
            crc.update(text);
        }
        ValueRef::Blob(bytes) => {
            crc.update(&[4]);
            crc.update(bytes);
        }
    }
    i64::from(crc.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_adds_the_difference_and_makes_no_damaged_row_right() {
        let connection = Connection::open_in_memory().expect("a database");
        register(&connection).expect("functions");
        connection.execute_batch("CREATE TABLE t (checksum INTEGER, a TEXT, b INTEGER)").expect("a table");
        let insert = concat!("INSERT INTO t VALUES (", row_sum!("?"; "1" "2"), ", ?1, ?2)");
        connection.execute(insert, ("x", 7)).expect("a row");
        // The columns of the insert are named by their numbers; the change names them alike.
        let fits = "SELECT checksum = row_sum(0, '1', a, '2', b) FROM t";
        let fits = |connection: &Connection| connection.query_row(fits, (), |row| row.get::<_, bool>(0)).expect("a row");
        assert!(fits(&connection));
        let change = "UPDATE t SET checksum = checksum - part('2', b) + part('2', b + 1), b = b + 1";
        connection.execute(change, ()).expect("a change");
        assert!(fits(&connection));
        connection.execute("UPDATE t SET a = 'y'", ()).expect("damage");
        assert!(!fits(&connection));
        connection.execute(change, ()).expect("a change");
        assert!(!fits(&connection), "it stays found");
    }

    #[test]
    fn any_flipped_bit_and_values_of_other_kinds_have_other_checksums() {
        let text = b"{\"email\":\"ada@acme.test\"}";
        let whole = part(b"data", ValueRef::Text(text));
        for bit in 0..text.len() * 8 {
            let mut flipped = *text;
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_ne!(part(b"data", ValueRef::Text(&flipped)), whole, "bit {bit}");
        }
        assert_ne!(part(b"data", ValueRef::Blob(text)), whole);
        assert_ne!(part(b"date", ValueRef::Text(text)), whole);
        assert_ne!(part(b"due", ValueRef::Null), part(b"due", ValueRef::Integer(0)));
    }
}
