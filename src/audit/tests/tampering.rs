//! What somebody, or a disk, may do to journals: each is found or makes them prove nothing, and what cannot be found has a name.

use super::*;

/// Three leads that were acknowledged and delivered, one that waits, one that was refused.
fn history() -> History {
    let mut history = History { keyed: true, ..History::default() };
    for number in 0..3 {
        history.lead(number, &format!("user-{number}@acme.test"), Fate::Acknowledged, [End::Delivered; 3]);
    }
    history.lead(3, "waits@acme.test", Fate::Acknowledged, [End::Queued; 3]);
    history.lead(4, "refused@acme.test", Fate::Refused, [End::Queued; 3]);
    history
}

/// What is done to the lines of a file.
type Tampering = (&'static str, fn(&mut Vec<String>));

const TAMPERINGS: [Tampering; 17] = [
    ("a line is deleted", |lines| drop(lines.remove(3))),
    ("the first line is deleted", |lines| drop(lines.remove(0))),
    ("the last entry is deleted", |lines| drop(lines.remove(lines.len() - 2))),
    ("the count is deleted", |lines| drop(lines.pop())),
    ("a line is repeated", |lines| lines.insert(3, lines[2].clone())),
    ("the first line is repeated", |lines| lines.insert(0, lines[0].clone())),
    ("a line is repeated at the end", |lines| lines.push(lines[2].clone())),
    ("the count is repeated", |lines| lines.push(lines[lines.len() - 1].clone())),
    ("two lines change places", |lines| lines.swap(2, 3)),
    ("all lines are turned round", |lines| lines.reverse()),
    ("a line takes another's place", |lines| lines[3] = lines[2].clone()),
    ("it is cut in the middle of a line", |lines| {
        lines.truncate(4);
        lines[3].truncate(20);
    }),
    ("it is cut at the end of a line", |lines| lines.truncate(4)),
    ("it is cut down to a line", |lines| lines.truncate(1)),
    ("it is cut at both ends", |lines| {
        lines.truncate(5);
        lines.remove(0);
    }),
    ("the end of it is cut, and the count is kept", |lines| drop(lines.drain(4..lines.len() - 1))),
    ("it is emptied", Vec::clear),
];

/// Does that to the files of these names.
fn tamper(dir: &Path, names: &[&str], tampering: fn(&mut Vec<String>)) {
    for name in names {
        let path = dir.join(name);
        let text = std::fs::read_to_string(&path).unwrap();
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        tampering(&mut lines);
        // Cut in the middle of a line: there is no line end either.
        let end = if lines.last().is_none_or(|last| last.ends_with('}')) { "\n" } else { "" };
        std::fs::write(path, lines.join("\n") + end).unwrap();
    }
}

/// Whether journals that were treated so pass.
fn passes(names: &[&str], tampering: fn(&mut Vec<String>)) -> bool {
    let dir = tempfile::tempdir().unwrap();
    let journals = history().write(dir.path(), true);
    tamper(dir.path(), names, tampering);
    audit(&journals, &AuditOptions::default()).is_ok_and(|audit| audit.passed())
}

#[test]
fn no_journal_that_was_tampered_with_passes() {
    assert!(passes(&[], |_| {}), "untouched");
    for (what, tampering) in TAMPERINGS {
        for names in [
            &[DRIVER][..],
            &[VENDORS],
            &[PLACES],
            &[DRIVER, VENDORS],
            &[DRIVER, PLACES],
            &[VENDORS, PLACES],
            &[DRIVER, VENDORS, PLACES],
        ] {
            assert!(!passes(names, tampering), "{what}: {names:?}");
        }
    }
}

/// The lines of the leads that are wanted, numbered and counted anew.
fn only(history: &History, wanted: impl Fn(&str) -> bool) -> History {
    let of_lead = |entry: &DriverEntry| match entry {
        DriverEntry::Submitted { key, .. } | DriverEntry::Answered { key, .. } => wanted(key),
    };
    let places: Vec<RestingEntry> = history.places.iter().filter(|place| wanted(&place.lead)).cloned().collect();
    let is_known = |entry: &&VendorEntry| places.iter().any(|place| Some(&place.key) == entry.idempotency_key.as_ref());
    History {
        driver: history.driver.iter().filter(|entry| of_lead(entry)).cloned().collect(),
        vendors: history.vendors.iter().filter(is_known).cloned().collect(),
        places: places.clone(),
        ..history.clone()
    }
}

#[test]
fn what_is_done_for_leads_that_the_driver_does_not_know_proves_nothing() {
    let whole = history();
    let first = format!("{:064x}", 0);
    // A driver's journal of one lead, by somebody who numbers and counts: the vendors and the service know more.
    let forged = History { driver: only(&whole, |key| key == first).driver, ..whole.clone() };
    let audit = forged.audit();
    assert_eq!(audit.verdict, Verdict::NotProven, "{audit}");
    assert!(audit.to_string().contains("6 effects at the vendors are of leads that are not in the driver's journal"), "{audit}");
    // Cut, it cannot even say that they were never submitted.
    let dir = tempfile::tempdir().unwrap();
    let journals = whole.write(dir.path(), false);
    tamper(dir.path(), &[DRIVER], |lines| lines.truncate(2));
    let audit = super::audit(&journals, &AuditOptions::default()).unwrap();
    assert_eq!(audit.verdict, Verdict::NotProven, "{audit}");
    assert!(audit.to_string().contains("the driver's journal does not end with the count of its entries"), "{audit}");
}

#[test]
fn a_lead_that_is_taken_out_of_every_journal_cannot_be_found() {
    let lost = format!("{:064x}", 1);
    assert!(only(&history(), |key| key != lost).audit().passed(), "this is documented as undecidable");
}

#[test]
fn a_simulator_that_is_started_anew_begins_another_part() {
    let dir = tempfile::tempdir().unwrap();
    let journals = history().write(dir.path(), true);
    let path = dir.path().join(VENDORS);
    let first = std::fs::read_to_string(&path).unwrap();
    let nothing = "{\"line\":1,\"at_us\":1,\"effects\":[]}\n{\"entries\":1}\n";
    std::fs::write(&path, format!("{first}{nothing}")).unwrap();
    assert!(audit(&journals, &AuditOptions::default()).unwrap().passed());
    // The first one was killed.
    let killed = first.lines().filter(|line| !line.starts_with("{\"entries\""));
    std::fs::write(&path, killed.map(|line| format!("{line}\n")).collect::<String>() + nothing).unwrap();
    assert_eq!(audit(&journals, &AuditOptions::default()).unwrap().verdict, Verdict::NotProven);
}

#[test]
fn journals_without_numbers_are_judged_by_their_count() {
    let strip = |lines: &mut Vec<String>| {
        for line in lines.iter_mut().filter(|line| line.starts_with("{\"line\":")) {
            *line = format!("{{{}", line.split_once(',').unwrap().1);
        }
    };
    assert!(passes(&[DRIVER, VENDORS, PLACES], strip));
    for name in [DRIVER, VENDORS, PLACES] {
        assert!(
            !passes(&[name], |lines| {
                for line in lines.iter_mut().skip(2).filter(|line| line.starts_with("{\"line\":")) {
                    *line = format!("{{{}", line.split_once(',').unwrap().1);
                }
            }),
            "some have numbers: {name}"
        );
    }
}
