//! Texts of messages: the nearest name, lists of names, cutting, hexadecimal.

/// The nearest of `known` to `word`, if one is similar enough to be meant.
pub(crate) fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let word = word.to_lowercase();
    let scored = known.iter().map(|candidate| (strsim::jaro_winkler(&word, &candidate.to_lowercase()), *candidate));
    scored.filter(|(score, _)| *score > 0.8).max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, candidate)| candidate)
}

/// "did you mean `x`?" with the nearest of `known`, or else what `otherwise` gives.
pub(crate) fn did_you_mean(word: &str, known: &[&str], otherwise: impl FnOnce() -> String) -> String {
    nearest(word, known).map_or_else(otherwise, |near| format!("did you mean `{near}`?"))
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

/// The longest beginning of `text` that has at most this many bytes and ends with a whole character.
pub(crate) fn cut(text: &str, bytes: usize) -> &str {
    let mut end = text.len().min(bytes);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// Bytes as lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        text.extend([byte >> 4, byte & 15].map(|digit| char::from(b"0123456789abcdef"[usize::from(digit)])));
        text
    })
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
    fn the_nearest_name_is_found_whatever_its_case() {
        assert_eq!(nearest("USR", &["user", "data"]), Some("user"));
        assert_eq!(nearest("extra", &["user", "data"]), None);
        assert_eq!(did_you_mean("extra", &["user"], || any_of(&["user", "data"])), "`user` or `data`");
    }

    #[test]
    fn a_cut_leaves_characters_whole() {
        assert_eq!([cut("abc", 5), cut("abc", 2), cut("aé", 2), cut("é", 1)], ["abc", "ab", "a", ""]);
    }

    #[test]
    fn bytes_are_two_digits_each() {
        assert_eq!(hex(&[0, 10, 255]), "000aff");
        assert_eq!(["000aff", "000AFF"].map(unhex), [Some([0, 10, 255]); 2]);
        assert_eq!(["000af", "000afg", "000aff00", "000a\u{fc}"].map(unhex::<3>), [None; 4]);
    }
}
