//! Texts of messages: the nearest name, lists of names, cutting, hexadecimal.

pub(crate) use mock_server::text::{cut, did_you_mean, hex, nearest, without_mark};

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

/// A word of a command line as a shell takes it for one: what could mean something else to it is quoted.
pub(crate) fn shell_word(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-:=@%+,".contains(&byte);
    if !text.is_empty() && text.bytes().all(plain) { text.to_owned() } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

/// The bytes that twice as many hexadecimal digits stand for.
pub(crate) fn unhex<const N: usize>(digits: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    if digits.len() != 2 * N {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.as_bytes().chunks_exact(2)) {
        let [high, low] = [pair[0], pair[1]].map(|digit| char::from(digit).to_digit(16));
        *byte = (high? << 4 | low?) as u8;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_takes_a_quoted_word_for_one() {
        assert_eq!(shell_word("scenarios/a-1.toml"), "scenarios/a-1.toml");
        assert_eq!(shell_word("it's $HOME/x y"), r"'it'\''s $HOME/x y'");
        assert_eq!(["", "~", "a;b", "é"].map(shell_word), ["''", "'~'", "'a;b'", "'é'"]);
    }

    #[test]
    fn two_digits_are_a_byte() {
        assert_eq!(["000aff", "000AFF"].map(unhex), [Some([0, 10, 255]); 2]);
        assert_eq!(["000af", "000afg", "000aff00", "000a\u{fc}"].map(unhex::<3>), [None; 4]);
    }
}
