//! The pipelines: what the file sets, over the defaults of the reliability-patterns documents.

use std::time::Duration;

use super::form::{RawBackoff, RawBreaker, RawInFlight, RawPipeline, RawResilience, RawRetry, RawThrottle, RawWindow};
use crate::config::KeyPath;
use crate::config::Switch;
use crate::resilience::Resilience;
use crate::resilience::{
    Backoff, BreakerSettings, CreditSettings, FallbackStep, IdempotencySettings, InFlightSettings, LimiterSettings,
    PipelineSettings, RetrySettings, ThrottleSettings, Window,
};
use crate::units::format_duration;

use crate::config::Checker;

/// The longest wait for the limiter's turn when none is given.
const LIMITER_MAX_WAIT: Duration = Duration::from_secs(1);
/// A breaker's window when only its kind is given: resilience4j's order of size.
const WINDOW_CALLS: u32 = 10;
const WINDOW_SPAN: Duration = Duration::from_secs(20);
const CONSECUTIVE_FAILURES: u32 = 5;

/// Replaces a default by what is written.
fn set<T, R: Into<T>>(setting: &mut T, written: Option<R>) {
    if let Some(written) = written {
        *setting = written.into();
    }
}

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

    fn pipeline(&mut self, settings: &mut PipelineSettings, raw: &RawPipeline, place: &KeyPath) {
        set(&mut settings.timeout, raw.timeout);
        if settings.timeout.is_zero() {
            self.error(&place.key("timeout"), "the timeout must be greater than \"0s\"", "give one like \"10s\"");
        }
        switch(&mut settings.idempotency, raw.idempotency.as_ref(), |idempotency: &mut IdempotencySettings, raw| {
            set(&mut idempotency.ttl, raw.ttl);
            idempotency.capacity = raw.capacity.map_or(idempotency.capacity, |capacity| capacity as usize);
        });
        switch(&mut settings.credits, raw.credits.as_ref(), |credits: &mut CreditSettings, raw| {
            set(&mut credits.daily_limit, raw.daily_limit);
            set(&mut credits.per_lead, raw.per_lead);
            set(&mut credits.failure_threshold, raw.failure_threshold);
            set(&mut credits.cooldown, raw.cooldown);
            set(&mut credits.utc_offset_minutes, raw.utc_offset_minutes);
        });
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
        let in_flight = |settings: &mut InFlightSettings, raw: &RawInFlight| {
            set(&mut settings.max, raw.max);
            set(&mut settings.max_wait, raw.max_wait);
        };
        switch(&mut settings.in_flight, raw.in_flight.as_ref(), in_flight);
        let throttle_place = place.key("throttle");
        switch(&mut settings.throttle, raw.throttle.as_ref(), |throttle, raw| self.throttle(throttle, raw, &throttle_place));
        match &raw.retry {
            None | Some(Switch::Set(true)) => {}
            Some(Switch::Set(false)) => settings.retry.max_retries = 0,
            Some(Switch::With(raw)) => self.retry(&mut settings.retry, raw, &place.key("retry")),
        }
        let breaker_place = place.key("breaker");
        switch(&mut settings.breaker, raw.breaker.as_ref(), |breaker, raw| self.breaker(breaker, raw, &breaker_place));
        self.fallback(settings, raw, place);
        if let Some(raw) = &raw.health {
            set(&mut settings.health.window, raw.window);
            set(&mut settings.health.healthy_above, raw.healthy_above);
            set(&mut settings.health.degraded_above, raw.degraded_above);
            if settings.health.degraded_above > settings.health.healthy_above {
                let help = "healthy is above degraded: make `degraded_above` at most `healthy_above`";
                self.error(&place.key("health"), "nothing could be degraded", help);
            }
        }
        self.retention(settings, raw, place);
    }

    fn throttle(&mut self, throttle: &mut ThrottleSettings, raw: &RawThrottle, place: &KeyPath) {
        set(&mut throttle.ratio, raw.ratio);
        set(&mut throttle.window, raw.window);
        if throttle.window.is_zero() {
            self.error(&place.key("window"), "the window must be longer than \"0s\"", "give one above \"0s\", as in \"2m\"");
        }
    }

    /// A key must be remembered for as long as its operation may be tried. The error stands where the time is written that
    /// makes it too short, or else too long.
    fn retention(&mut self, settings: &PipelineSettings, raw: &RawPipeline, place: &KeyPath) {
        let (Some(needed), Some(idempotency)) = (settings.longer_retention(), settings.idempotency) else { return };
        let needed = format_duration(Duration::from_secs(needed.as_secs() + 1));
        let ttl = format_duration(idempotency.ttl);
        let is_written = matches!(&raw.idempotency, Some(Switch::With(idempotency)) if idempotency.ttl.is_some());
        let (place, help) = if is_written {
            (place.key("idempotency").key("ttl"), format!("make it at least \"{needed}\""))
        } else {
            let long = [("queue", raw.queue.is_some()), ("retry", raw.retry.is_some()), ("limiter", raw.limiter.is_some())];
            let place = long.iter().find(|(_, is_there)| *is_there).map_or(place.clone(), |(key, _)| place.key(key));
            (place, format!("try for a shorter time, or add `idempotency = {{ ttl = \"{needed}\" }}`"))
        };
        let message = format!("a key is remembered for {ttl}, but its operation may be retried for {needed}");
        self.error(&place, message, help);
    }

    fn retry(&mut self, retry: &mut RetrySettings, raw: &RawRetry, place: &KeyPath) {
        set(&mut retry.max_retries, raw.max_retries);
        set(&mut retry.base_delay, raw.base_delay);
        set(&mut retry.max_delay, raw.max_delay);
        set(&mut retry.budget_ratio, raw.budget_ratio);
        retry.deadline = raw.deadline.map(Duration::from);
        if retry.deadline.is_some_and(|deadline| deadline.is_zero()) {
            self.error(
                &place.key("deadline"),
                "the deadline must be greater than \"0s\"",
                "give one like \"30s\", or leave it out",
            );
        }
        retry.budget_tokens = raw.budget_tokens;
        retry.backoff = match raw.backoff {
            Some(RawBackoff::None) => Backoff::None,
            Some(RawBackoff::Full) => Backoff::Full,
            Some(RawBackoff::Equal) => Backoff::Equal,
            Some(RawBackoff::Decorrelated) => Backoff::Decorrelated,
            None | Some(RawBackoff::Proportional) => match raw.jitter {
                Some(up_to) => Backoff::Proportional { up_to },
                None => RetrySettings::default().backoff,
            },
        };
        if raw.jitter.is_some() && !matches!(retry.backoff, Backoff::Proportional { .. }) {
            let help = "leave it out, or use `backoff = \"proportional\"`";
            self.error(&place.key("jitter"), "`jitter` belongs to proportional back-off", help);
        }
        if raw.budget_ratio.is_some() && raw.budget_tokens.is_none() {
            self.error(&place.key("budget_ratio"), "there is no retry budget", "add `budget_tokens = 10`, or leave this out");
        }
        if retry.base_delay > retry.max_delay {
            let key = if raw.base_delay.is_some() { "base_delay" } else { "max_delay" };
            self.error(&place.key(key), "the first wait is longer than the longest", "make `base_delay` at most `max_delay`");
        }
    }

    fn breaker(&mut self, breaker: &mut BreakerSettings, raw: &RawBreaker, place: &KeyPath) {
        let window = raw.window.unwrap_or(RawWindow::Consecutive);
        let (owner, keys): (_, &[&str]) = match window {
            RawWindow::Consecutive => ("window `consecutive`", &["failures"]),
            RawWindow::Count => ("window `count`", &["calls", "minimum_calls", "failure_rate"]),
            RawWindow::Time => ("window `time`", &["span", "minimum_calls", "failure_rate"]),
        };
        self.refuse_keys(place, owner, &["failures", "calls", "span", "minimum_calls", "failure_rate"], keys);
        breaker.window = match window {
            RawWindow::Consecutive => Window::Consecutive { failures: raw.failures.unwrap_or(CONSECUTIVE_FAILURES) },
            RawWindow::Count => Window::Count { calls: raw.calls.unwrap_or(WINDOW_CALLS) },
            RawWindow::Time => Window::Time { span: raw.span.map_or(WINDOW_SPAN, Duration::from) },
        };
        breaker.mode = raw.mode.unwrap_or_default();
        set(&mut breaker.minimum_calls, raw.minimum_calls);
        set(&mut breaker.failure_rate, raw.failure_rate);
        set(&mut breaker.slow_rate, raw.slow_rate);
        set(&mut breaker.cooldown, raw.cooldown);
        set(&mut breaker.cooldown_jitter, raw.cooldown_jitter);
        set(&mut breaker.half_open_permits, raw.half_open_permits);
        set(&mut breaker.success_threshold, raw.success_threshold);
        set(&mut breaker.half_open_max, raw.half_open_max);
        breaker.slow_call = raw.slow_call.map(Duration::from);
        if raw.slow_rate.is_some() && raw.slow_call.is_none() {
            self.error(
                &place.key("slow_rate"),
                "no call is slow without `slow_call`",
                "add `slow_call = \"4s\"`, or leave this out",
            );
        }
        if let Window::Count { calls } = breaker.window
            && breaker.minimum_calls > calls
        {
            let message = format!("a window of {calls} calls never holds {}", breaker.minimum_calls);
            let key = if raw.minimum_calls.is_some() { "minimum_calls" } else { "calls" };
            self.error(&place.key(key), message, "make `minimum_calls` at most `calls`");
        }
        for (key, span) in [("cooldown", raw.cooldown), ("span", raw.span), ("half_open_max", raw.half_open_max)] {
            if span.is_some_and(|period| period.0.is_zero()) {
                self.error(&place.key(key), "this must be greater than \"0s\"", "give one above \"0s\"");
            }
        }
    }

    fn fallback(&mut self, settings: &mut PipelineSettings, raw: &RawPipeline, place: &KeyPath) {
        let fallback = &mut settings.fallback;
        if let Some(steps) = &raw.fallback {
            fallback.steps.clone_from(steps);
            for (index, step) in fallback.steps.iter().enumerate() {
                if fallback.steps[..index].contains(step) {
                    self.error(&place.key("fallback").item(index), "this step is named twice", "name each step once");
                } else if fallback.steps[..index].contains(&FallbackStep::Drop) {
                    let help = "put \"drop\" last, or leave it out";
                    self.error(&place.key("fallback").item(index), "no step runs after \"drop\"", help);
                }
            }
        }
        if let Some(raw) = &raw.queue {
            set(&mut fallback.queue_attempts, raw.attempts);
            set(&mut fallback.queue_base_delay, raw.base_delay);
            set(&mut fallback.drain_pacing, raw.drain_pacing);
            set(&mut fallback.redrive_pacing, raw.redrive_pacing);
            let sizes = [
                (&mut fallback.queue_capacity, raw.capacity),
                (&mut fallback.dead_letter_capacity, raw.dead_letter_capacity),
                (&mut fallback.cache_capacity, raw.cache_capacity),
            ];
            for (setting, written) in sizes {
                *setting = written.map_or(*setting, |size| size as usize);
            }
        }
    }
}

/// Leaves a pattern out, puts it in with its defaults, or changes what is written.
fn switch<T: Default, R>(setting: &mut Option<T>, raw: Option<&Switch<R>>, change: impl FnOnce(&mut T, &R)) {
    match raw {
        None => {}
        Some(Switch::Set(false)) => *setting = None,
        Some(Switch::Set(true)) => *setting = Some(setting.take().unwrap_or_default()),
        Some(Switch::With(raw)) => change(setting.get_or_insert_default(), raw),
    }
}
