//! What a file sets of the pipelines, and whether it makes sense.

mod check;
mod form;

pub(crate) use form::RawResilience;
