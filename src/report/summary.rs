//! The summary at the end of a run: plain text, the verdict first.

use std::path::Path;

use crate::result::Run;

use super::view::View;
use super::{Judged, render, sections};

/// How the summary is shown.
#[derive(Debug, Clone, Copy, Default)]
pub struct SummaryOptions<'a> {
    /// Where the report is; `None` when none was written.
    pub report: Option<&'a Path>,
    /// Columns of the terminal, where it is one; 100 are used at most.
    pub columns: Option<usize>,
    /// With ANSI colours. Only for terminals.
    pub color: bool,
}

/// The summary of a run, at most 100 columns wide, ending with a line break.
pub fn summary(run: &Run, judged: &Judged, options: &SummaryOptions<'_>) -> String {
    let document = sections::summary(&View::new(run, judged), options.report);
    render::terminal(&document, options.columns.unwrap_or(render::COLUMNS).min(render::COLUMNS), options.color)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capacity::{Basis, assess};
    use crate::gate::judge;
    use crate::report::fixture;
    use crate::report::render::COLUMNS;
    use crate::result::RunEnd;

    fn show(run: &Run, color: bool) -> String {
        let judged = Judged { verdict: judge(run, &[], Vec::new()), capacity: assess(run, &Basis::default()) };
        summary(
            run,
            &judged,
            &SummaryOptions { report: Some(Path::new("reports/runs/x/report.md")), color, ..Default::default() },
        )
    }

    #[test]
    fn the_verdict_comes_first_and_the_report_last() {
        let text = show(&fixture::quickstart(), false);
        assert!(
            text.trim_start().starts_with("NOT JUDGED  quickstart\n  The scenario has no thresholds: nothing was judged."),
            "{text}"
        );
        assert!(text.ends_with("Report      reports/runs/x/report.md\n"), "{text}");
        assert!(text.contains("Latency     p50 26.0 ms   p95"), "{text}");
        assert!(text.contains("Errors      4.00 % of all requests: 100 rate_limited (429), 40 server_error (503)"), "{text}");
        assert!(text.contains("    20.8 s  Clay         breaker CLOSED → OPEN: 5 failures in a row"), "{text}");
        assert!(text.contains("Capacity    Adequate capacity: headroom 84 %"), "{text}");
    }

    #[test]
    fn one_kind_of_failure_at_two_vendors_is_counted_for_each() {
        use crate::outcome::Vendor;
        let mut run = fixture::quickstart();
        let failed =
            |status| move |(labels, _): &(&crate::measure::Labels, _)| labels.failure.is_some() && labels.status == status;
        let (labels, series) = run.totals.series.iter().find(failed(503)).expect("there are some");
        let (mut labels, series) = (labels.clone(), series.clone());
        assert_eq!(labels.vendor, Vendor::Clay);
        labels.vendor = Vendor::CustomerIo.into();
        run.totals.series.insert(labels, series);
        let text = show(&run, false).split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(text.contains("server_error (503) at Clay, "), "{text}");
        assert!(text.contains("server_error (503) at Customer.io"), "{text}");
        assert!(text.contains("100 rate_limited (429), "), "{text}");
    }

    #[test]
    fn a_run_that_was_interrupted_is_never_called_passed() {
        let mut run = fixture::quickstart();
        run.result.end = RunEnd::Interrupted;
        assert!(show(&run, false).contains("INTERRUPTED"));
    }

    #[test]
    fn long_texts_keep_their_ends() {
        let mut run = fixture::quickstart();
        run.result.warnings.push(format!("{} the point comes last", "long ".repeat(30)));
        run.result.scenario.name = "x".repeat(150);
        let text = show(&run, false);
        assert!(text.contains("the point comes last"), "{text}");
        let name: String = text.split("\n\n").next().unwrap_or_default().lines().take(3).collect();
        assert!(name.matches('x').count() >= 150, "{text}");
    }

    #[test]
    fn a_threshold_without_data_shows_its_limit_and_the_reason() {
        let run = fixture::empty();
        let name = "http_req_duration{name:a-route-with-a-rather-long-name,vendor:clay}";
        let threshold = crate::threshold::parse(name, "p(95)<500", &[]).expect("a valid threshold");
        let judged = Judged { verdict: judge(&run, &[threshold], Vec::new()), capacity: assess(&run, &Basis::default()) };
        let text = summary(&run, &judged, &SummaryOptions::default());
        assert!(text.contains(&format!("  FAILED  {name}: p(95)<500\n")), "{text}");
        assert!(text.contains("no data  (limit < 500 ms)\n          no request was finished with these tags\n"), "{text}");
    }

    #[test]
    fn every_operation_is_accounted_for() {
        let mut run = fixture::quickstart();
        run.result.operations =
            crate::outcome::OperationCounts { submitted: 10, delivered: 7, unacknowledged: 3, ..Default::default() };
        let text = show(&run, false);
        assert!(text.contains("Operations  7 of 10 delivered, 3 never acknowledged\n"), "{text}");
        run.result.leads = crate::outcome::LeadCounts { submitted: 334, accepted: 222, refused: 110 };
        let text = show(&run, false);
        assert!(text.trim_start().starts_with("NOT JUDGED  quickstart, 110 of 334 leads refused\n"), "{text}");
        assert!(text.contains("Leads       334 sent, 222 accepted, 110 REFUSED, 2 without an answer\n"), "{text}");
    }

    #[test]
    fn the_end_of_the_credits_is_on_the_timeline() {
        let mut run = fixture::quickstart();
        let kind = crate::event::EventKind::CreditsExhausted { used: 498, limit: 500 };
        run.result.events.insert(0, crate::event::Event { at_us: 4_200_000, vendor: Some(crate::outcome::Vendor::Clay), kind });
        let text = show(&run, false);
        assert!(text.contains("     4.2 s  Clay         credits used up: 498 of 500\n"), "{text}");
    }

    #[test]
    fn wide_characters_fit_narrow_terminals() {
        let mut run = fixture::quickstart();
        run.result.scenario.name = "漢字の負荷試験🚀".repeat(12);
        run.result.warnings.push("ご注文の配信が遅れています。 ".repeat(20));
        let judged = Judged { verdict: judge(&run, &[], Vec::new()), capacity: assess(&run, &Basis::default()) };
        for columns in [60, 80, COLUMNS] {
            let text = summary(&run, &judged, &SummaryOptions { columns: Some(columns), ..Default::default() });
            let widest = text.lines().map(crate::text::width).max();
            assert!(widest.is_some_and(|widest| widest <= columns), "{widest:?} of {columns}: {text}");
            assert_eq!(text.matches('🚀').count(), 12, "{text}");
        }
    }

    #[test]
    fn lines_fit_and_nothing_drives_the_terminal() {
        let mut run = fixture::quickstart();
        run.result.scenario.name = "x\u{1b}[2J".repeat(60);
        run.result.warnings.push("long ".repeat(60));
        for text in [show(&run, false), show(&fixture::empty(), false)] {
            assert!(text.lines().all(|line| line.chars().count() <= COLUMNS), "{text}");
            assert!(!text.contains('\u{1b}'));
        }
        assert!(show(&fixture::quickstart(), true).contains("\u{1b}[1;33mNOT JUDGED\u{1b}[0m"));
    }
}
