//! Why a breaker changed its state, with the numbers.

use std::fmt;
use std::time::Duration;

use crate::units::format_duration;

/// Why a breaker changed its state.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Cause {
    /// So many failures in a row.
    FailuresInARow(u32),
    /// The failure rate reached its limit.
    FailureRate {
        /// Calls in the window.
        calls: u32,
        /// Failures among them.
        failures: u32,
        /// The limit in percent.
        limit: f64,
    },
    /// The share of slow calls reached its limit.
    SlowRate {
        /// Calls in the window.
        calls: u32,
        /// Slow ones among them.
        slow: u32,
        /// What slow means.
        slower_than: Duration,
        /// The limit in percent.
        limit: f64,
    },
    /// The drawn cool-down is over, and a call came.
    CooldownOver(Duration),
    /// Enough probes succeeded.
    Successes(u32),
    /// A probe failed.
    ProbeFailed,
    /// A probe succeeded, but slowly.
    ProbeSlow(Duration),
    /// No decision within the longest time in half-open.
    Undecided(Duration),
    /// It was held open by hand.
    Forced,
    /// It was closed by hand.
    Reset,
    /// It was switched off.
    Disabled,
    /// It was switched to measuring only.
    MetricsOnly,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::FailuresInARow(count) => write!(f, "{}", counted(count, "failure", " in a row")),
            Self::FailureRate { calls, failures, limit } => {
                write!(f, "failure rate {} % of {calls} calls reached {} %", percent(failures, calls), tenth(limit))
            }
            Self::SlowRate { calls, slow, slower_than, limit } => write!(
                f,
                "{} % of {calls} calls slower than {} reached {} %",
                percent(slow, calls),
                format_duration(slower_than),
                tenth(limit)
            ),
            Self::CooldownOver(cooldown) => write!(f, "cool-down of {} over", format_duration(cooldown)),
            Self::Successes(count) => write!(f, "{}", counted(count, "success", " while half-open")),
            Self::ProbeFailed => f.write_str("a probe failed"),
            Self::ProbeSlow(took) => write!(f, "a probe took {}", format_duration(took)),
            Self::Undecided(longest) => write!(f, "half-open for {} without a decision", format_duration(longest)),
            Self::Forced => f.write_str("held open by hand"),
            Self::Reset => f.write_str("reset by hand"),
            Self::Disabled => f.write_str("switched off"),
            Self::MetricsOnly => f.write_str("switched to measuring only"),
        }
    }
}

fn counted(count: u32, noun: &str, rest: &str) -> String {
    let plural = match (count, noun.ends_with('s')) {
        (1, _) => "",
        (_, true) => "es",
        (_, false) => "s",
    };
    format!("{count} {noun}{plural}{rest}")
}

fn percent(part: u32, whole: u32) -> f64 {
    tenth(f64::from(part) / f64::from(whole.max(1)) * 100.0)
}

fn tenth(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_carry_their_numbers() {
        let seconds = Duration::from_secs;
        for (cause, text) in [
            (Cause::FailuresInARow(5), "5 failures in a row"),
            (Cause::FailuresInARow(1), "1 failure in a row"),
            (Cause::FailureRate { calls: 10, failures: 6, limit: 50.0 }, "failure rate 60 % of 10 calls reached 50 %"),
            (Cause::FailureRate { calls: 6, failures: 4, limit: 62.5 }, "failure rate 66.7 % of 6 calls reached 62.5 %"),
            (
                Cause::SlowRate { calls: 5, slow: 3, slower_than: seconds(4), limit: 50.0 },
                "60 % of 5 calls slower than 4s reached 50 %",
            ),
            (Cause::CooldownOver(seconds(30)), "cool-down of 30s over"),
            (Cause::Successes(3), "3 successes while half-open"),
            (Cause::Successes(1), "1 success while half-open"),
            (Cause::Undecided(seconds(60)), "half-open for 1m without a decision"),
        ] {
            assert_eq!(cause.to_string(), text);
        }
    }
}
