//! What is shown while a load runs: a bar on a terminal, a plain line every five seconds elsewhere. All on standard error.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, IsTerminal};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::cli::output;
use crate::event::{BreakerState, Event, EventKind};
use crate::measure::{Interval, Second};
use crate::outcome::Vendor;
use crate::output::{Sink, SinkError};
use crate::report::Judged;
use crate::result::RunResult;
use crate::units::{format_count, format_duration, format_latency, three_figures};

/// Seconds between two plain lines.
const LINE_EVERY: u64 = 5;

/// Shows how a load goes on.
#[derive(Debug)]
pub(super) struct Progress {
    /// The whole length of the plan.
    length: Duration,
    shown: Shown,
    /// The guards that let not everything through.
    guards: Guards,
    /// The names of the active faults.
    faults: BTreeSet<String>,
    /// What is waited for, once the load is over.
    waiting: Option<String>,
}

/// The state of each vendor's guards, but for those that are closed.
type Guards = BTreeMap<(&'static str, &'static str), &'static str>;

#[derive(Debug)]
enum Shown {
    Bar(ProgressBar),
    /// Plain lines, with the rows since the last one.
    Lines(Vec<Second>),
}

impl Progress {
    /// `length` is the plan's.
    pub(super) fn new(length: Duration) -> Self {
        let shown = if io::stderr().is_terminal() {
            let bar = bar(length, output::message_columns(), ProgressDrawTarget::stderr());
            output::above(bar.clone());
            Shown::Bar(bar)
        } else {
            Shown::Lines(Vec::new())
        };
        Self { length, shown, guards: Guards::new(), faults: BTreeSet::new(), waiting: None }
    }
}

/// One line that never wraps: a narrow terminal has a short bar, and what does not fit is cut off.
fn bar(length: Duration, columns: Option<usize>, target: ProgressDrawTarget) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(length.as_secs().max(1)), target);
    let cells = if columns.is_some_and(|columns| columns < 100) { 8 } else { 30 };
    if let Ok(style) = ProgressStyle::with_template(&format!("{{elapsed:>4}} {{bar:{cells}.cyan/dim}} {{wide_msg}}")) {
        bar.set_style(style);
    }
    bar
}

impl Sink for Progress {
    fn name(&self) -> String {
        "the progress line".to_owned()
    }

    fn event(&mut self, event: &Event) -> Result<(), SinkError> {
        let vendor = event.vendor.map_or("", Vendor::display_name);
        let Self { guards, .. } = self;
        match &event.kind {
            EventKind::Transition { guard, to: BreakerState::Closed, .. } => _ = guards.remove(&(vendor, guard.display_name())),
            EventKind::Transition { guard, to, .. } => _ = guards.insert((vendor, guard.display_name()), to.as_str()),
            EventKind::CreditsExhausted { .. } => _ = guards.insert((vendor, "credits"), "used up"),
            EventKind::Waiting { what } => {
                if matches!(self.shown, Shown::Lines(_)) {
                    output::remark(what);
                }
                self.waiting = Some(what.clone());
            }
            EventKind::CreditsReset => _ = guards.remove(&(vendor, "credits")),
            EventKind::Fault { name, active: true } => _ = self.faults.insert(name.clone()),
            EventKind::Fault { name, active: false } => _ = self.faults.remove(name),
            _ => {}
        }
        Ok(())
    }

    fn second(&mut self, interval: &Interval) -> Result<(), SinkError> {
        let second = &interval.second;
        let at = Duration::from_micros(second.start_us + second.length_us);
        match &mut self.shown {
            Shown::Bar(bar) => {
                bar.set_elapsed(at);
                bar.set_position(at.as_secs());
                let line = line(std::slice::from_ref(second), &self.guards, &self.faults);
                let queued = format_count(second.gauges.queue_depth);
                bar.set_message(self.waiting.as_ref().map_or(line, |waiting| format!("{queued} queued, {waiting}")));
            }
            Shown::Lines(seconds) => {
                seconds.push(second.clone());
                if seconds.len() as u64 >= LINE_EVERY {
                    let at = format_duration(Duration::from_secs_f64(at.as_secs_f64().round()));
                    output::remark(format!(
                        "{at:>6} of {}  {}",
                        format_duration(self.length),
                        line(seconds, &self.guards, &self.faults)
                    ));
                    seconds.clear();
                }
            }
        }
        Ok(())
    }

    fn finish(&mut self, _: &RunResult, _: &Judged) -> Result<Option<String>, SinkError> {
        if let Shown::Bar(bar) = &self.shown {
            bar.finish_and_clear();
        }
        Ok(None)
    }
}

/// The last rows in one line. The p95 is the highest of theirs: percentiles cannot be averaged.
fn line(seconds: &[Second], guards: &Guards, faults: &BTreeSet<String>) -> String {
    let Some(last) = seconds.last() else { return String::new() };
    let sum = |read: fn(&Second) -> u64| seconds.iter().map(read).sum::<u64>();
    let (requests, failures, length_us) = (sum(|s| s.requests), sum(|s| s.failures), sum(|s| s.length_us));
    let rate = if length_us == 0 { 0.0 } else { requests as f64 * 1e6 / length_us as f64 };
    let users = if last.gauges.users == 1 { "user" } else { "users" };
    let mut text = format!("{} {users}, {} requests/s", last.gauges.users, three_figures(rate));
    if requests > 0 {
        let p95 = seconds.iter().map(|second| second.p95_us).max().unwrap_or(0);
        text.push_str(&format!(
            ", p95 {}, {} % failed",
            format_latency(p95),
            three_figures(100.0 * failures as f64 / requests as f64)
        ));
    }
    for ((vendor, guard), state) in guards {
        text.push_str(&format!(", {vendor} {guard} {state}"));
    }
    if last.gauges.queue_depth > 0 {
        text.push_str(&format!(", {} queued", format_count(last.gauges.queue_depth)));
    }
    if !faults.is_empty() {
        let names: Vec<&str> = faults.iter().map(String::as_str).collect();
        text.push_str(&format!(", fault: {}", names.join(", ")));
    }
    text
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use indicatif::TermLike;
    use parking_lot::Mutex;

    use super::*;
    use crate::event::Guard;
    use crate::measure::Gauges;

    #[test]
    fn a_line_says_how_it_goes() {
        let gauges = Gauges { users: 20, queue_depth: 1_200, ..Gauges::default() };
        let second = Second { length_us: 1_000_000, requests: 200, failures: 3, p95_us: 48_200, gauges, ..Second::default() };
        let guards = [(("Clay", "circuit breaker"), "OPEN")].into();
        assert_eq!(
            line(&[second], &guards, &["outage".to_owned()].into()),
            "20 users, 200 requests/s, p95 48.2 ms, 1.50 % failed, Clay circuit breaker OPEN, 1,200 queued, fault: outage"
        );
        let idle = Second { length_us: 1_000_000, ..Second::default() };
        assert_eq!(line(std::slice::from_ref(&idle), &Guards::new(), &BTreeSet::new()), "0 users, 0.00 requests/s");
        let one = Second { gauges: Gauges { users: 1, ..Gauges::default() }, ..idle };
        assert_eq!(line(&[one], &Guards::new(), &BTreeSet::new()), "1 user, 0.00 requests/s");
    }

    /// A terminal that keeps the widths of what is written to it.
    #[derive(Debug, Clone)]
    struct Terminal(u16, Arc<Mutex<Vec<String>>>);

    impl TermLike for Terminal {
        fn width(&self) -> u16 {
            self.0
        }
        fn move_cursor_up(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn move_cursor_down(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn move_cursor_right(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn move_cursor_left(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn write_line(&self, text: &str) -> io::Result<()> {
            self.write_str(text)
        }
        fn write_str(&self, text: &str) -> io::Result<()> {
            self.1.lock().push(text.to_owned());
            Ok(())
        }
        fn clear_line(&self) -> io::Result<()> {
            Ok(())
        }
        fn flush(&self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn the_bar_is_one_line_of_a_narrow_terminal_whatever_the_faults_are_called() {
        for columns in [60, 80, 120] {
            let terminal = Terminal(columns, Arc::default());
            let written = Arc::clone(&terminal.1);
            let bar = bar(Duration::from_secs(60), Some(columns.into()), ProgressDrawTarget::term_like(Box::new(terminal)));
            for fault in ["outage", "障害🚀その一、とても長い名前の障害です。障害🚀その二、これも長い名前の障害です"]
            {
                let gauges = Gauges { users: 1_200, queue_depth: 12_000, ..Gauges::default() };
                let second = Second { length_us: 1_000_000, requests: 5_000, gauges, ..Second::default() };
                bar.set_message(line(&[second], &Guards::new(), &[fault.to_owned()].into()));
                bar.force_draw();
            }
            let widest = written.lock().iter().map(|text| crate::text::width(text)).max().unwrap_or(0);
            let columns = usize::from(columns);
            // A space or half of a wide character may be left at the end.
            assert!((columns - 2..=columns).contains(&widest), "{widest} of {columns}: {:?}", written.lock());
        }
    }

    #[test]
    fn every_guard_that_holds_is_named_until_it_lets_through() {
        let mut progress = Progress::new(Duration::from_secs(60));
        let mut names = |kind| {
            progress.event(&Event { at_us: 0, vendor: Some(Vendor::Clay), kind }).expect("it only takes note");
            progress.guards.iter().map(|((_, guard), state)| format!("{guard} {state}")).collect::<Vec<_>>()
        };
        let to = |guard, to| {
            let (from, cause) = (BreakerState::Closed, String::new());
            EventKind::Transition { guard, from, to, cause, calls: 5, failures: 5 }
        };
        use BreakerState::{Closed, HalfOpen, Open};
        assert_eq!(names(to(Guard::CircuitBreaker, Open)), ["circuit breaker OPEN"]);
        assert_eq!(names(to(Guard::CreditBudget, Open)), ["circuit breaker OPEN", "credit budget OPEN"]);
        assert_eq!(names(to(Guard::CircuitBreaker, HalfOpen)), ["circuit breaker HALF_OPEN", "credit budget OPEN"]);
        assert_eq!(names(to(Guard::CircuitBreaker, Closed)), ["credit budget OPEN"]);
        assert_eq!(names(EventKind::CreditsExhausted { used: 498, limit: 500 }), ["credit budget OPEN", "credits used up"]);
        assert_eq!(names(EventKind::CreditsReset), ["credit budget OPEN"]);
    }
}
