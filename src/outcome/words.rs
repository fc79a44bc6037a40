//! Enums that are written as words.

/// Gives an enum the list of its variants and the word for each.
macro_rules! words {
    ($name:ident { $($variant:ident $word:literal,)* }) => {
        impl $name {
            /// Every one.
            pub const ALL: [Self; [$($word),*].len()] = [$(Self::$variant),*];

            /// The word for it in scenarios, tags and results.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }
        }
    };
}

pub(crate) use words;
