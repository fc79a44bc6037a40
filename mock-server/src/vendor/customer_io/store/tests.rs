//! The rules of the store that requests alone do not show.
