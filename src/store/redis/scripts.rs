//! The scripts: each carries out one change as a whole, because between two commands another replica may come, or the end.
//!
//! A script is called by its digest. A server that does not know it, after a restart say, is given its text and asked again.

use std::sync::LazyLock;

use redis::Script;

use crate::outcome::Vendor;

/// A script, made when it is called first.
pub(super) type Lazy = LazyLock<Script>;

fn script(text: &str) -> Script {
    let vendors = Vendor::ALL.map(|vendor| format!("'{vendor}'")).join(", ");
    Script::new(&format!("local VENDORS = {{ {vendors} }}\n{text}"))
}

/// A script of `lua/`, behind what all of them share.
macro_rules! script {
    ($name:ident, $file:literal) => {
        pub(super) static $name: Lazy =
            Lazy::new(|| script(concat!(include_str!("lua/prelude.lua"), include_str!(concat!("lua/", $file, ".lua")))));
    };
}

script!(ACCEPT, "accept");
script!(ACK, "ack");
script!(BURY, "bury");
script!(CLOCK, "clock");
script!(COMMAND, "command");
script!(ENRICH, "enrich");
script!(FAIL, "fail");
script!(FORGET, "forget");
script!(LEAD, "lead");
script!(LEADS, "leads");
script!(LEASE, "lease");
script!(LETTERS, "letters");
script!(NEXT_DUE, "next_due");
script!(OPERATION, "operation");
script!(OPERATIONS, "operations");
script!(PUSH, "push");
script!(PUT_LETTER, "put_letter");
script!(REDRIVE, "redrive");
script!(REMOVE_LETTER, "remove_letter");
script!(SET_ASIDE, "set_aside");

#[cfg(test)]
mod tests {
    use crate::resilience::queue::ATTEMPTS_REMEMBERED;

    #[test]
    fn the_scripts_remember_as_many_attempts_as_any_queue() {
        let line = format!("local ATTEMPTS_REMEMBERED = {ATTEMPTS_REMEMBERED}\n");
        assert!(include_str!("lua/prelude.lua").contains(&line), "no {line:?} in the prelude");
    }
}
