//! The load-scale document's alert levels: CPU, memory, queue depth, error rate, p95.

use serde::{Deserialize, Serialize};

use crate::measure::SampleKind;
use crate::result::Run;
use crate::units;

use super::window::{LENGTH, mean_cpu, role};

/// How bad a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// It could not be measured.
    Unknown,
    /// At or below the warning level.
    Ok,
    /// Above the warning level.
    Warning,
    /// Above the critical level.
    Critical,
}

impl Level {
    /// The word in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Ok => "OK",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

/// One row of the alert table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Alert {
    /// The document's name of the metric.
    pub metric: String,
    /// How the value was taken from the run.
    pub basis: String,
    /// The value; `None` where it could not be measured.
    pub value: Option<f64>,
    /// Warning above this.
    pub warning: f64,
    /// Critical above this.
    pub critical: f64,
    /// `%`, `ms`, or nothing for a plain number.
    pub unit: String,
    /// What that comes to.
    pub level: Level,
}

impl Alert {
    fn new(metric: &str, basis: &str, value: Option<f64>, limits: (f64, f64), unit: &str) -> Self {
        let (warning, critical) = limits;
        let level = match value {
            None => Level::Unknown,
            Some(value) if value > critical => Level::Critical,
            Some(value) if value > warning => Level::Warning,
            Some(_) => Level::Ok,
        };
        Self { metric: metric.to_owned(), basis: basis.to_owned(), value, warning, critical, unit: unit.to_owned(), level }
    }

    /// A figure of this row with its unit.
    pub fn format(&self, value: f64) -> String {
        match self.unit.as_str() {
            "ms" => units::format_latency((value * 1e3).round().max(0.0) as u64),
            "" => units::format_count(value.max(0.0) as u64),
            unit => format!("{} {unit}", units::three_figures(value)),
        }
    }

    /// The value with its unit, or `not measured`.
    pub fn value_text(&self) -> String {
        self.value.map_or_else(|| "not measured".to_owned(), |value| self.format(value))
    }
}

/// The five rows, in the document's order.
pub(super) fn table(run: &Run, cpu_scale: f64) -> Vec<Alert> {
    let attempts = run.totals.merged(SampleKind::Attempt, |_| true);
    let failed = run.totals.count(SampleKind::Attempt, |labels| labels.failure.is_some());
    let role = role(&run.seconds);
    let measured = !attempts.is_empty();
    vec![
        Alert::new(
            "CPU Utilization",
            &format!("{role}, busiest 10 s on average"),
            busiest_cpu(run).map(|cpu| cpu * cpu_scale),
            (70.0, 85.0),
            "%",
        ),
        Alert::new("Memory Usage", &format!("{role}, peak, of the machine"), peak_memory(run, role), (75.0, 90.0), "%"),
        Alert::new(
            "Request Queue Depth",
            "fallback queues, peak",
            run.seconds.iter().map(|second| second.gauges.queue_depth as f64).reduce(f64::max),
            (100.0, 500.0),
            "",
        ),
        Alert::new(
            "Error Rate",
            "all requests, under faults too",
            measured.then(|| failed as f64 / attempts.len() as f64 * 100.0),
            (1.0, 5.0),
            "%",
        ),
        Alert::new(
            "P95 Latency",
            "all requests, under faults too",
            measured.then(|| attempts.value_at_percentile(95.0) as f64 / 1e3),
            (1_000.0, 3_000.0),
            "ms",
        ),
    ]
}

fn busiest_cpu(run: &Run) -> Option<f64> {
    let length = LENGTH.min(run.seconds.len()).max(1);
    run.seconds.windows(length).filter_map(mean_cpu).reduce(f64::max)
}

fn peak_memory(run: &Run, role: &str) -> Option<f64> {
    let whole = run.result.machine.memory_bytes;
    let processes = run.seconds.iter().flat_map(|second| &second.processes);
    let peak = processes.filter(|process| process.role == role).map(|process| process.memory_bytes).max()?;
    (whole > 0).then(|| peak as f64 / whole as f64 * 100.0)
}
