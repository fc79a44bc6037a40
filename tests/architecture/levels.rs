//! The levels: a room uses only rooms below its own, and no neighbour on its own level.

use super::source::Crate;

/// The rooms of a crate, from the bottom up: rooms of one level don't know each other. What stands at the root (`lib.rs`,
/// `main.rs`) may use everything.
pub(crate) type Levels = &'static [&'static [&'static str]];

fn level(levels: Levels, room: &str) -> Option<usize> {
    levels.iter().position(|rooms| rooms.contains(&room))
}

/// Each use that breaks the levels, and each room that is in the table or in the sources only.
pub(crate) fn broken(sources: &Crate, levels: Levels) -> Vec<String> {
    let mut problems = Vec::new();
    for (names, module) in &sources.modules {
        let Some(room) = names.first().filter(|name| name.as_str() != "main") else { continue };
        let Some(own) = level(levels, room) else {
            problems.push(format!("{}: `{room}` is not a room of the design", module.file));
            continue;
        };
        for used in &module.uses {
            let Some(defined) = sources.defining(names, &used.path) else { continue };
            // The name is read where it is defined, and not where it is handed on.
            let Some(other) = defined.first() else {
                problems.push(format!("{}:{}: `{room}` uses the root of the crate", module.file, used.line));
                continue;
            };
            let Some(level) = level(levels, other) else { continue };
            if other != room && level >= own {
                problems.push(format!(
                    "{}:{}: `{room}` (level {own}) uses `{}` of `{other}` (level {level})",
                    module.file,
                    used.line,
                    used.path.join("::")
                ));
            }
        }
    }
    let there = |room: &str| sources.modules.keys().any(|names| names.first().is_some_and(|name| name == room));
    problems.extend(levels.iter().copied().flatten().filter(|room| !there(room)).map(|room| format!("room `{room}` is gone")));
    problems
}
