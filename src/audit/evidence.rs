//! The evidence of the examples: every line of every journal about them.
//!
//! "Three leads lost" does not help to find out how. So the journals are read once more, for a few leads, and their lines
//! about each are collected: when it was submitted and acknowledged, each attempt at the vendor, and its resting state.

use std::collections::HashMap;

use crate::journal::{Answered, DriverEntry, JournalError, JournalReader, Line, RestingEntry, VendorEntry};
use crate::resilience::OperationKind;

use super::finding::{Evidence, Example, JournalName};
use super::id::Id;
use super::join::Case;
use super::options::Journals;
use super::state::{LineNumber, NO_LEAD, State, line_number};

/// Most lines of one journal in an example: those of a lead that was tried for hours are alike.
const MOST_LINES: usize = 40;

/// Which examples a line belongs to.
#[derive(Debug, Default)]
struct Wanted {
    leads: HashMap<Id, Vec<usize>>,
    keys: HashMap<Id, Vec<usize>>,
    vendor_lines: HashMap<LineNumber, Vec<usize>>,
    place_lines: HashMap<LineNumber, Vec<usize>>,
}

/// Examples by the users of their leads.
type Users = HashMap<Id, Vec<usize>>;

/// Collects the lines about each case.
pub(super) fn collect(state: &State, cases: &[Case], journals: &Journals) -> Result<Vec<Example>, JournalError> {
    let mut examples = vec![Example::default(); cases.len()];
    let wanted = wanted(state, cases, &mut examples);
    let mut users = Users::new();
    if !wanted.leads.is_empty() {
        users = collect_driver(&wanted, journals, &mut examples)?;
    }
    if !(wanted.keys.is_empty() && wanted.vendor_lines.is_empty()) {
        collect_vendors(state, &wanted, &users, journals, &mut examples)?;
    }
    if !wanted.keys.is_empty() {
        collect_places(&wanted, journals, &mut examples)?;
    }
    let read = [Some(JournalName::Driver), Some(JournalName::Vendors), journals.places.as_ref().map(|_| JournalName::Places)];
    for example in &mut examples {
        let says = |name: &JournalName| example.story.iter().any(|evidence| evidence.journal == *name);
        example.absent = read.into_iter().flatten().filter(|name| !says(name)).collect();
    }
    Ok(examples)
}

fn wanted(state: &State, cases: &[Case], examples: &mut [Example]) -> Wanted {
    let mut wanted = Wanted::default();
    for (number, case) in cases.iter().enumerate() {
        let op = case.op.map(|op| &state.ops[op as usize]);
        if let Some(op) = op {
            examples[number].operation = Some(op.kind.as_str().to_owned());
            wanted.keys.entry(op.id).or_default().push(number);
        }
        for lead in [op.map(|op| op.lead), case.lead].into_iter().flatten().filter(|&lead| lead != NO_LEAD) {
            let of = wanted.leads.entry(state.leads[lead as usize].id).or_default();
            if !of.contains(&number) {
                of.push(number);
            }
        }
        for &line in &case.vendor_lines {
            wanted.vendor_lines.entry(line).or_default().push(number);
        }
        for &line in &case.place_lines {
            wanted.place_lines.entry(line).or_default().push(number);
        }
    }
    wanted
}

fn collect_driver(wanted: &Wanted, journals: &Journals, examples: &mut [Example]) -> Result<Users, JournalError> {
    let mut users = Users::new();
    for line in JournalReader::<DriverEntry, _>::open(&journals.submitted)? {
        let (line, Line::Entry(entry)) = line? else { continue };
        let key = match &entry {
            DriverEntry::Submitted { key, .. } | DriverEntry::Answered { key, .. } => key,
        };
        for &number in wanted.leads.get(&Id::of(key)).into_iter().flatten() {
            let example = &mut examples[number];
            if let DriverEntry::Submitted { key, user, .. } = &entry {
                users.entry(Id::of_user(user)).or_default().push(number);
                example.lead.get_or_insert_with(|| key.clone());
                example.user.get_or_insert_with(|| user.clone());
            }
            add(example, JournalName::Driver, line, || describe_driver(&entry));
        }
    }
    Ok(users)
}

fn collect_vendors(
    state: &State,
    wanted: &Wanted,
    users: &Users,
    journals: &Journals,
    examples: &mut [Example],
) -> Result<(), JournalError> {
    for line in JournalReader::<VendorEntry, _>::open(&journals.vendors)? {
        let (line, Line::Entry(entry)) = line? else { continue };
        let key = entry.idempotency_key.as_deref().map(Id::of);
        let by_key = key.and_then(|key| wanted.keys.get(&key).or_else(|| wanted.leads.get(&key)));
        let by_line = wanted.vendor_lines.get(&line_number(line));
        let mut numbers: Vec<usize> = by_key.into_iter().chain(by_line).flatten().copied().collect();
        // What has no key of anything that is known may be of any lead of the user that it names.
        if !key.is_some_and(|key| state.op_of(key).is_some() || state.lead_of(key).is_some()) {
            numbers.extend(by_user(&entry, users, examples));
        }
        numbers.sort_unstable();
        numbers.dedup();
        for number in numbers {
            let example = &mut examples[number];
            if let Some(effect) = entry.effects.first() {
                example.user.get_or_insert_with(|| effect.subject.clone());
            }
            add(example, JournalName::Vendors, line, || describe_vendor(&entry));
        }
    }
    Ok(())
}

/// The examples of users that its effects name, if it is of their operation's kind.
fn by_user(entry: &VendorEntry, users: &Users, examples: &[Example]) -> Vec<usize> {
    let mut numbers = Vec::new();
    for effect in &entry.effects {
        let kind = OperationKind::of_effect(&effect.what).map(OperationKind::as_str);
        let names = std::iter::once(&effect.subject).chain(&effect.names);
        let of_users = names.filter_map(|name| users.get(&Id::of_user(name))).flatten().copied();
        numbers.extend(of_users.filter(|&number| examples[number].operation.as_deref() == kind));
    }
    numbers
}

fn collect_places(wanted: &Wanted, journals: &Journals, examples: &mut [Example]) -> Result<(), JournalError> {
    let Some(places) = &journals.places else { return Ok(()) };
    for line in JournalReader::<RestingEntry, _>::open(places)? {
        let (line, Line::Entry(entry)) = line? else { continue };
        let by_key = wanted.keys.get(&Id::of(&entry.key));
        for &number in by_key.or_else(|| wanted.place_lines.get(&line_number(line))).into_iter().flatten() {
            let says = || format!("{} {} after {} attempts", entry.operation, entry.place.as_str(), entry.attempts);
            add(&mut examples[number], JournalName::Places, line, says);
        }
    }
    Ok(())
}

fn add(example: &mut Example, journal: JournalName, line: u64, says: impl FnOnce() -> String) {
    if example.story.iter().filter(|evidence| evidence.journal == journal).count() < MOST_LINES {
        example.story.push(Evidence { journal, line, says: says() });
    }
}

fn describe_driver(entry: &DriverEntry) -> String {
    match entry {
        DriverEntry::Submitted { what, at_us, .. } => format!("{what} submitted at {}", seconds(*at_us)),
        DriverEntry::Answered { at_us, answer, .. } => {
            let said = match answer {
                Answered::Acknowledged => "acknowledged".to_owned(),
                Answered::Duplicate => "acknowledged again, as known already,".to_owned(),
                Answered::Refused { status: Some(status), .. } => format!("refused with status {status}"),
                Answered::Refused { cause: Some(cause), .. } => format!("refused for {cause}"),
                Answered::Refused { .. } => "refused".to_owned(),
                Answered::Unknown => "no answer".to_owned(),
            };
            format!("{said} at {}", seconds(*at_us))
        }
    }
}

fn describe_vendor(entry: &VendorEntry) -> String {
    let answer = entry.status.map_or("without an answer".to_owned(), |status| format!("answered {status}"));
    let effects: Vec<String> = entry.effects.iter().map(|effect| format!("{} for {}", effect.what, effect.subject)).collect();
    let done = if effects.is_empty() { "nothing done".to_owned() } else { effects.join(", ") };
    let hit = if entry.actual.is_empty() { String::new() } else { format!(", hit by {}", entry.actual.join(", ")) };
    format!("request {} at {} by the vendors' clock, {answer}: {done}{hit}", entry.path, seconds(entry.at_us))
}

fn seconds(micros: u64) -> String {
    format!("{}.{:06} s", micros / 1_000_000, micros % 1_000_000)
}
