//! What a load asks for at a time: pure arithmetic on stages, with linear ramps as in k6, and on shares of a load.

mod load_plan;
mod ramp;
mod segment;
mod target;

pub use load_plan::{LoadPlan, Stage};
pub use segment::{Segment, SegmentError};
pub use target::{Planned, Target};
