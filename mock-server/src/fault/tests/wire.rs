//! What faults make of an answer on its way, alone and together.

use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::fault::active::{ActiveFault, ActiveFaults};
use crate::wire::{End, Script, Step};

const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// Alters an answer with this body by faults in force, in the order in which they compose, and gives those that did something.
fn altered_by(kinds: &[FaultKind], body: &'static [u8]) -> (Script, Vec<&'static str>) {
    let now = Instant::now();
    let faults = kinds.iter().enumerate().fold(ActiveFaults::default(), |faults, (index, kind)| {
        let fault = Fault::new(kind.name(), kind.clone());
        faults.with(ActiveFault::begin(&fault, index, Seed(1), SimulatedVendor::Clay, now))
    });
    let mut script = Script::answer(Bytes::from_static(body));
    let did = faults
        .0
        .iter()
        .filter(|fault| fault.alter(&mut script, Instant::now()))
        .map(|fault| fault.name.clone())
        .collect::<Vec<_>>();
    let names = did.iter().map(|name| kinds.iter().find(|kind| kind.name() == &**name).unwrap().name()).collect();
    (script, names)
}

fn altered(kind: FaultKind, body: &'static [u8]) -> Option<Script> {
    let (script, did) = altered_by(&[kind], body);
    if did.is_empty() {
        assert_eq!(script, Script::answer(Bytes::from_static(body)), "what did nothing changed nothing");
        return None;
    }
    Some(script)
}

fn piece(bytes: &'static [u8]) -> Step {
    Step::Body(Bytes::from_static(bytes))
}

fn body_of(script: &Script) -> Vec<u8> {
    script
        .steps
        .iter()
        .filter_map(|step| if let Step::Body(bytes) = step { Some(bytes.to_vec()) } else { None })
        .flatten()
        .collect()
}

fn waits(script: &Script) -> Duration {
    script.steps.iter().filter_map(|step| if let Step::Wait(pause) = step { Some(*pause) } else { None }).sum()
}

const WITHIN: FaultKind = FaultKind::Reset { when: ResetPoint::Within { bytes: Some(4) } };

#[test]
fn whether_the_vendor_is_asked_is_the_kinds() {
    for (kind, asked) in [
        (FaultKind::LostAnswer { how: LostAnswer::Close }, true),
        (FaultKind::Hang, false),
        (FaultKind::Reset { when: ResetPoint::Before }, false),
        (WITHIN, true),
        (FaultKind::Reset { when: ResetPoint::After }, true),
        (FaultKind::Malformed { how: Malformed::Head }, true),
        (FaultKind::Truncate { bytes: 0 }, true),
        (FaultKind::SlowBody { chunk: 1, pause: ms(1) }, true),
        (FaultKind::Bandwidth { bytes_per_second: 1 }, true),
    ] {
        let verdict = judge(kind.clone(), &clay());
        assert!(matches!(verdict, Verdict::Wire { asks_vendor } if asks_vendor == asked), "{kind:?}: {verdict:?}");
    }
}

#[test]
fn of_an_answer_that_is_lost_nothing_comes() {
    for (kind, end) in [
        (FaultKind::LostAnswer { how: LostAnswer::Close }, End::Close),
        (FaultKind::LostAnswer { how: LostAnswer::Reset }, End::Reset),
        (FaultKind::LostAnswer { how: LostAnswer::Hang }, End::Hang),
        (FaultKind::Hang, End::Hang),
        (FaultKind::Reset { when: ResetPoint::Before }, End::Reset),
    ] {
        assert_eq!(altered(kind, b"{}\n"), Some(Script { steps: Vec::new(), end, content_length: None }));
    }
}

#[test]
fn a_reset_comes_within_or_after_an_answer() {
    let within = altered(WITHIN, b"0123456789").unwrap();
    assert_eq!(within, Script { steps: vec![Step::Head, piece(b"0123")], end: End::Reset, content_length: Some(10) });
    let half = altered(FaultKind::Reset { when: ResetPoint::Within { bytes: None } }, b"0123456789").unwrap();
    assert_eq!((body_of(&half).as_slice(), half.end), (&b"01234"[..], End::Reset));
    let after = altered(FaultKind::Reset { when: ResetPoint::After }, b"01").unwrap();
    assert_eq!(after, Script { steps: vec![Step::Head, piece(b"01")], end: End::Reset, content_length: None });
    // An answer that is over by then is not reset.
    assert_eq!(altered(WITHIN, b"0123"), None);
    assert_eq!(altered(FaultKind::Reset { when: ResetPoint::Within { bytes: None } }, b""), None);
}

#[test]
fn a_truncated_answer_promises_what_does_not_come() {
    let cut = altered(FaultKind::Truncate { bytes: 3 }, b"0123456789").unwrap();
    assert_eq!(cut, Script { steps: vec![Step::Head, piece(b"012")], end: End::Close, content_length: Some(10) });
    let head_only = altered(FaultKind::Truncate { bytes: 0 }, b"01").unwrap();
    assert_eq!(head_only, Script { steps: vec![Step::Head], end: End::Close, content_length: Some(2) });
    assert_eq!(altered(FaultKind::Truncate { bytes: 10 }, b"0123456789"), None);
    assert_eq!(altered(FaultKind::Truncate { bytes: 0 }, b""), None);
}

#[test]
fn a_slow_body_pauses_between_its_pieces() {
    let slow = altered(FaultKind::SlowBody { chunk: 2, pause: ms(100) }, b"01234").unwrap();
    let pause = Step::Wait(ms(100));
    assert_eq!(slow.steps, [Step::Head, piece(b"01"), pause.clone(), piece(b"23"), pause, piece(b"4")]);
    assert_eq!((slow.end, slow.content_length), (End::Close, None));
    assert_eq!(altered(FaultKind::SlowBody { chunk: 5, pause: ms(100) }, b"01234"), None);
}

#[test]
fn bandwidth_gives_every_byte_its_time() {
    // 2 bytes every 50 ms.
    let narrow = altered(FaultKind::Bandwidth { bytes_per_second: 40 }, b"01234").unwrap();
    let steps = [Step::Head, Step::Wait(ms(50)), piece(b"01"), Step::Wait(ms(50)), piece(b"23"), Step::Wait(ms(25)), piece(b"4")];
    assert_eq!(narrow.steps, steps);
    // Slower than a piece every 50 ms: one byte at a time.
    let slowest = altered(FaultKind::Bandwidth { bytes_per_second: 1 }, b"012").unwrap();
    assert_eq!((slowest.steps.len(), waits(&slowest)), (7, ms(3_000)));
    assert_eq!(altered(FaultKind::Bandwidth { bytes_per_second: 1 }, b""), None);
}

#[test]
fn malformed_answers_are_malformed_in_their_way() {
    let how = |how, body| altered(FaultKind::Malformed { how }, body);
    let whole = |body| vec![Step::Head, piece(body)];
    let json = how(Malformed::Json, br#"{"message":"ok"}"#).unwrap();
    assert_eq!(json, Script { steps: whole(br#"{"messag"#), end: End::Close, content_length: None });
    let head = how(Malformed::Head, b"{}").unwrap();
    assert!(matches!(&head.steps[..], [Step::Raw(bytes)] if !bytes.starts_with(b"HTTP")), "{head:?}");
    let long = how(Malformed::ContentLengthTooLong, b"{}").unwrap();
    assert_eq!(long, Script { steps: whole(b"{}"), end: End::Close, content_length: Some(102) });
    let short = how(Malformed::ContentLengthTooShort, b"{}\n").unwrap();
    assert_eq!(short, Script { steps: whole(b"{}\n"), end: End::Close, content_length: Some(1) });
    assert_eq!(how(Malformed::Json, b"<html>"), None, "it is no JSON already");
    assert_eq!(how(Malformed::Json, b""), None);
    assert_eq!(how(Malformed::ContentLengthTooShort, b""), None);
}

#[test]
fn a_truncated_body_drips_at_its_bandwidth() {
    let kinds = [
        FaultKind::Bandwidth { bytes_per_second: 20 },
        FaultKind::SlowBody { chunk: 2, pause: ms(500) },
        FaultKind::Truncate { bytes: 4 },
    ];
    let (script, did) = altered_by(&kinds, b"0123456789");
    assert_eq!(did, ["truncate", "slow_body", "bandwidth"]);
    let (byte, pause) = (Step::Wait(ms(50)), Step::Wait(ms(500)));
    let first = [Step::Head, byte.clone(), piece(b"0"), byte.clone(), piece(b"1"), pause];
    let second = [byte.clone(), piece(b"2"), byte, piece(b"3")];
    assert_eq!(script.steps, [&first[..], &second[..]].concat());
    assert_eq!((script.end, script.content_length), (End::Close, Some(10)));
}

#[test]
fn a_reset_keeps_its_end_when_the_body_is_cut_before_it() {
    let (script, did) = altered_by(&[FaultKind::Truncate { bytes: 2 }, WITHIN], b"0123456789");
    assert_eq!(did, ["reset", "truncate"]);
    assert_eq!(script, Script { steps: vec![Step::Head, piece(b"01")], end: End::Reset, content_length: Some(10) });
    let (script, did) = altered_by(&[FaultKind::Truncate { bytes: 7 }, WITHIN], b"0123456789");
    assert_eq!((did.as_slice(), body_of(&script).as_slice()), (&["reset"][..], &b"0123"[..]), "nothing is left to be cut");
}

#[test]
fn what_is_lost_cannot_be_altered_further() {
    let others = [
        FaultKind::Hang,
        FaultKind::Reset { when: ResetPoint::Before },
        FaultKind::Malformed { how: Malformed::Head },
        FaultKind::Truncate { bytes: 0 },
        FaultKind::SlowBody { chunk: 1, pause: ms(1) },
        FaultKind::Bandwidth { bytes_per_second: 1 },
    ];
    let lost = FaultKind::LostAnswer { how: LostAnswer::Close };
    let (script, did) = altered_by(&[&others[..], &[lost]].concat(), b"{}\n");
    assert_eq!(did, ["lost_answer"]);
    assert_eq!(script, Script { steps: Vec::new(), end: End::Close, content_length: None });
    for how in [Malformed::Json, Malformed::ContentLengthTooLong, Malformed::ContentLengthTooShort] {
        assert_eq!(altered_by(&[FaultKind::Hang, FaultKind::Malformed { how }], b"{}\n").1, ["hang"]);
    }
    assert_eq!(altered_by(&[FaultKind::Hang, FaultKind::Reset { when: ResetPoint::After }], b"{}\n").1, ["hang"]);
}

#[test]
fn a_wrong_length_stays_wrong_when_the_body_is_cut() {
    let long = FaultKind::Malformed { how: Malformed::ContentLengthTooLong };
    let (script, did) = altered_by(&[long, FaultKind::Truncate { bytes: 1 }], b"{}");
    assert_eq!((did.len(), body_of(&script).as_slice(), script.content_length), (2, &b"{"[..], Some(102)));
}

#[test]
fn a_large_body_is_taken_apart_into_a_bounded_number_of_pieces() {
    static LARGE: [u8; 1 << 20] = [b'x'; 1 << 20];
    for kind in [FaultKind::SlowBody { chunk: 1, pause: ms(1) }, FaultKind::Bandwidth { bytes_per_second: 1 }] {
        let script = altered(kind, &LARGE).unwrap();
        assert!(script.steps.len() <= 2 * (1 << 16) + 1, "{}", script.steps.len());
        assert_eq!(body_of(&script).len(), LARGE.len());
    }
    let narrow = altered(FaultKind::Bandwidth { bytes_per_second: 1 << 20 }, &LARGE).unwrap();
    assert_eq!(waits(&narrow), ms(1_000));
}

fn any_wire_kind() -> impl Strategy<Value = FaultKind> {
    prop_oneof![
        (0_u64..40).prop_map(|bytes| FaultKind::Truncate { bytes }),
        (1_u64..9, 1_u64..50).prop_map(|(chunk, pause)| FaultKind::SlowBody { chunk, pause: ms(pause) }),
        (1_u64..2_000).prop_map(|bytes_per_second| FaultKind::Bandwidth { bytes_per_second }),
        proptest::option::of(0_u64..40).prop_map(|bytes| FaultKind::Reset { when: ResetPoint::Within { bytes } }),
        Just(FaultKind::Reset { when: ResetPoint::After }),
        Just(FaultKind::LostAnswer { how: LostAnswer::Reset }),
        Just(FaultKind::Malformed { how: Malformed::ContentLengthTooLong }),
    ]
}

proptest! {
    /// Whatever is combined, what comes is the beginning of the body, and it never comes faster than the slowest fault lets it.
    #[test]
    fn what_comes_is_the_beginning_of_the_answer(kinds in proptest::collection::vec(any_wire_kind(), 1..6)) {
        const BODY: &[u8] = br#"{"message":"thirty-four bytes, ok"}"#;
        let (script, _) = altered_by(&kinds, BODY);
        let came = body_of(&script);
        prop_assert!(BODY.starts_with(&came));
        for kind in &kinds {
            match kind {
                FaultKind::Truncate { bytes } => prop_assert!(came.len() as u64 <= *bytes),
                FaultKind::Bandwidth { bytes_per_second } => {
                    let least = came.len() as f64 / *bytes_per_second as f64;
                    prop_assert!(waits(&script).as_secs_f64() >= least - 1e-6);
                }
                FaultKind::LostAnswer { .. } => prop_assert!(script.steps.is_empty()),
                _ => {}
            }
        }
    }
}
