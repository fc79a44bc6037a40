//! Text: cutting it, and finding the name that was meant.

/// The longest beginning of `text` that is no longer than this many bytes.
pub(crate) fn cut(text: &str, bytes: usize) -> &str {
    let mut end = text.len().min(bytes);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// The known name that is most like `name`, where one is like it.
pub(crate) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let known = known.into_iter().map(|known| (strsim::jaro_winkler(name, known), known));
    let nearest = known.max_by(|left, right| left.0.total_cmp(&right.0)).filter(|(similarity, _)| *similarity > 0.8);
    nearest.map(|(_, known)| known)
}

/// An error with all its causes.
pub(crate) fn with_causes(error: &dyn std::error::Error) -> String {
    error.source().map_or_else(|| error.to_string(), |cause| format!("{error}: {}", with_causes(cause)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_leaves_characters_whole() {
        assert_eq!([cut("abc", 5), cut("abc", 2), cut("aé", 2), cut("é", 1)], ["abc", "ab", "a", ""]);
    }
}
