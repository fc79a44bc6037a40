//! The names of the checks that journeys make. A threshold on a check that no journey makes is refused before
//! the run; it does not fail for want of data after it.

/// `clay.resource`, first check.
pub const STATUS_IS_200: &str = "status is 200";
/// `clay.resource`, second check.
pub const LATENCY_BELOW_500_MS: &str = "latency < 500ms";
/// Journeys through a pipeline: the operation was delivered, or is kept where it cannot be lost.
pub const DELIVERED_OR_KEPT: &str = "operation is delivered or kept";
/// Journeys through a pipeline: the vendor itself answered.
pub const ANSWERED_BY_VENDOR: &str = "operation is answered by the vendor";

/// `lead` to a service: it answered 202 (or 200, for a lead that it had), so the lead is durable.
pub const ACCEPTED_DURABLY: &str = "lead is accepted durably";
