//! Texts of messages: the nearest name, lists of names, cutting, hexadecimal.

pub(crate) use mock_server::text::{cut, did_you_mean, hex, nearest};

/// "`a`, `b` or `c`".
pub(crate) fn any_of(names: &[&str]) -> String {
    listed(names, "or")
}

/// "`a`, `b` and `c`".
pub(crate) fn all_of(names: &[&str]) -> String {
    listed(names, "and")
}

fn listed(names: &[&str], last_word: &str) -> String {
    match names {
        [] => "nothing".to_owned(),
        [only] => format!("`{only}`"),
        [first @ .., last] => {
            let first: Vec<String> = first.iter().map(|name| format!("`{name}`")).collect();
            format!("{} {last_word} `{last}`", first.join(", "))
        }
    }
}
