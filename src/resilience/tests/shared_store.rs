//! Several replicas on one store, a store that answers late, and a pipeline that is stopped.

use crate::resilience::queue::Drained;
use crate::resilience::queue::Redriven;
use crate::resilience::queue::backlog::Backlog;
use crate::resilience::settings::CreditSettings;

use super::durable_drain::{Service, service, slow};
use super::*;

/// An operation of a lead.
fn of_lead(number: u32) -> Operation {
    Operation { lead: Some(format!("{number:064x}")), ..lead(number) }
}

/// Another replica of a service, on the same store.
fn replica(of: &Service, settings: PipelineSettings) -> Pipeline<Arc<Script>, super::durable_drain::Keeping> {
    let log = Arc::new(Log::default());
    let rng = Seed(2).stream("replica");
    Pipeline::with_backlog(settings, of.vendor.clone(), of.store.clone(), emitter(of.start, &log), of.wall, rng)
}

#[tokio::test(start_paused = true)]
async fn a_letter_that_another_replica_gave_up_again_is_redriven_and_not_taken_for_a_copy() {
    let settings = PipelineSettings { breaker: None, ..no_retries() };
    let first = service(settings.clone());
    let second = replica(&first, settings);
    first.vendor.then(status(422));
    first.accept(of_lead(1)).await;
    assert_eq!(first.pipeline.drain_once().await, Drained::DeadLettered);
    for round in 1..=2 {
        let moved = Redriven { moved: 1, ..Redriven::default() };
        assert_eq!(first.pipeline.redrive().await, Ok(moved), "round {round}");
        assert_eq!(second.drain_once().await, Drained::DeadLettered, "round {round}");
        assert_eq!(first.store.counts(), (0, 1), "round {round}");
        tokio::time::advance(Duration::from_secs(60)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_letter_that_fails_again_at_once_is_redriven_once_by_one_redrive() {
    let service = service(PipelineSettings { breaker: None, ..no_retries() });
    service.vendor.then(status(422));
    service.accept_leads(5).await;
    let drain = tokio::spawn({
        let pipeline = Arc::clone(&service.pipeline);
        async move {
            loop {
                pipeline.drain_once().await;
                tokio::task::yield_now().await;
            }
        }
    });
    while service.store.counts() != (0, 5) {
        tokio::task::yield_now().await;
    }
    assert_eq!(service.pipeline.redrive().await, Ok(Redriven { moved: 5, ..Redriven::default() }));
    drain.abort();
}

#[tokio::test(start_paused = true)]
async fn what_another_replica_delivered_is_not_remembered_for_ever() {
    let settings = PipelineSettings { breaker: None, ..no_retries() };
    let first = service(settings.clone());
    let second = replica(&first, settings);
    first.vendor.next([status(422)]);
    first.accept(of_lead(1)).await;
    assert_eq!(first.pipeline.drain_once().await, Drained::DeadLettered);
    first.pipeline.redrive().await.expect("a working store");
    assert_eq!(second.drain_once().await, Drained::Delivered);
    let marks = first.pipeline.shared.idempotency.as_ref().expect("by default").sizes();
    assert_eq!(marks, (0, 0));
}

#[tokio::test(start_paused = true)]
async fn an_entry_whose_lease_ended_while_the_store_stalled_is_sent_by_one_worker() {
    let service = service(PipelineSettings { credits: Some(CreditSettings::default()), ..plain() });
    service.vendor.then(slow(5));
    service.accept(lead(1)).await;
    let stall = Arc::clone(&service.store.stall).lock_owned().await;
    let work = service.work(3);
    tokio::time::sleep(Duration::from_secs(150)).await;
    drop(stall);
    tokio::time::sleep(Duration::from_secs(600)).await;
    work.abort();
    assert_eq!((service.vendor.count(), service.ends().len(), service.store.counts()), (1, 1, (0, 0)));
}

#[tokio::test(start_paused = true)]
async fn nothing_is_leased_after_a_stop() {
    let service = service(plain());
    service.accept(lead(1)).await;
    assert!(service.pipeline.stop(Duration::ZERO).await, "nothing was leased");
    assert_eq!(service.pipeline.drain_once().await, Drained::Released);
    assert_eq!((service.vendor.count(), service.store.counts()), (0, (1, 0)));
}
