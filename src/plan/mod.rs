//! Users at a time: pure arithmetic on stages, with linear ramps as in k6.

mod load_plan;

pub use load_plan::{LoadPlan, Stage};
