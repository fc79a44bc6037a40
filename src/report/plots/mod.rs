//! The pictures of a run. Each plot is a pure function from the run to a [`scene::Scene`]; one painter turns scenes into SVG and PNG.

mod axes;
mod breakers;
mod latency;
mod paint;
mod percentiles;
mod scene;
mod throughput;
mod ticks;
mod users;

use std::path::Path;

use super::document::{Block, Figure};
use super::error::ReportError;
use super::view::View;
use scene::Scene;

/// One of the pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Plot {
    Latency,
    Throughput,
    Users,
    Percentiles,
    Breakers,
}

impl Plot {
    pub(super) const ALL: [Self; 5] = [Self::Latency, Self::Throughput, Self::Users, Self::Percentiles, Self::Breakers];

    /// The picture as a part of a document.
    pub(super) fn figure(self) -> Block {
        Block::Figure(Figure { name: self.stem(), alt: self.alt() })
    }

    /// The file's name without its ending.
    fn stem(self) -> &'static str {
        match self {
            Self::Latency => "latency",
            Self::Throughput => "throughput",
            Self::Users => "users",
            Self::Percentiles => "percentiles",
            Self::Breakers => "breakers",
        }
    }

    /// What the picture shows, for those who cannot see it.
    fn alt(self) -> &'static str {
        match self {
            Self::Latency => "Line chart: 50th, 95th and 99th percentile of request duration over time, with faults and limits",
            Self::Throughput => "Line chart: requests, failures and 429 answers a second over time, with faults",
            Self::Users => "Line chart: planned and active users over time, with faults",
            Self::Percentiles => "Line chart: request duration by percentile, from the 50th to the highest that was measured",
            Self::Breakers => "Timeline: each circuit breaker's state over time, with faults",
        }
    }

    fn scene(self, view: &View<'_>) -> Scene {
        match self {
            Self::Latency => latency::scene(view),
            Self::Throughput => throughput::scene(view),
            Self::Users => users::scene(view),
            Self::Percentiles => percentiles::scene(view),
            Self::Breakers => breakers::scene(view),
        }
    }
}

/// Draws every plot into `dir`, each as SVG and PNG, at once: encoding the pictures is most of the work of a report.
pub(super) fn write_all(dir: &Path, view: &View<'_>) -> Result<(), ReportError> {
    std::thread::scope(|scope| {
        let threads = Plot::ALL.map(|plot| scope.spawn(move || write_one(plot, dir, view)));
        let written = threads.map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        written.into_iter().collect()
    })
}

fn write_one(plot: Plot, dir: &Path, view: &View<'_>) -> Result<(), ReportError> {
    let scene = plot.scene(view);
    paint::write_svg(&scene, &dir.join(format!("{}.svg", plot.stem())))?;
    paint::write_png(&scene, &dir.join(format!("{}.png", plot.stem())))
}

#[cfg(test)]
mod tests;
