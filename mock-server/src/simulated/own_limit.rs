//! Limits of a vendor's own by which it refuses requests whatever the client does, so that a refusal can name its cause.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A limit of a vendor's own.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct OwnLimit {
    /// What it limits: `the submissions that a webhook source takes in its life`.
    pub what: Cow<'static, str>,
    /// The setting that lifts it, from the vendor's name on (`clay.webhook_submissions`); `None` where the vendor documents it and
    /// no setting does.
    pub setting: Option<Cow<'static, str>>,
}

pub(crate) static SUBMISSIONS: OwnLimit =
    lifted_by("the submissions that a webhook source takes in its life", "clay.webhook_submissions");
pub(crate) static CREDITS: OwnLimit = lifted_by("the credits of its plan", "clay.credits.plan");
pub(crate) static SIZE: OwnLimit = OwnLimit { what: Cow::Borrowed("its documented limits of sizes"), setting: None };

const fn lifted_by(what: &'static str, setting: &'static str) -> OwnLimit {
    OwnLimit { what: Cow::Borrowed(what), setting: Some(Cow::Borrowed(setting)) }
}
