//! A scenario file: read, checked whole, and turned into what the rest of the program works with.

mod model;

pub use model::{
    Capacity, ExecutorKind, HttpJourney, Journey, Labels, LeadData, LeadUse, Load, Resilience, Scenario, Secret, Slo, Target,
    ThinkTime, WeightedJourney,
};
