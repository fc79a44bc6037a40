//! What wire faults do to the body of a script: measure it, cut it, take it apart, lose it.

use std::time::Duration;

use bytes::Bytes;

use crate::wire::{End, Script, Step};

/// Most pieces that a body is taken apart into. Beyond them pieces are larger, for every piece takes memory.
pub(super) const MOST_PIECES: u64 = 1 << 16;

/// Cuts the body after `at` bytes, and leaves the head saying what it has said. Returns whether there was anything to cut.
pub(super) fn cut(script: &mut Script, at: u64) -> bool {
    let whole = script.body_length();
    if whole <= at {
        return false;
    }
    let mut left = at;
    let mut kept = Vec::with_capacity(script.steps.len());
    for step in script.steps.drain(..) {
        match step {
            Step::Body(bytes) if bytes.len() as u64 >= left => {
                if left > 0 {
                    // It is at most the length of a slice, so it fits.
                    kept.push(Step::Body(bytes.slice(..left as usize)));
                }
                break;
            }
            Step::Body(bytes) => {
                left -= bytes.len() as u64;
                kept.push(Step::Body(bytes));
            }
            other => kept.push(other),
        }
    }
    script.steps = kept;
    script.content_length.get_or_insert(whole);
    true
}

/// Takes the body apart into pieces of at most `size` bytes, with what `pause` gives before each, from the bytes before
/// the piece and those up to its end. Returns whether there is a pause at all.
pub(super) fn slice(script: &mut Script, size: u64, mut pause: impl FnMut(u64, u64) -> Duration) -> bool {
    let size = usize::try_from(size.max(script.body_length().div_ceil(MOST_PIECES)).max(1)).unwrap_or(usize::MAX);
    let (mut sent, mut pauses) = (0, false);
    let mut steps = Vec::with_capacity(script.steps.len());
    for step in script.steps.drain(..) {
        let Step::Body(mut bytes) = step else {
            steps.push(step);
            continue;
        };
        while !bytes.is_empty() {
            let piece = bytes.split_to(size.min(bytes.len()));
            let until = sent + piece.len() as u64;
            let wait = pause(sent, until);
            if !wait.is_zero() {
                pauses = true;
                steps.push(Step::Wait(wait));
            }
            sent = until;
            steps.push(Step::Body(piece));
        }
    }
    script.steps = steps;
    pauses
}

/// The body in one piece.
pub(super) fn whole(script: &Script) -> Bytes {
    let mut pieces = script.steps.iter().filter_map(|step| if let Step::Body(bytes) = step { Some(bytes) } else { None });
    match (pieces.next(), pieces.next()) {
        (None, _) => Bytes::new(),
        (Some(only), None) => only.clone(),
        (Some(first), Some(second)) => {
            let mut whole = [first.as_ref(), second.as_ref()].concat();
            pieces.for_each(|piece| whole.extend_from_slice(piece));
            whole.into()
        }
    }
}

/// Nothing of the answer comes, and the connection ends like this. Returns whether there was anything to lose.
pub(super) fn lose(script: &mut Script, end: End) -> bool {
    if script.steps.is_empty() {
        return false;
    }
    *script = Script { steps: Vec::new(), end, content_length: None };
    true
}
