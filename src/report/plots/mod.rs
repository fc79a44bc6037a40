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
        Block::Figure(self.parts().0)
    }

    fn scene(self, view: &View<'_>) -> Scene {
        self.parts().1(view)
    }

    /// What the picture is called and shows, and how it is drawn.
    fn parts(self) -> (Figure, fn(&View<'_>) -> Scene) {
        let (name, alt, scene): (_, _, fn(&View<'_>) -> Scene) = match self {
            Self::Latency => (
                "latency",
                "Line chart: 50th, 95th and 99th percentile of request latency over time, with faults and limits",
                latency::scene,
            ),
            Self::Throughput => (
                "throughput",
                "Line chart: requests, failures and 429 answers a second over time, with faults",
                throughput::scene,
            ),
            Self::Users => ("users", "Line chart: planned and active users over time, with faults", users::scene),
            Self::Percentiles => (
                "percentiles",
                "Line chart: request latency by percentile, from the 50th to the highest that was measured",
                percentiles::scene,
            ),
            Self::Breakers => ("breakers", "Timeline: each circuit breaker's state over time, with faults", breakers::scene),
        };
        (Figure { name, alt }, scene)
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
    let (scene, Figure { name, .. }) = (plot.scene(view), plot.parts().0);
    paint::write_svg(&scene, &dir.join(format!("{name}.svg")))?;
    paint::write_png(&scene, &dir.join(format!("{name}.png")))
}

#[cfg(test)]
mod tests;
