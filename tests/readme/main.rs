//! Every command line in a README works as it stands there: typed in its order into a shell, in a copy of the repository.
//!
//! A command that this test has no way to run fails it. Ports are the README's own, so where the system allows it, all of this
//! happens in a network of its own.

mod blocks;
#[path = "../common/mod.rs"]
mod common;
mod reader;

use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};

use blocks::{code_spans, command_lines, readmes};
use reader::{How, Reader, how};

const IN_ITS_NETWORK: &str = "PLIMSOLL_README_NETWORK";

/// Runs this test again in a network of its own; `None` where it is in it, or where there can be none.
fn in_a_network_of_its_own(test: &str) -> Option<ExitStatus> {
    if std::env::var_os(IN_ITS_NETWORK).is_some() {
        return None;
    }
    let isolated = |script: &str| {
        let mut command = Command::new("unshare");
        command.args(["--map-root-user", "--net", "sh", "-c", script]).stdin(Stdio::null());
        command
    };
    let works = isolated("ip link set lo up").stdout(Stdio::null()).stderr(Stdio::null()).status();
    let this = std::env::current_exe().expect("this test has a file");
    let mut again = isolated(r#"ip link set lo up; exec "$0" --exact "$1" --nocapture"#);
    again.arg(this).arg(test).env(IN_ITS_NETWORK, "1");
    works.is_ok_and(|status| status.success()).then(|| again.status().expect("it started a moment ago"))
}

#[test]
fn every_command_line_works_as_it_stands() {
    if Command::new("curl").arg("--version").stdout(Stdio::null()).status().is_err() {
        assert!(std::env::var_os("PLIMSOLL_REQUIRE_CURL").is_none(), "PLIMSOLL_REQUIRE_CURL is set, and there is no curl");
        eprintln!("skipped: there is no curl, which the README uses");
        return;
    }
    if let Some(status) = in_a_network_of_its_own("every_command_line_works_as_it_stands") {
        assert!(status.success(), "{status}; what failed is above");
        return;
    }
    let mut reader = Reader::new();
    let mut typed = 0;
    for path in readmes() {
        let text = std::fs::read_to_string(&path).expect("UTF-8");
        for command in command_lines(&path, &text) {
            reader.types(&command);
            typed += 1;
        }
        reader.ends_servers();
    }
    assert!(typed >= 10, "only {typed} command lines were found");
}

#[test]
fn a_command_that_the_test_does_not_know_fails_it() {
    for unknown in ["plimsoll fly", "make", "cargo bench", "cargo run", "cargo test --workspace --release", "plimsoll serve"] {
        assert_eq!(how(unknown), None, "{unknown}");
    }
    assert_eq!(how("cargo test --workspace"), Some((How::Build, "cargo test --workspace".to_owned())));
    let (how, command) = how("cargo run --release -- run x.toml").expect("the program");
    assert!(matches!(how, How::ToItsEnd("--time-scale 0.1", _)) && command == "plimsoll run x.toml");
}

#[test]
fn commands_are_found_where_they_stand() {
    let text =
        "# T\n```sh\na 'b' \\\n  --c   # why\n# no command\n\nd\n```\n```console\n$ e\nwhat it says\n```\n```text\nf\n```\n";
    let found = command_lines(Path::new("R.md"), text);
    let found: Vec<(&str, &str)> = found.iter().map(|command| (command.place.as_str(), command.text.as_str())).collect();
    assert_eq!(found, [("R.md:3", "a 'b' --c"), ("R.md:7", "d"), ("R.md:10", "e")]);
    for hidden in ["```\nplimsoll run x\n```\n", "```text\nplimsoll run x\n```\n"] {
        assert!(std::panic::catch_unwind(|| command_lines(Path::new("R.md"), hidden)).is_err(), "{hidden}");
    }
}

#[test]
fn long_commands_in_help_texts_go_on_in_the_next_line() {
    let by_hand = "curl -X POST http://127.0.0.1:8083/faults \\\n        -d '{\"name\":\"slow\",";
    let own = "plimsoll chaos kill --start './my-service --port 3000' \\\n        --url http://127.0.0.1:3000/leads\n";
    common::run(&["mock", "--help"]).says(0, &[by_hand, "--clay-latency 0ms \\\n        --customer-io-latency 0ms --ledger"]);
    common::run(&["chaos", "kill", "--help"]).says(0, &[own]);
}

#[test]
fn commands_within_sentences_and_tables_have_the_options_that_they_name() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut checked = 0;
    for path in readmes() {
        let text = std::fs::read_to_string(&path).expect("UTF-8");
        for spans in code_spans(&text) {
            let mut help = String::new();
            for span in spans {
                let words: Vec<&str> = span.split_whitespace().collect();
                if let ["plimsoll", rest @ ..] = &words[..] {
                    let is_command = |word: &&&str| word.bytes().all(|letter| letter.is_ascii_lowercase());
                    let commands: Vec<&str> = rest.iter().take_while(is_command).copied().chain(["--help"]).collect();
                    help = common::run(&commands).says(0, &["Usage: plimsoll"]).stdout.clone();
                    checked += 1;
                }
                let of_the_program = !help.is_empty() && (span.starts_with("plimsoll ") || span.starts_with("--"));
                for option in words.iter().filter(|word| of_the_program && word.starts_with("--") && **word != "--help") {
                    assert!(help.contains(option), "{}: `{span}`, but no {option} in\n{help}", path.display());
                }
                if let ["cargo", "bench", rest @ ..] = &words[..] {
                    let name = rest.iter().skip_while(|word| **word != "--bench").nth(1).expect("the name of a bench");
                    let of_the_mock = rest.starts_with(&["-p", "mock-server"]);
                    let folder = root.join(if of_the_mock { "mock-server/benches" } else { "benches" });
                    assert!(folder.join(format!("{name}.rs")).exists(), "{}: `{span}`", path.display());
                }
            }
        }
    }
    assert!(checked >= 10, "only {checked} commands were found");
}
