//! What a README tells its reader to type: the lines of its `sh` blocks, and of its `console` blocks behind their prompt.

use std::path::{Path, PathBuf};

/// Languages of blocks that hold no command.
const NO_COMMANDS: [&str; 5] = ["text", "toml", "rust", "json", "html"];

/// A command line, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CommandLine {
    pub(crate) place: String,
    pub(crate) text: String,
}

/// Every README of the repository.
pub(crate) fn readmes() -> Vec<PathBuf> {
    let mut readmes = Vec::new();
    let mut directories = vec![PathBuf::from(env!("CARGO_MANIFEST_DIR"))];
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(&directory).expect("a directory of the repository").flatten() {
            let (path, name) = (entry.path(), entry.file_name());
            let name = name.to_string_lossy();
            let is_ours = !name.starts_with('.') && !["target", "node_modules", "runs"].contains(&&*name);
            match entry.file_type() {
                Ok(kind) if kind.is_dir() && is_ours => directories.push(path),
                Ok(kind) if kind.is_file() && name == "README.md" => readmes.push(path),
                _ => {}
            }
        }
    }
    readmes.sort();
    readmes
}

/// The command lines of a README, without comments, those that go on behind a `\` as one.
pub(crate) fn command_lines(path: &Path, text: &str) -> Vec<CommandLine> {
    let name = path.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap_or(path).display().to_string();
    let mut commands = Vec::new();
    let mut language = None;
    let mut begun: Option<CommandLine> = None;
    for (line, number) in text.lines().zip(1..) {
        let place = format!("{name}:{number}");
        if let Some(fence) = line.strip_prefix("```") {
            let known = ["sh", "console"].contains(&fence) || NO_COMMANDS.contains(&fence);
            assert!(
                language.is_some() || known,
                "{place}: a block of {fence:?}; call it sh if it holds commands, else {NO_COMMANDS:?}"
            );
            language = if language.is_some() { None } else { Some(fence) };
            continue;
        }
        let typed = match language {
            Some("sh") => Some(line),
            Some("console") => line.strip_prefix("$ "),
            Some("text") if ["$ ", "plimsoll ", "cargo ", "curl "].iter().any(|start| line.starts_with(start)) => {
                panic!("{place}: a command in a block of text, which no test runs")
            }
            _ => None,
        };
        let typed = typed.map(|typed| typed.split(" #").next().unwrap_or_default().trim());
        let Some(typed) = typed.filter(|typed| !typed.is_empty() && !typed.starts_with('#')) else { continue };
        let mut command = begun.take().unwrap_or(CommandLine { place, text: String::new() });
        command.text.push_str(typed.trim_end_matches('\\'));
        if typed.ends_with('\\') {
            begun = Some(command);
        } else {
            commands.push(command);
        }
    }
    commands
}

/// What a README has between backquotes outside its blocks, line by line.
pub(crate) fn code_spans(text: &str) -> Vec<Vec<&str>> {
    let mut in_block = false;
    let mut lines = Vec::new();
    for line in text.lines() {
        in_block ^= line.starts_with("```");
        if !in_block && !line.starts_with("```") {
            lines.push(line.split('`').skip(1).step_by(2).collect());
        }
    }
    lines
}
