//! Capacity: the alert table, the window, the estimate, Little's law, and what they cannot say.

use crate::capacity::{Level, Little, Window};
use crate::gate::without_zeros;
use crate::report::view::View;
use crate::report::words::{clock, escape, rate};
use crate::units::three_figures;

use super::{list, table};

pub(super) fn render(view: &View<'_>) -> String {
    let capacity = &view.judged.capacity;
    let rows: Vec<Vec<String>> = capacity
        .alerts
        .iter()
        .map(|alert| {
            let level = match alert.level {
                Level::Warning | Level::Critical => format!("**{}**", alert.level.as_str()),
                level => level.as_str().to_owned(),
            };
            let limits = [alert.warning, alert.critical].map(|limit| format!("> {}", without_zeros(&alert.format(limit))));
            let [warning, critical] = limits;
            vec![alert.metric.clone(), alert.value_text(), warning, critical, level, alert.basis.clone()]
        })
        .collect();
    let alerts = table(&["Metric", "Value", "Warning", "Critical", "Level", "Taken From"], &rows);
    let mut lines = Vec::new();
    lines.extend(capacity.window.as_ref().map(window));
    lines.push(estimate(view));
    lines.extend(capacity.little.as_ref().map(little));
    lines.extend(capacity.notes.iter().map(|note| escape(note)));
    format!("### Capacity\n\n{alerts}\n{}\n", list(&lines))
}

fn window(window: &Window) -> String {
    let cpu = window.cpu_percent.map_or("not read".to_owned(), |cpu| format!("{} %", three_figures(cpu)));
    format!(
        "Steadiest window: {}–{} with {} users planned: {}, varying by {} % from second to second, CPU {cpu} of the machine.",
        clock(window.start_us),
        clock(window.end_us),
        window.planned.users,
        rate(window.rate),
        three_figures(window.variation * 100.0),
    )
}

fn estimate(view: &View<'_>) -> String {
    let capacity = &view.judged.capacity;
    match (&capacity.estimate, &capacity.declined) {
        (Some(estimate), _) => format!(
            "Utilisation estimate: {} at {} % CPU, so {} at 70 %; headroom {:.0} %. **{}**.",
            rate(estimate.current_rps),
            three_figures(estimate.cpu_percent),
            rate(estimate.max_rps.floor()),
            estimate.headroom_percent,
            estimate.recommendation.as_str(),
        ),
        (None, why) => {
            format!("Utilisation estimate: declined: {}.", escape(why.as_deref().unwrap_or("nothing was measured")))
        }
    }
}

fn little(little: &Little) -> String {
    let measured = format!(
        "Little's law, N = X × (R + Z): {} users, {} iterations, {} s each",
        three_figures(little.users),
        rate(little.iteration_rate),
        three_figures(little.iteration_seconds),
    );
    let by_difference = format!("think time by difference {} s", three_figures(little.think_seconds));
    match (little.planned_think_seconds, little.expected_users, little.agrees) {
        (Some(planned), Some(expected), Some(agrees)) => format!(
            "{measured}; {by_difference}, planned {} s. The law asks for {} users: {} within 10 %.",
            three_figures(planned),
            three_figures(expected),
            if agrees { "they agree" } else { "**they do not agree**" },
        ),
        _ => format!("{measured}; {by_difference}. The scenario's think time is not known, so nothing is checked."),
    }
}
