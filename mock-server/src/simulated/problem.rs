//! What is wrong with a setting.

/// A setting that makes no sense, with what would be right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{setting}: {problem}")]
pub struct SettingsProblem {
    /// The setting, as `clay.latency`.
    pub setting: &'static str,
    /// What is wrong and what would be right.
    pub problem: String,
}
