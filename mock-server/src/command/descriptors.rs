//! Descriptors: each connection takes one, at each of its ends.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the number of descriptors that this process may have to what it is allowed to raise it to, as every Go program does at
/// its start: the usual 1,024 is for programs that call `select`. Where it can't be raised, it stays.
pub fn raise_descriptor_limit() {
    let limit = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
}
