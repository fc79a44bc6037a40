//! How the run came out and why, before any figure.

use crate::gate::{Outcome, left_undone};
use crate::report::document::{Block, Callout, Section, Text, Tone};
use crate::report::view::View;

pub(super) fn report(view: &View<'_>) -> Option<Section> {
    let scenario = &view.run.result.scenario;
    let reasons = view.judged.verdict.reasons.join(" ");
    let verdict = callout(view, vec![reasons.into(), format!("{}: {}", scenario.name, scenario.question).into()]);
    let scaled = scale(view).map(|scale| {
        let stages = format!("every stage and fault took {scale} times as long as the scenario says.");
        Callout { tone: Tone::Doubtful, title: format!("Time was scaled by {scale}"), paragraphs: vec![stages.into()] }
    });
    Some(Section::untitled([verdict].into_iter().chain(scaled).map(Block::Callout)))
}

pub(super) fn summary(view: &View<'_>) -> Option<Section> {
    let result = &view.run.result;
    let name = result.scenario.name.as_str();
    let line = left_undone(result).map_or_else(|| name.to_owned(), |undone| format!("{name}, {undone}"));
    let mut paragraphs = vec![Text::from(line)];
    paragraphs.extend(view.judged.verdict.reasons.iter().map(|reason| reason.as_str().into()));
    paragraphs
        .extend(scale(view).map(|scale| format!("Time was scaled by {scale}: not the load that the scenario describes.").into()));
    let warning = |warning: &String| Text::default().toned(Tone::Doubtful, "Warning:").plain(format!(" {warning}"));
    paragraphs.extend(result.warnings.iter().map(warning));
    Some(Section::untitled([Block::Callout(callout(view, paragraphs))]))
}

fn callout(view: &View<'_>, paragraphs: Vec<Text>) -> Callout {
    let outcome = view.judged.verdict.outcome;
    let tone = match outcome {
        Outcome::Passed => Tone::Good,
        Outcome::Failed => Tone::Bad,
        Outcome::NotJudged | Outcome::Interrupted | Outcome::Invalid => Tone::Doubtful,
    };
    Callout { tone, title: outcome.as_str().to_uppercase(), paragraphs }
}

/// The factor of a scaled run, which is not the run that was written down.
fn scale(view: &View<'_>) -> Option<f64> {
    Some(view.run.result.time_scale).filter(|scale| *scale != 1.0)
}
