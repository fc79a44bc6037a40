//! How much more load there is room for, as far as one run can say.
//!
//! The first form: the load-scale document's formula on the busiest sustained window of the run, its alert levels, and Little's
//! law as a check of the measurement itself. What the numbers cannot say is said, rather than guessed.

mod alerts;
mod assess;
mod estimate;
mod little;
mod over;
mod window;

pub use alerts::{Alert, Level};
pub use assess::{Assessment, Basis, assess};
pub use estimate::{Estimate, Recommendation, utilisation_estimate};
pub use little::{Little, TOLERANCE};
pub use window::Window;

#[cfg(test)]
mod tests;
