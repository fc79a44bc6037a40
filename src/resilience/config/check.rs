//! The pipelines: what the file sets, over the defaults of the reliability-patterns documents.

use std::time::Duration;

use super::form::{RawPipeline, RawResilience};
use crate::config::{Checker, KeyPath, Switch};
use crate::outcome::Vendor;
use crate::resilience::{
    Backoff, BreakerSettings, FallbackSettings, FallbackStep, LimiterSettings, PipelineSettings, Resilience, RetrySettings,
    Window,
};
use crate::units::format_duration;

/// The longest wait for the limiter's turn when none is given.
const LIMITER_MAX_WAIT: Duration = Duration::from_secs(1);

impl Checker<'_> {
    pub(crate) fn resilience(&mut self, raw: Option<&RawResilience>) -> Resilience {
        let mut resilience = Resilience::from_fn(PipelineSettings::of);
        let Some(raw) = raw else { return resilience };
        for (vendor, raw) in raw.pipelines.iter() {
            if let Some(raw) = raw {
                self.pipeline(&mut resilience[vendor], raw, &KeyPath::of("resilience").key(vendor.as_str()));
            }
        }
        resilience
    }

    /// Warns of the cost of a lead that does nothing: where callbacks say what it did cost it is the estimate, elsewhere the most.
    pub(crate) fn warn_of_idle_cost(&mut self, by_callback: bool) {
        let (key, message, help) = if by_callback {
            (
                "per_lead",
                "callbacks say what a lead did cost, so this estimate does nothing",
                "leave it out, or set `max_per_lead`",
            )
        } else {
            (
                "max_per_lead",
                "no callback says what a lead did cost, so this does nothing",
                "leave it out, or set `per_lead`, the estimate",
            )
        };
        let place = KeyPath::of("resilience").key(Vendor::Clay.as_str()).key("credits").key(key);
        if self.document.has(&place) {
            self.warning(&place, message, help);
        }
    }

    fn pipeline(&mut self, settings: &mut PipelineSettings, raw: &RawPipeline, place: &KeyPath) {
        settings.timeout = raw.timeout.map_or(settings.timeout, Duration::from);
        if settings.timeout.is_zero() {
            self.error(&place.key("timeout"), "the timeout must be greater than \"0s\"", "give one like \"10s\"");
        }
        switch(&mut settings.idempotency, raw.idempotency.as_ref());
        switch(&mut settings.credits, raw.credits.as_ref());
        settings.limiter = match &raw.limiter {
            None | Some(Switch::Set(false)) => None,
            Some(Switch::Set(true)) => {
                let help = "write its rate: { rate = 80, burst = 10 }";
                self.error(&place.key("limiter"), "a limiter has no default rate", help);
                None
            }
            Some(Switch::With(raw)) => Some(LimiterSettings {
                rate: raw.rate,
                burst: raw.burst.unwrap_or(1),
                max_wait: raw.max_wait.map_or(LIMITER_MAX_WAIT, Duration::from),
            }),
        };
        switch(&mut settings.in_flight, raw.in_flight.as_ref());
        switch(&mut settings.throttle, raw.throttle.as_ref());
        if settings.throttle.is_some_and(|throttle| throttle.window.is_zero()) {
            let place = place.key("throttle").key("window");
            self.error(&place, "the window must be longer than \"0s\"", "give one above \"0s\", as in \"2m\"");
        }
        match &raw.retry {
            None | Some(Switch::Set(true)) => {}
            Some(Switch::Set(false)) => settings.retry.max_retries = 0,
            Some(Switch::With(retry)) => settings.retry = *retry,
        }
        self.retry(&settings.retry, &place.key("retry"));
        switch(&mut settings.breaker, raw.breaker.as_ref());
        if let Some(breaker) = &settings.breaker {
            self.breaker(breaker, &place.key("breaker"));
        }
        self.fallback(&mut settings.fallback, raw, place);
        if let Some(health) = raw.health {
            settings.health = health;
            if health.degraded_above > health.healthy_above {
                let help = "healthy is above degraded: make `degraded_above` at most `healthy_above`";
                self.error(&place.key("health"), "nothing could be degraded", help);
            }
        }
        self.retention(settings, raw, place);
    }

    /// A key must be remembered for as long as its operation may be tried. The error stands where the time is written that
    /// makes it too short, or else too long.
    fn retention(&mut self, settings: &PipelineSettings, raw: &RawPipeline, place: &KeyPath) {
        let (Some(needed), Some(idempotency)) = (settings.longer_retention(), settings.idempotency) else { return };
        let needed = format_duration(Duration::from_secs(needed.as_secs() + 1));
        let ttl = format_duration(idempotency.ttl);
        let ttl_place = place.key("idempotency").key("ttl");
        let (place, help) = if self.document.has(&ttl_place) {
            (ttl_place, format!("make it at least \"{needed}\""))
        } else {
            let long = [("queue", raw.queue.is_some()), ("retry", raw.retry.is_some()), ("limiter", raw.limiter.is_some())];
            let place = long.iter().find(|(_, is_there)| *is_there).map_or(place.clone(), |(key, _)| place.key(key));
            (place, format!("try for a shorter time, or add `idempotency = {{ ttl = \"{needed}\" }}`"))
        };
        let message = format!("a key is remembered for {ttl}, but its operation may be retried for {needed}");
        self.error(&place, message, help);
    }

    fn retry(&mut self, retry: &RetrySettings, place: &KeyPath) {
        if retry.deadline.is_some_and(|deadline| deadline.is_zero()) {
            self.error(
                &place.key("deadline"),
                "the deadline must be greater than \"0s\"",
                "give one like \"30s\", or leave it out",
            );
        }
        if self.document.has(&place.key("jitter")) && retry.backoff != Backoff::Proportional {
            let help = "leave it out, or use `backoff = \"proportional\"`";
            self.error(&place.key("jitter"), "`jitter` belongs to proportional back-off", help);
        }
        if self.document.has(&place.key("budget_ratio")) && retry.budget_tokens.is_none() {
            self.error(&place.key("budget_ratio"), "there is no retry budget", "add `budget_tokens = 10`, or leave this out");
        }
        if retry.base_delay > retry.max_delay {
            let key = if self.document.has(&place.key("base_delay")) { "base_delay" } else { "max_delay" };
            self.error(&place.key(key), "the first wait is longer than the longest", "make `base_delay` at most `max_delay`");
        }
    }

    fn breaker(&mut self, breaker: &BreakerSettings, place: &KeyPath) {
        let (owner, keys): (_, &[&str]) = match breaker.window {
            Window::Consecutive => ("window `consecutive`", &["failures"]),
            Window::Count => ("window `count`", &["calls", "minimum_calls", "failure_rate"]),
            Window::Time => ("window `time`", &["span", "minimum_calls", "failure_rate"]),
        };
        self.refuse_keys(place, owner, &["failures", "calls", "span", "minimum_calls", "failure_rate"], keys);
        if self.document.has(&place.key("slow_rate")) && breaker.slow_call.is_none() {
            self.error(
                &place.key("slow_rate"),
                "no call is slow without `slow_call`",
                "add `slow_call = \"4s\"`, or leave this out",
            );
        }
        for (key, _) in
            [("failure_rate", breaker.failure_rate), ("slow_rate", breaker.slow_rate)].iter().filter(|(_, rate)| *rate == 0.0)
        {
            self.error(&place.key(key), "a breaker that opens at 0 % never closes", "give a percentage above 0, as in \"50%\"");
        }
        let BreakerSettings { calls, minimum_calls, .. } = *breaker;
        if breaker.window == Window::Count && minimum_calls > calls {
            let message = format!("a window of {calls} calls never holds {minimum_calls}");
            let key = if self.document.has(&place.key("minimum_calls")) { "minimum_calls" } else { "calls" };
            self.error(&place.key(key), message, "make `minimum_calls` at most `calls`");
        }
        let times = [("cooldown", breaker.cooldown), ("span", breaker.span), ("half_open_max", breaker.half_open_max)];
        for (key, _) in times.iter().filter(|(_, time)| time.is_zero()) {
            self.error(&place.key(key), "this must be greater than \"0s\"", "give one above \"0s\"");
        }
    }

    fn fallback(&mut self, fallback: &mut FallbackSettings, raw: &RawPipeline, place: &KeyPath) {
        if let Some(queue) = &raw.queue {
            fallback.clone_from(queue);
        }
        let Some(steps) = &raw.fallback else { return };
        fallback.steps.clone_from(steps);
        for (index, step) in steps.iter().enumerate() {
            if steps[..index].contains(step) {
                self.error(&place.key("fallback").item(index), "this step is named twice", "name each step once");
            } else if steps[..index].contains(&FallbackStep::Drop) {
                let help = "put \"drop\" last, or leave it out";
                self.error(&place.key("fallback").item(index), "no step runs after \"drop\"", help);
            }
        }
    }
}

/// Leaves a pattern out, puts it in with its defaults, or takes what is written.
fn switch<T: Copy + Default>(setting: &mut Option<T>, raw: Option<&Switch<T>>) {
    match raw {
        None => {}
        Some(Switch::Set(false)) => *setting = None,
        Some(Switch::Set(true)) => *setting = Some(T::default()),
        Some(Switch::With(written)) => *setting = Some(*written),
    }
}
