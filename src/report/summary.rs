//! The summary at the end of a run: plain text, at most 100 columns, the verdict first.

use std::path::Path;

use crate::capacity::Level;
use crate::gate::{Judgement, Observed, Outcome};
use crate::result::Run;
use crate::units::{format_count, format_latency, three_figures};

use super::Judged;
use super::series::failures;
use super::timeline::entries;
use super::view::View;
use super::words::{clock, plural, rate, share};

/// Columns of a line.
const WIDTH: usize = 100;
/// Most lines of the timeline; the report has them all.
const MOST_ENTRIES: usize = 16;
/// Width of the first column.
const LABEL: usize = 12;

/// How the summary is shown.
#[derive(Debug, Clone, Copy, Default)]
pub struct SummaryOptions<'a> {
    /// Where the report is; `None` when none was written.
    pub report: Option<&'a Path>,
    /// With ANSI colours. Only for terminals.
    pub color: bool,
}

/// The summary of a run, ending with a line break.
pub fn summary(run: &Run, judged: &Judged, options: &SummaryOptions<'_>) -> String {
    let view = View::new(run, judged);
    let mut page = Page { text: String::new(), color: options.color };
    verdict(&mut page, &view);
    thresholds(&mut page, &view);
    expectations(&mut page, &view);
    figures(&mut page, &view);
    timeline(&mut page, &view);
    capacity(&mut page, &view);
    page.labelled("Seed", &run.result.seed.0.to_string());
    if let Some(path) = options.report {
        // A path is for copying: never cut.
        page.text.push_str(&format!("{:<LABEL$}{}\n", "Report", path.display()));
    }
    page.text
}

/// Colours by meaning.
#[derive(Clone, Copy)]
enum Tone {
    Good,
    Bad,
    Doubtful,
}

impl Tone {
    fn code(self) -> &'static str {
        match self {
            Self::Good => "\u{1b}[1;32m",
            Self::Bad => "\u{1b}[1;31m",
            Self::Doubtful => "\u{1b}[1;33m",
        }
    }
}

struct Page {
    text: String,
    color: bool,
}

impl Page {
    fn line(&mut self, line: &str) {
        self.text.push_str(cut(line, WIDTH).trim_end());
        self.text.push('\n');
    }

    fn blank(&mut self) {
        self.text.push('\n');
    }

    fn labelled(&mut self, label: &str, value: &str) {
        self.wrapped(&format!("{label:<LABEL$}"), value);
    }

    /// A text whose end matters as much as its beginning: in as many lines as it takes, below its own start.
    fn wrapped(&mut self, head: &str, text: &str) {
        let indent = head.chars().count();
        for (index, line) in lines(text, WIDTH.saturating_sub(indent)).iter().enumerate() {
            let head = if index == 0 { head } else { &" ".repeat(indent) };
            self.line(&format!("{head}{line}"));
        }
    }

    /// A text that begins with a coloured word; further lines stand below the text.
    fn toned(&mut self, tone: Tone, word: &str, rest: &str) {
        let indent = word.chars().count();
        let mut lines = lines(rest, WIDTH.saturating_sub(indent)).into_iter();
        let word = if self.color { format!("{}{word}\u{1b}[0m", tone.code()) } else { word.to_owned() };
        self.text.push_str(format!("{word}{}", lines.next().unwrap_or_default()).trim_end());
        self.text.push('\n');
        for line in lines {
            self.line(&format!("{:indent$}{line}", ""));
        }
    }
}

/// A text in lines of at most `width` characters, broken at spaces where there are any.
fn lines(text: &str, width: usize) -> Vec<String> {
    let mut rest: Vec<char> = cut(text, usize::MAX).chars().collect();
    let mut lines = Vec::new();
    while rest.len() > width {
        let starts = rest.iter().position(|c| *c != ' ').unwrap_or(0);
        let space = rest[..=width].iter().rposition(|c| *c == ' ').filter(|at| *at > starts);
        let tail = rest.split_off(space.unwrap_or(width));
        lines.push(rest.iter().collect());
        rest = tail.into_iter().skip(usize::from(space.is_some())).collect();
    }
    lines.push(rest.iter().collect());
    lines
}

/// One line of at most `width` characters; what would drive the terminal is taken out.
fn cut(text: &str, width: usize) -> String {
    let flat: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if flat.chars().count() <= width {
        return flat;
    }
    flat.chars().take(width.saturating_sub(1)).chain(['…']).collect()
}

fn verdict(page: &mut Page, view: &View<'_>) {
    let verdict = &view.judged.verdict;
    let tone = match verdict.outcome {
        Outcome::Passed => Tone::Good,
        Outcome::Failed => Tone::Bad,
        Outcome::NotJudged | Outcome::Interrupted | Outcome::Invalid => Tone::Doubtful,
    };
    page.blank();
    page.toned(tone, &verdict.outcome.as_str().to_uppercase(), &format!("  {}", view.run.result.scenario.name));
    for reason in &verdict.reasons {
        page.wrapped("  ", reason);
    }
    if view.run.result.time_scale != 1.0 {
        let scale = view.run.result.time_scale;
        page.wrapped("  ", &format!("Time was scaled by {scale}: not the load that the scenario describes."));
    }
    for warning in &view.run.result.warnings {
        page.toned(Tone::Doubtful, "  Warning: ", warning);
    }
    page.blank();
}

fn thresholds(page: &mut Page, view: &View<'_>) {
    let thresholds = &view.judged.verdict.thresholds;
    if thresholds.is_empty() {
        return;
    }
    page.line("Thresholds");
    let width = |text: &Judgement| text.source.chars().count();
    let widest = thresholds.iter().map(width).max().unwrap_or(0).min(48);
    for judgement in thresholds {
        let (tone, word) = if judgement.passed { (Tone::Good, "  held    ") } else { (Tone::Bad, "  FAILED  ") };
        let mut source = judgement.source.as_str();
        if source.chars().count() > widest {
            page.toned(tone, word, source);
            source = "";
        }
        let word = if source.is_empty() { "          " } else { word };
        let limit = judgement.limit_text();
        match &judgement.observed {
            Observed::Value(_) => {
                let observed = judgement.observed_text();
                page.toned(tone, word, &format!("{source:<widest$}  {observed:>9}  (limit {limit})"));
            }
            Observed::NoData(why) => {
                page.toned(tone, word, &format!("{source:<widest$}    no data  (limit {limit})"));
                page.wrapped("          ", why);
            }
        }
    }
    page.blank();
}

/// What was seen; of what did not come true, what was expected and what the vendors say, too. The report has that of all.
fn expectations(page: &mut Page, view: &View<'_>) {
    let expectations = &view.judged.verdict.expectations;
    if expectations.is_empty() {
        return;
    }
    page.line("Expectations");
    let widest = expectations.iter().map(|judgement| judgement.name.chars().count()).max().unwrap_or(0);
    for judgement in expectations {
        let (tone, word) = if judgement.passed { (Tone::Good, "  true      ") } else { (Tone::Bad, "  NOT TRUE  ") };
        let head = format!("{word}{:<widest$}  ", judgement.name);
        page.toned(tone, &head, &judgement.seen);
        if !judgement.passed {
            let indent = " ".repeat(head.chars().count());
            page.wrapped(&format!("{indent}expected  "), &judgement.expected);
            page.wrapped(&format!("{indent}truth     "), &judgement.truth);
        }
    }
    page.blank();
}

fn figures(page: &mut Page, view: &View<'_>) {
    if view.total == 0 {
        page.labelled("Requests", "none was answered or given up");
        page.blank();
        return;
    }
    let at = |percentile| format_latency(view.attempts.value_at_percentile(percentile));
    let longest = format_latency(view.attempts.max());
    page.labelled("Latency", &format!("p50 {}   p95 {}   p99 {}   max {longest}", at(50.0), at(95.0), at(99.0)));
    let seconds = view.submitting_us() as f64 / 1e6;
    let mean = if seconds > 0.0 { view.total as f64 / seconds } else { 0.0 };
    let peak = view.peak().map_or(0.0, |(rate, _)| rate);
    let requests = plural(view.total, "request");
    page.labelled(
        "Throughput",
        &format!("{} on average, {} at the peak; {requests} in {}", rate(mean), rate(peak), clock(view.submitting_us())),
    );
    page.labelled("Errors", &format!("{} of all requests{}", share(view.failed, view.total), kinds(view)));
    let leads = view.run.result.leads;
    if leads.submitted > 0 {
        let rest = [
            (leads.duplicate, "duplicate"),
            (leads.degraded, "degraded"),
            (leads.queued, "queued"),
            (leads.dead_lettered, "dead-lettered"),
            (leads.rejected, "rejected"),
            (leads.unacknowledged, "never acknowledged"),
            (leads.lost, "LOST"),
        ];
        let rest: String =
            rest.iter().filter(|row| row.0 > 0).map(|(count, what)| format!(", {} {what}", format_count(*count))).collect();
        let delivered = format_count(leads.delivered);
        // A whole lead is three of them: one at Clay and two at Customer.io.
        page.labelled("Operations", &format!("{delivered} of {} delivered{rest}", format_count(leads.submitted)));
    }
    page.blank();
}

/// The three most frequent kinds of failure.
fn kinds(view: &View<'_>) -> String {
    let rows = failures(view.run);
    let is_alone = |name: &str| rows.iter().filter(|row| row.name() == name).count() == 1;
    let named = rows.iter().take(3).map(|row| match (format_count(row.count), row.name()) {
        (count, name) if is_alone(&name) => format!("{count} {name}"),
        (count, name) => format!("{count} {name} at {}", row.vendor.display_name()),
    });
    let named: Vec<String> = named.collect();
    let more = if rows.len() > 3 { format!(", {} more kinds", rows.len() - 3) } else { String::new() };
    if named.is_empty() { String::new() } else { format!(": {}{more}", named.join(", ")) }
}

fn timeline(page: &mut Page, view: &View<'_>) {
    let main: Vec<_> = entries(view).into_iter().filter(|entry| entry.is_main).collect();
    if main.is_empty() {
        return;
    }
    page.line("Faults and breakers");
    for entry in main.iter().take(MOST_ENTRIES) {
        let why = if entry.why.is_empty() { String::new() } else { format!(": {}", entry.why) };
        page.wrapped(&format!("{:>10}  {:<13}", clock(entry.at_us), entry.subject), &format!("{}{why}", entry.what));
    }
    if main.len() > MOST_ENTRIES {
        page.line(&format!("{:>10}  {} more in the report", "", main.len() - MOST_ENTRIES));
    }
    page.blank();
}

fn capacity(page: &mut Page, view: &View<'_>) {
    let capacity = &view.judged.capacity;
    match (&capacity.estimate, &capacity.declined) {
        (Some(estimate), _) => {
            let max = rate(estimate.max_rps.floor());
            let headroom = format!("headroom {:.0} %, {max} at 70 % CPU (utilisation estimate)", estimate.headroom_percent);
            page.labelled("Capacity", &format!("{}: {headroom}", estimate.recommendation.as_str()));
        }
        (None, why) => page.labelled("Capacity", &format!("no estimate: {}", why.as_deref().unwrap_or("nothing was measured"))),
    }
    if let Some(window) = &capacity.window {
        let span = format!("{}–{}", clock(window.start_us), clock(window.end_us));
        let cpu = window.cpu_percent.map_or(String::new(), |cpu| format!(", CPU {} %", three_figures(cpu)));
        page.labelled("", &format!("steadiest window {span}: {} with {} users{cpu}", rate(window.rate), window.users_planned));
    }
    for alert in capacity.alerts.iter().filter(|alert| alert.level >= Level::Warning) {
        let tone = if alert.level == Level::Critical { Tone::Bad } else { Tone::Doubtful };
        let word = format!("{:<LABEL$}{}", "", alert.level.as_str());
        page.toned(tone, &word, &format!(": {} {} ({})", alert.metric, alert.value_text(), alert.basis));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capacity::{Basis, assess};
    use crate::gate::judge;
    use crate::report::fixture;
    use crate::result::RunEnd;

    fn show(run: &Run, color: bool) -> String {
        let judged = Judged { verdict: judge(run, &[], Vec::new()), capacity: assess(run, &Basis::default()) };
        summary(run, &judged, &SummaryOptions { report: Some(Path::new("reports/runs/x/report.md")), color })
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
    fn one_kind_of_failure_at_two_vendors_is_told_apart() {
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
        assert_eq!(lines("  ab cd", 5), ["  ab", "cd"]);
        assert_eq!(lines("abcdefg", 3), ["abc", "def", "g"]);
    }

    #[test]
    fn a_threshold_without_data_shows_its_limit_and_the_reason() {
        let run = fixture::empty();
        let name = "http_req_duration{name:a-route-with-a-rather-long-name,vendor:clay}";
        let threshold = crate::threshold::parse(name, "p(95)<500").expect("a valid threshold");
        let judged = Judged { verdict: judge(&run, &[threshold], Vec::new()), capacity: assess(&run, &Basis::default()) };
        let text = summary(&run, &judged, &SummaryOptions::default());
        assert!(text.contains(&format!("  FAILED  {name}: p(95)<500\n")), "{text}");
        assert!(text.contains("no data  (limit < 500 ms)\n          no request was finished with these tags\n"), "{text}");
    }

    #[test]
    fn every_operation_is_accounted_for() {
        let mut run = fixture::quickstart();
        run.result.leads = crate::outcome::LeadCounts { submitted: 10, delivered: 7, unacknowledged: 3, ..Default::default() };
        let text = show(&run, false);
        assert!(text.contains("Operations  7 of 10 delivered, 3 never acknowledged\n"), "{text}");
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
    fn lines_fit_and_nothing_drives_the_terminal() {
        let mut run = fixture::quickstart();
        run.result.scenario.name = "x\u{1b}[2J".repeat(60);
        run.result.warnings.push("long ".repeat(60));
        for text in [show(&run, false), show(&fixture::empty(), false)] {
            assert!(text.lines().all(|line| line.chars().count() <= WIDTH), "{text}");
            assert!(!text.contains('\u{1b}'));
        }
        assert!(show(&fixture::quickstart(), true).contains("\u{1b}[1;33mNOT JUDGED\u{1b}[0m"));
    }
}
