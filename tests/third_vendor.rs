//! A vendor is one folder and one table on each side: the toy vendor behind the feature `third-vendor` is the test of it.

use std::fs;
use std::path::{Path, PathBuf};

/// Files that the feature may be named in, besides the folder of the toy vendor.
const TABLES: [&str; 2] = ["src/outcome/vendor.rs", "mock-server/src/simulated/table.rs"];
/// The folder of the toy vendor.
const FOLDER: &str = "/third_vendor/";

fn sources(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).expect("the directory is there").map(|entry| entry.expect("a readable entry").path());
    entries.flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] }).collect()
}

#[test]
fn the_feature_lives_in_one_folder_and_one_table() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for src in ["src", "mock-server/src"] {
        for file in sources(&root.join(src)) {
            let text = fs::read_to_string(&file).expect("a source file");
            let name = file.strip_prefix(root).expect("under the root").to_string_lossy().replace('\\', "/");
            let allowed = TABLES.contains(&name.as_str()) || name.contains(FOLDER);
            assert!(allowed || !text.contains("third-vendor"), "{name} names the feature");
        }
    }
}
