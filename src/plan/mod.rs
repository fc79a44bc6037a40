//! Users at a time: pure arithmetic on stages, with linear ramps as in k6.

mod load_plan;
mod segment;

pub use load_plan::{LoadPlan, Stage};
