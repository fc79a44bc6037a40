//! What is shown while a load runs: a bar on a terminal, a plain line every five seconds elsewhere. All on standard error.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::cli::output;
use crate::event::BreakerState;
use crate::measure::Second;
use crate::units::{format_count, format_duration, format_latency, three_figures};

/// Seconds between two plain lines.
const LINE_EVERY: u64 = 5;

/// Shows how a load goes on.
#[derive(Debug)]
pub(crate) enum Progress {
    /// Nothing is shown.
    Quiet,
    /// A bar.
    Bar(ProgressBar),
    /// Plain lines.
    Lines {
        /// The whole length.
        length: Duration,
        /// Rows since the last line.
        seconds: Vec<Second>,
    },
}

impl Progress {
    /// `length` is the plan's.
    pub(crate) fn start(quiet: bool, length: Duration) -> Self {
        if quiet {
            return Self::Quiet;
        }
        if !std::io::stderr().is_terminal() {
            return Self::Lines { length, seconds: Vec::new() };
        }
        let bar = ProgressBar::with_draw_target(Some(length.as_secs().max(1)), ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template("{elapsed:>4} {bar:30.cyan/dim} {msg}") {
            bar.set_style(style);
        }
        Self::Bar(bar)
    }

    /// One more second; `faults` are the names of those active.
    pub(crate) fn second(&mut self, second: &Second, faults: &[String]) {
        match self {
            Self::Quiet => {}
            Self::Bar(bar) => {
                bar.set_position((second.start_us + second.length_us) / 1_000_000);
                bar.set_message(line(std::slice::from_ref(second), faults));
            }
            Self::Lines { length, seconds } => {
                seconds.push(second.clone());
                if seconds.len() as u64 >= LINE_EVERY {
                    let at = Duration::from_micros(second.start_us + second.length_us);
                    let at = format_duration(Duration::from_secs_f64(at.as_secs_f64().round()));
                    output::remark(format!("{at:>6} of {}  {}", format_duration(*length), line(seconds, faults)));
                    seconds.clear();
                }
            }
        }
    }

    /// The load is over.
    pub(crate) fn finish(&self) {
        if let Self::Bar(bar) = self {
            bar.finish_and_clear();
        }
    }
}

/// The last rows in one line. The p95 is the highest of theirs: percentiles cannot be averaged.
fn line(seconds: &[Second], faults: &[String]) -> String {
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
    for (vendor, state) in &last.gauges.breakers {
        if *state != BreakerState::Closed {
            text.push_str(&format!(", {} breaker {}", vendor.display_name(), state.as_str()));
        }
    }
    if last.gauges.queue_depth > 0 {
        text.push_str(&format!(", {} queued", format_count(last.gauges.queue_depth)));
    }
    if !faults.is_empty() {
        text.push_str(&format!(", fault: {}", faults.join(", ")));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::Gauges;
    use crate::outcome::Vendor;

    #[test]
    fn a_line_says_how_it_goes() {
        let second = Second {
            length_us: 1_000_000,
            requests: 200,
            failures: 3,
            p95_us: 48_200,
            gauges: Gauges {
                users: 20,
                queue_depth: 1_200,
                breakers: [(Vendor::Clay, BreakerState::Open), (Vendor::CustomerIo, BreakerState::Closed)].into(),
                ..Gauges::default()
            },
            ..Second::default()
        };
        assert_eq!(
            line(&[second], &["outage".to_owned()]),
            "20 users, 200 requests/s, p95 48.2 ms, 1.50 % failed, Clay breaker OPEN, 1,200 queued, fault: outage"
        );
        let idle = Second { length_us: 1_000_000, ..Second::default() };
        assert_eq!(line(std::slice::from_ref(&idle), &[]), "0 users, 0.00 requests/s");
        let one = Second { gauges: Gauges { users: 1, ..Gauges::default() }, ..idle };
        assert_eq!(line(&[one], &[]), "1 user, 0.00 requests/s");
    }
}
