//! Random labels, series and seconds, for the property tests here and of the result.

use std::collections::BTreeMap;

use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use crate::event::BreakerState;
use crate::outcome::{FailureKind, OperationCounts, Peer, Vendor};

use super::{Gauges, GeneratorSample, Interval, Labels, ProcessSample, SampleKind, Second, Series, UserTags};
use crate::plan::Planned;

pub(crate) fn labels() -> impl Strategy<Value = Labels> {
    let kind = select(vec![SampleKind::Attempt, SampleKind::Iteration]);
    let failure = option::of(select(FailureKind::ALL.to_vec()));
    let name = prop_oneof!["[a-z_.]{1,16}", ".{0,12}"];
    let tags = btree_map("t_[a-z]{1,4}", "[a-z é=;:%]{0,6}[a-z]", 0..3).prop_map(|tags| UserTags::new(tags).unwrap_or_default());
    let own = (option::of("[a-z é;:]{1,6}"), tags);
    (kind, select(Peer::all().collect::<Vec<_>>()), name, any::<u16>(), failure, any::<u16>(), any::<bool>(), any::<bool>(), own)
        .prop_map(|(kind, vendor, name, status, failure, phase, under_fault, retry, (scenario, tags))| Labels {
            kind,
            vendor,
            name,
            status,
            failure,
            phase,
            under_fault,
            retry,
            scenario,
            tags,
        })
}

pub(crate) fn series() -> impl Strategy<Value = Series> {
    let duration = prop_oneof![0_u64..5_000, 0..10_000_000_u64, Just(super::HIGHEST_US)];
    vec((duration, 0_u64..100_000), 1..40).prop_map(|samples| {
        let mut series = Series::new();
        samples.into_iter().for_each(|(us, bytes)| series.record(us, bytes));
        series
    })
}

fn gauges() -> impl Strategy<Value = Gauges> {
    let state = select(vec![
        BreakerState::Closed,
        BreakerState::Open,
        BreakerState::HalfOpen,
        BreakerState::ForcedOpen,
        BreakerState::Disabled,
    ]);
    let breakers = btree_map(select(vec![Vendor::Clay, Vendor::CustomerIo]), state, 0..=2);
    (any::<u32>(), any::<[u64; 4]>(), breakers, any::<[u64; 9]>()).prop_map(|(users, counts, breakers, leads)| {
        let [queue_depth, dead_letters, credits_reserved, in_flight] = counts;
        let credits_used = (users % 2 == 0).then_some(credits_reserved / 2);
        let [submitted, delivered, duplicate, degraded, queued, dead_lettered, rejected, unacknowledged, lost] = leads;
        #[rustfmt::skip]
        let operations = OperationCounts { submitted, delivered, duplicate, degraded, queued, dead_lettered, rejected, unacknowledged, lost };
        Gauges { users, peak_users: 0, queue_depth, dead_letters, credits_used, credits_reserved, in_flight, breakers, operations }
    })
}

/// What the processes `harness` and `simulator` used, each known or not.
fn processes() -> impl Strategy<Value = Vec<ProcessSample>> {
    let used = || option::of((0.0..100.0_f64, any::<u64>()));
    (used(), used()).prop_map(|(harness, simulator)| {
        let known = [("harness", harness), ("simulator", simulator)];
        let sample = |(role, used): (&str, Option<(f64, u64)>)| {
            used.map(|(cpu_percent, memory_bytes)| ProcessSample { role: role.to_owned(), cpu_percent, memory_bytes })
        };
        known.into_iter().filter_map(sample).collect()
    })
}

fn generator() -> impl Strategy<Value = GeneratorSample> {
    (any::<[u64; 3]>(), option::of(any::<u64>())).prop_map(|([late_us, suspended_us, clock_step_us], run_queue_us)| {
        GeneratorSample { late_us, run_queue_us, suspended_us, clock_step_us }
    })
}

/// A second that says nothing of any series.
pub(crate) fn second() -> impl Strategy<Value = Second> {
    let lengths = (0_u64..100_000_000_000, 0_u64..2_000_000);
    (lengths, (any::<u32>(), 0.0..1e6_f64), any::<u16>(), any::<[u64; 10]>(), gauges(), (processes(), generator())).prop_map(
        |((start_us, length_us), (users, rate), phase, numbers, gauges, (processes, generator))| {
            let [requests, failures, rate_limited, iterations, iterations_failed, bytes, p50_us, p95_us, p99_us, max_us] =
                numbers;
            Second {
                start_us,
                length_us,
                planned: Planned { users, rate, ..Planned::default() },
                phase,
                requests,
                failures,
                rate_limited,
                iterations,
                iteration_us: 0,
                iterations_failed,
                bytes,
                p50_us,
                p95_us,
                p99_us,
                max_us,
                gauges,
                processes,
                generator,
            }
        },
    )
}

/// A run's worth of intervals, one after the other.
pub(crate) fn intervals() -> impl Strategy<Value = Vec<Interval>> {
    let interval = (btree_map(labels(), series(), 0..4), second());
    vec(interval, 0..5).prop_map(|intervals| {
        let mut start_us = 0;
        let chain = |(series, observed): (BTreeMap<Labels, Series>, Second)| {
            let mut interval = Interval::new(start_us, observed.length_us, series);
            start_us += observed.length_us;
            interval.second.gauges = observed.gauges;
            interval.second.processes = observed.processes;
            interval.second.phase = observed.phase;
            interval
        };
        intervals.into_iter().map(chain).collect()
    })
}
