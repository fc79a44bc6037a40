//! What the run was measured on, and how to repeat it.

use crate::report::document::{Block, Row, Section, Text};
use crate::report::view::View;
use crate::report::words::plural;
use crate::text::shell_word;
use crate::units::format_bytes;

pub(super) fn section(view: &View<'_>) -> Option<Section> {
    let result = &view.run.result;
    let machine = &result.machine;
    let cores = plural(u64::from(machine.cores), "core");
    let is_scaled = result.time_scale != 1.0;
    let scale = if is_scaled { Text::default().strong(result.time_scale.to_string()) } else { "1 (as written)".into() };
    let mut rows = vec![
        ("Machine", format!("{}, {cores}, {}", machine.cpu, format_bytes(machine.memory_bytes)).into()),
        ("System", format!("{} on {}", machine.os, machine.arch).into()),
        ("Program", format!("{}, {} build", result.written_by, machine.build).into()),
        ("Scenario", result.scenario.name.as_str().into()),
        ("Seed", result.seed.0.to_string().into()),
        ("Time scale", scale),
        ("Load began", result.started_at.as_str().into()),
        ("To repeat", Text::default().code(command(view))),
    ];
    if let Some(service) = &result.service {
        rows.insert(3, ("Service", service.as_str().into()));
    }
    let rows = rows.into_iter().map(|(name, value)| Row::new([name.into(), value])).collect();
    let note = Block::Paragraph(Text::from("The scenario's text is in ").code("summary.json").plain("."));
    Some(Section::new("Environment", [Block::table(&["What", "Value"], &[], rows), note]))
}

fn command(view: &View<'_>) -> String {
    let result = &view.run.result;
    let scale = if result.time_scale == 1.0 { String::new() } else { format!(" --time-scale {}", result.time_scale) };
    format!("plimsoll run {} --seed {}{scale}", shell_word(&result.scenario.path), result.seed.0)
}
