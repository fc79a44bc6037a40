//! Every input that the fuzz targets have in their corpus, put through the same properties as they check.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "in a test, a panic is the report, and print says which input")]

use std::fs;
use std::path::Path;

#[path = "../fuzz/properties.rs"]
#[allow(unreachable_pub, reason = "the fuzz targets use it too")]
mod properties;

fn corpus(target: &str, holds: impl Fn(&[u8])) {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let mut inputs = 0;
    for entry in fs::read_dir(&dir).unwrap() {
        let path = entry.unwrap().path();
        // Printed before, because a property that fails ends the test.
        println!("{}", path.display());
        holds(&fs::read(&path).unwrap());
        inputs += 1;
    }
    assert!(inputs >= 10, "{} has {inputs} inputs", dir.display());
}

#[test]
fn clay() {
    corpus("clay", properties::clay);
}

#[test]
fn customer_io() {
    corpus("customer_io", properties::customer_io);
}

#[test]
fn fault() {
    corpus("fault", properties::fault);
}

#[test]
fn retry_after() {
    corpus("retry_after", properties::retry_after);
}
