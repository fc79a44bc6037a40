//! Texts of messages: the nearest name, lists of names, cutting, hexadecimal.

pub(crate) use mock_server::text::{cut, did_you_mean, hex, nearest, without_mark};

use std::borrow::Cow;

use unicode_width::UnicodeWidthStr;

/// Columns that a text takes on a terminal: two for each wide character.
pub(crate) fn width(text: &str) -> usize {
    text.width()
}

/// A text from outside as it may be printed within a line: what controls a terminal, ends a line or turns the direction of writing is
/// an escape. A name could otherwise draw over what was printed before it, or a verdict of its own below it.
pub(crate) fn shown(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_control) {
        return text.into();
    }
    text.chars().map(|c| if is_control(c) { c.escape_default().to_string() } else { c.to_string() }).collect()
}

/// The same for a text of several lines of ours, which colours may have been given.
pub(crate) fn printable(text: &str, coloured: bool) -> Cow<'_, str> {
    if !text.chars().any(|c| c != '\n' && is_control(c)) {
        return text.into();
    }
    let mut printable = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let length = colour(rest).filter(|_| coloured).unwrap_or(0);
        let (taken, behind) = rest.split_at(length.max(c.len_utf8()));
        let is_plain = length > 0 || matches!(c, '\n' | '\t');
        printable.push_str(&if is_plain { Cow::Borrowed(taken) } else { shown(taken) });
        rest = behind;
    }
    printable.into()
}

/// The length of the colour that a text begins with: `ESC [ 31 m`.
fn colour(text: &str) -> Option<usize> {
    let parameters = text.strip_prefix("\u{1b}[")?;
    let end = parameters.find(|c: char| !(c.is_ascii_digit() || c == ';'))?;
    parameters[end..].starts_with('m').then_some(end + 3)
}

fn is_control(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A text in lines of at most this many columns, broken at spaces where there are any.
pub(crate) fn lines(text: &str, columns: usize) -> Vec<String> {
    hung(text, columns, 0)
}

/// The same text with no line longer than this many columns; what is broken goes on a little behind the start of its line.
pub(crate) fn fitted(text: &str, columns: usize) -> String {
    let fit = |line: &str| {
        let start = line.len() - line.trim_start_matches(' ').len();
        let indent = if start + 2 < columns / 2 { start + 2 } else { 0 };
        hung(line, columns, indent).join(&format!("\n{}", " ".repeat(indent)))
    };
    text.split('\n').map(fit).collect::<Vec<_>>().join("\n")
}

/// Lines of which all but the first have `indent` columns less.
fn hung(text: &str, columns: usize, indent: usize) -> Vec<String> {
    let (first, mut rest) = broken(text, columns);
    let mut lines = vec![first.to_owned()];
    while let Some(text) = rest {
        let (line, behind) = broken(text, columns - indent);
        lines.push(line.to_owned());
        rest = behind;
    }
    lines
}

/// As much of a text as fits into so many columns, at least one character, and the rest, behind the space where it is broken.
fn broken(text: &str, columns: usize) -> (&str, Option<&str>) {
    let starts = text.len() - text.trim_start_matches(' ').len();
    let (mut end, mut space) = (0, None);
    for (at, c) in text.char_indices() {
        if c == ' ' && at > starts {
            space = Some(at);
        }
        let next = at + c.len_utf8();
        if width(&text[..next]) > columns && at > 0 {
            let (line, rest) = space.map_or_else(|| text.split_at(end), |space| (&text[..space], &text[space + 1..]));
            return (line, Some(rest));
        }
        end = next;
    }
    (text, None)
}

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
    fn what_controls_a_terminal_is_printed_as_an_escape() {
        assert_eq!(shown("ada\u{1b}[2J\r\nPASSED\u{202e}"), "ada\\u{1b}[2J\\r\\nPASSED\\u{202e}");
        assert_eq!(shown("Zoë 漢字"), "Zoë 漢字");
        let coloured = "\u{1b}[1;31merror\u{1b}[0m: a\u{1b}[2J\u{9b}31m\tb\nc\u{7}";
        assert_eq!(printable(coloured, true), "\u{1b}[1;31merror\u{1b}[0m: a\\u{1b}[2J\\u{9b}31m\tb\nc\\u{7}");
        assert_eq!(printable(coloured, false), "\\u{1b}[1;31merror\\u{1b}[0m: a\\u{1b}[2J\\u{9b}31m\tb\nc\\u{7}");
        assert_eq!(printable("\u{1b}[", true), "\\u{1b}[");
    }

    #[test]
    fn lines_break_at_spaces_where_there_are_any() {
        assert_eq!(lines("  ab cd", 5), ["  ab", "cd"]);
        assert_eq!(lines("abcdefg", 3), ["abc", "def", "g"]);
        assert_eq!(lines("ab cd", 2), ["ab", "cd"]);
        assert_eq!(lines("", 3), [""]);
        assert_eq!(lines("漢字漢字", 5), ["漢字", "漢字"], "a wide character takes two columns");
        assert_eq!(lines("漢字", 1), ["漢", "字"], "and one at least is in each line");
        assert_eq!(lines("🚀🚀 ok", 4), ["🚀🚀", "ok"]);
        assert_eq!((width("ご注文"), width("🚀"), width("e\u{301}")), (6, 2, 1));
    }

    #[test]
    fn what_is_broken_goes_on_behind_the_start_of_its_line() {
        assert_eq!(fitted("short\n  label  one two three", 16), "short\n  label  one two\n    three");
        assert_eq!(fitted("                a b", 17), "                a\nb", "there is no room for more");
        let wide = format!("  fault  {}", "漢字の障害 ".repeat(20));
        for columns in [20, 60, 80] {
            assert!(fitted(&wide, columns).lines().all(|line| width(line) <= columns), "{columns}");
        }
    }

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
