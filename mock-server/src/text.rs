//! Texts of messages: the name that was meant, cutting, hexadecimal digits, the causes of an error.

/// The nearest of `known` to `word`, if one is similar enough to be meant.
pub fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let word = word.to_lowercase();
    let scored = known.iter().map(|candidate| (strsim::jaro_winkler(&word, &candidate.to_lowercase()), *candidate));
    scored.filter(|(score, _)| *score > 0.8).max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, candidate)| candidate)
}

/// "did you mean `x`?" with the nearest of `known`, or else what `otherwise` gives.
pub fn did_you_mean(word: &str, known: &[&str], otherwise: impl FnOnce() -> String) -> String {
    nearest(word, known).map_or_else(otherwise, |near| format!("did you mean `{near}`?"))
}

/// "did you mean `x`?" with the nearest of `known`, or all of them when none is near.
pub fn did_you_mean_or_all(word: &str, known: &[&str]) -> String {
    did_you_mean(word, known, || format!("there are {}", known.join(", ")))
}

/// A text without the byte order mark that some programs put before it.
pub fn without_mark(text: &[u8]) -> &[u8] {
    text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text)
}

/// The longest beginning of `text` that has at most this many bytes and ends with a whole character.
pub fn cut(text: &str, bytes: usize) -> &str {
    let mut end = text.len().min(bytes);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// Bytes as lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        text.extend([byte >> 4, byte & 15].map(|digit| char::from(b"0123456789abcdef"[usize::from(digit)])));
        text
    })
}

/// A plain base URL as one over TLS, at the same port.
pub(crate) fn over_tls(url: &str) -> String {
    url.replacen("http://", "https://", 1)
}

/// An error with all its causes.
pub(crate) fn with_causes(error: &dyn std::error::Error) -> String {
    error.source().map_or_else(|| error.to_string(), |cause| format!("{error}: {}", with_causes(cause)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_found_whatever_its_case() {
        assert_eq!(nearest("USR", &["user", "data"]), Some("user"));
        assert_eq!(nearest("extra", &["user", "data"]), None);
        assert_eq!(did_you_mean("extra", &["user"], || "`user` or `data`".to_owned()), "`user` or `data`");
        assert_eq!(did_you_mean_or_all("usr", &["user", "data"]), "did you mean `user`?");
        assert_eq!(did_you_mean_or_all("extra", &["user", "data"]), "there are user, data");
    }

    #[test]
    fn a_cut_leaves_characters_whole() {
        assert_eq!([cut("abc", 5), cut("abc", 2), cut("aé", 2), cut("é", 1)], ["abc", "ab", "a", ""]);
    }

    #[test]
    fn bytes_are_two_digits_each() {
        assert_eq!(hex(&[0, 10, 255]), "000aff");
    }
}
