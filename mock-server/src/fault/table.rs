//! Every kind of fault, in the order in which faults compose. The word of a kind is the name of the file that implements it;
//! types of its own are named as `mod.rs` re-exports them.

/// Hands the table to a macro: for each kind its documentation, its variant, its file and its parameters.
macro_rules! every_kind {
    ($use:ident) => {
        $use! {
            /// The vendor is gone.
            Outage outage {
                /// In which way.
                how: Outage,
            },
            /// The key has been rotated.
            Auth auth {
                /// The status, 401 or 403.
                status: u16,
                /// The new key: requests that carry it pass, and the vendor accepts it while the fault is active. `None` where
                /// there is none, and every request is refused.
                #[serde(skip_serializing_if = "Option::is_none")]
                new_key: Option<crate::secret::Secret>,
            },
            /// 429 beyond a rate.
            RateLimit rate_limit {
                /// Requests a second.
                rate: f64,
                /// Requests at once.
                burst: u32,
                /// How Retry-After is given.
                retry_after: crate::retry_after::RetryAfterStyle,
            },
            /// Clay's credits are used up: 402.
            Credits credits,
            /// A status instead of the answer.
            Error error {
                /// The status, 100 to 599.
                status: u16,
                /// The body; `None` for the vendor's own error body for that status.
                #[serde(skip_serializing_if = "Option::is_none")]
                body: Option<String>,
            },
            /// Answers come later.
            Latency latency {
                /// The delay added to the vendor's own latency.
                #[serde(rename = "add")]
                model: crate::latency::LatencyModel,
                /// What the delay varies by, either way and uniformly; it never gets below 0.
                #[serde(default, with = "crate::duration::text", skip_serializing_if = "std::time::Duration::is_zero")]
                jitter: std::time::Duration,
            },
            /// The vendor commits the effect, and its answer is lost.
            LostAnswer lost_answer {
                /// How the client notices.
                how: LostAnswer,
            },
            /// The request is never answered, and the vendor does not get it.
            Hang hang,
            /// The connection is reset.
            Reset reset {
                /// At which point.
                #[serde(flatten)]
                when: ResetPoint,
            },
            /// The answer is no HTTP or no JSON.
            Malformed malformed {
                /// In which way.
                how: Malformed,
            },
            /// The answer breaks off.
            Truncate truncate {
                /// Bytes of the body that still come.
                bytes: u64,
            },
            /// The body comes in small pieces.
            SlowBody slow_body {
                /// Bytes of a piece.
                chunk: u64,
                /// The pause before every piece but the first.
                #[serde(with = "crate::duration::text")]
                pause: std::time::Duration,
            },
            /// The body comes slowly and evenly.
            Bandwidth bandwidth {
                /// Bytes of the body a second.
                bytes_per_second: u64,
            },
            /// Something happens to Clay's callbacks.
            Webhook webhook {
                /// What.
                #[serde(flatten)]
                how: WebhookFault,
            },
        }
    };
}
pub(super) use every_kind;
