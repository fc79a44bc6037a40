//! `timeline.csv`: one row a second, flat, so that a spreadsheet or a data frame opens it as it is.

use std::io::{self, Read, Write};

use serde::Deserialize;
use serde::de::value::{Error as ValueError, StrDeserializer};
use thiserror::Error;

use crate::event::BreakerState;
use crate::measure::{ProcessSample, Second};
use crate::outcome::Vendor;

/// A column: its name, and how a second gives and takes its value.
struct Column {
    name: &'static str,
    get: fn(&Second) -> String,
    set: fn(&mut Second, &str) -> Option<()>,
}

/// Columns that hold a number: their name and the field of [`Second`] behind it.
macro_rules! numbers {
    ($($name:literal => $($field:ident).+),+ $(,)?) => {
        [$(Column {
            name: $name,
            get: |second| second.$($field).+.to_string(),
            set: |second, text| {
                second.$($field).+ = text.parse().ok()?;
                Some(())
            },
        }),+]
    };
}

const NUMBERS: [Column; 28] = numbers! {
    "start_us" => start_us,
    "length_us" => length_us,
    "phase" => phase,
    "users_planned" => planned.users,
    "users" => gauges.users,
    "requests" => requests,
    "failures" => failures,
    "rate_limited" => rate_limited,
    "iterations" => iterations,
    "iterations_failed" => iterations_failed,
    "bytes" => bytes,
    "p50_us" => p50_us,
    "p95_us" => p95_us,
    "p99_us" => p99_us,
    "max_us" => max_us,
    "in_flight" => gauges.in_flight,
    "queue_depth" => gauges.queue_depth,
    "dead_letters" => gauges.dead_letters,
    "credits_reserved" => gauges.credits_reserved,
    "operations_submitted" => gauges.operations.submitted,
    "operations_delivered" => gauges.operations.delivered,
    "operations_duplicate" => gauges.operations.duplicate,
    "operations_degraded" => gauges.operations.degraded,
    "operations_queued" => gauges.operations.queued,
    "operations_dead_lettered" => gauges.operations.dead_lettered,
    "operations_rejected" => gauges.operations.rejected,
    "operations_unacknowledged" => gauges.operations.unacknowledged,
    "operations_lost" => gauges.operations.lost,
};

/// Iterations a second that the plan asks for.
const RATE: Column = Column {
    name: "rate_planned",
    get: |second| second.planned.rate.to_string(),
    set: |second, text| {
        second.planned.rate = text.parse().ok().filter(|rate: &f64| rate.is_finite() && *rate >= 0.0)?;
        Some(())
    },
};

const GENERATOR: [Column; 3] = numbers! {
    "generator_late_us" => generator.late_us,
    "generator_suspended_us" => generator.suspended_us,
    "clock_step_us" => generator.clock_step_us,
};

/// A column that is empty where its number is not known.
macro_rules! known_or_empty {
    ($name:literal => $($field:ident).+) => {
        Column {
            name: $name,
            get: |second| second.$($field).+.map(|number| number.to_string()).unwrap_or_default(),
            set: |second, text| {
                second.$($field).+ = if text.is_empty() { None } else { Some(text.parse().ok()?) };
                Some(())
            },
        }
    };
}

/// Empty where the system does not count it.
const RUN_QUEUE: Column = known_or_empty!("generator_run_queue_us" => generator.run_queue_us);

/// Empty where Clay is not simulated.
const CREDITS_USED: Column = known_or_empty!("credits_used" => gauges.credits_used);

/// What the columns of breakers begin with. A vendor without a breaker has an empty one.
const BREAKER: &str = "breaker_";
/// A service of the user's own has breakers that no run can see: the column is empty, and there for readers of older files.
const SERVICE: &str = "breaker_service";

const CPU: &str = "_cpu_percent";
const MEMORY: &str = "_memory_bytes";

/// Columns that earlier files lack.
fn added() -> impl Iterator<Item = &'static Column> {
    [&RATE].into_iter().chain(&GENERATOR).chain([&RUN_QUEUE])
}

/// The columns that hold numbers.
fn numbers() -> impl Iterator<Item = &'static Column> {
    NUMBERS.iter().chain([&CREDITS_USED]).chain(added())
}

/// The names of the columns that do not depend on the run's processes.
fn columns() -> impl Iterator<Item = String> {
    let numbers = numbers().map(|column| column.name.to_owned());
    numbers.chain(Vendor::ALL.map(|vendor| format!("{BREAKER}{vendor}"))).chain([SERVICE.to_owned()])
}

fn breaker_state(text: &str) -> Option<BreakerState> {
    BreakerState::deserialize(StrDeserializer::<ValueError>::new(text)).ok()
}

/// Writes a timeline, each row whole and at once.
#[derive(Debug)]
pub struct TimelineWriter<W> {
    out: W,
    roles: Vec<String>,
}

impl<W: Write> TimelineWriter<W> {
    /// Writes the header. `roles` are the processes that get columns (`harness`, `simulator`).
    ///
    /// # Errors
    /// When `out` fails.
    pub fn new(out: W, roles: &[&str]) -> io::Result<Self> {
        let mut writer = Self { out, roles: roles.iter().map(|role| (*role).to_owned()).collect() };
        let processes: Vec<String> = roles.iter().flat_map(|role| [format!("{role}{CPU}"), format!("{role}{MEMORY}")]).collect();
        writer.write_row(columns().chain(processes).collect())?;
        Ok(writer)
    }

    /// Writes a second. What a process without columns used is not written.
    ///
    /// # Errors
    /// When `out` fails; it may then hold a part of the row.
    pub fn write(&mut self, second: &Second) -> io::Result<()> {
        let breaker = |vendor| second.gauges.breakers.get(&vendor).map_or("", |state| state.as_str()).to_owned();
        let mut row: Vec<String> = numbers().map(|column| (column.get)(second)).collect();
        row.extend(Vendor::ALL.map(breaker));
        row.push(String::new());
        for role in &self.roles {
            let process = second.processes.iter().find(|process| process.role == *role);
            row.push(process.map(|process| process.cpu_percent.to_string()).unwrap_or_default());
            row.push(process.map(|process| process.memory_bytes.to_string()).unwrap_or_default());
        }
        self.write_row(row)
    }

    fn write_row(&mut self, row: Vec<String>) -> io::Result<()> {
        let mut csv = csv::Writer::from_writer(Vec::new());
        csv.write_record(row)?;
        let line = csv.into_inner().map_err(|error| error.into_error())?;
        self.out.write_all(&line)?;
        self.out.flush()
    }

    /// What the timeline is written to.
    pub fn get_mut(&mut self) -> &mut W {
        &mut self.out
    }
}

/// Why a timeline cannot be read.
#[derive(Debug, Error)]
#[error("line {line}: {problem}")]
pub struct TimelineError {
    /// The line, from 1.
    pub line: u64,
    /// What is wrong with it.
    pub problem: String,
}

/// What a column of a file is.
enum Meaning {
    Common(&'static Column),
    Breaker(Vendor),
    Empty,
    Cpu(String),
    Memory(String),
}

fn meaning(name: &str) -> Option<Meaning> {
    let common = numbers().find(|column| column.name == name).map(Meaning::Common);
    let service = || (name == SERVICE).then_some(Meaning::Empty);
    let breaker = || name.strip_prefix(BREAKER).and_then(Vendor::named).map(Meaning::Breaker);
    let cpu = || name.strip_suffix(CPU).map(|role| Meaning::Cpu(role.to_owned()));
    let memory = || name.strip_suffix(MEMORY).map(|role| Meaning::Memory(role.to_owned()));
    common.or_else(breaker).or_else(service).or_else(cpu).or_else(memory)
}

/// Reads a timeline whole.
///
/// # Errors
/// When a column is missing or unknown, or a row is cut off or has a value that its column cannot hold.
pub fn read_timeline(input: impl Read) -> Result<Vec<Second>, TimelineError> {
    let mut csv = csv::Reader::from_reader(input);
    let header = csv.headers().map_err(|error| csv_error(&error))?.clone();
    let mut meanings = Vec::with_capacity(header.len());
    for name in &header {
        let unknown = || TimelineError { line: 1, problem: format!("unknown column \"{name}\"") };
        meanings.push(meaning(name).ok_or_else(unknown)?);
    }
    if let Some(missing) =
        columns().find(|column| !added().any(|added| added.name == column) && !header.iter().any(|name| name == column))
    {
        return Err(TimelineError { line: 1, problem: format!("column \"{missing}\" is missing") });
    }
    let mut seconds = Vec::new();
    for record in csv.records() {
        let record = record.map_err(|error| csv_error(&error))?;
        let line = record.position().map_or(0, csv::Position::line);
        let mut second = Second::default();
        for ((name, meaning), text) in header.iter().zip(&meanings).zip(&record) {
            set(&mut second, meaning, text)
                .ok_or_else(|| TimelineError { line, problem: format!("column \"{name}\" cannot hold \"{text}\"") })?;
        }
        seconds.push(second);
    }
    Ok(seconds)
}

fn set(second: &mut Second, meaning: &Meaning, text: &str) -> Option<()> {
    match meaning {
        Meaning::Common(column) => (column.set)(second, text)?,
        _ if text.is_empty() => {}
        Meaning::Empty => return None,
        Meaning::Breaker(vendor) => drop(second.gauges.breakers.insert(*vendor, breaker_state(text)?)),
        Meaning::Cpu(role) => process(second, role).cpu_percent = text.parse().ok().filter(|cpu: &f64| cpu.is_finite())?,
        Meaning::Memory(role) => process(second, role).memory_bytes = text.parse().ok()?,
    }
    Some(())
}

fn process<'a>(second: &'a mut Second, role: &str) -> &'a mut ProcessSample {
    let index = second.processes.iter().position(|process| process.role == role).unwrap_or_else(|| {
        second.processes.push(ProcessSample { role: role.to_owned(), cpu_percent: 0.0, memory_bytes: 0 });
        second.processes.len() - 1
    });
    &mut second.processes[index]
}

fn csv_error(error: &csv::Error) -> TimelineError {
    let line = error.position().map_or(1, csv::Position::line);
    let problem = match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => format!("{len} fields instead of {expected_len}"),
        csv::ErrorKind::Utf8 { err, .. } => format!("field {} is not UTF-8", err.field() + 1),
        csv::ErrorKind::Io(source) => source.to_string(),
        _ => error.to_string(),
    };
    TimelineError { line, problem }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::measure::strategies::second;

    use super::*;

    const ROLES: [&str; 2] = ["harness", "simulator"];

    fn written(seconds: &[Second]) -> String {
        let mut writer = TimelineWriter::new(Vec::new(), &ROLES).unwrap();
        seconds.iter().for_each(|second| writer.write(second).unwrap());
        String::from_utf8(std::mem::take(writer.get_mut())).unwrap()
    }

    fn problem(text: &[u8]) -> String {
        read_timeline(text).unwrap_err().to_string()
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(seconds in proptest::collection::vec(second(), 0..8)) {
            prop_assert_eq!(read_timeline(written(&seconds).as_bytes()).unwrap(), seconds);
        }

        #[test]
        fn no_text_makes_the_reader_panic(text in ".{0,200}", field in ".{0,8}") {
            let _ = read_timeline(text.as_bytes());
            let good = written(&[Second::default()]);
            let _ = read_timeline(good.replacen(",0,", &format!(",{field},"), 3).as_bytes());
        }
    }

    #[test]
    fn a_row_can_be_read_by_a_person() {
        let mut second = Second { start_us: 1_000_000, length_us: 1_000_000, requests: 9, ..Second::default() };
        second.gauges.breakers.insert(Vendor::Clay, BreakerState::HalfOpen);
        second.processes.push(ProcessSample { role: "simulator".to_owned(), cpu_percent: 12.5, memory_bytes: 4096 });
        let text = written(&[second]);
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].starts_with("start_us,length_us,phase,users_planned,users,requests,failures,"), "{}", lines[0]);
        let end = "breaker_clay,breaker_customer_io,breaker_service,\
                   harness_cpu_percent,harness_memory_bytes,simulator_cpu_percent,simulator_memory_bytes";
        assert!(lines[0].ends_with(end), "{}", lines[0]);
        assert!(lines[1].starts_with("1000000,1000000,0,0,0,9,0,"), "{}", lines[1]);
        assert!(lines[1].ends_with(",0,0,0,0,,HALF_OPEN,,,,,12.5,4096"), "{}", lines[1]);
    }

    #[test]
    fn a_timeline_that_lacks_the_columns_of_later_versions_is_read() {
        let seconds = [Second { requests: 77, ..Second::default() }];
        let text = written(&seconds);
        let mut csv = csv::Reader::from_reader(text.as_bytes());
        let kept = |name: &str| !added().any(|added| added.name == name);
        let kept: Vec<bool> = csv.headers().unwrap().iter().map(kept).collect();
        let keep = |record: &csv::StringRecord| {
            record.iter().zip(&kept).filter(|(_, kept)| **kept).map(|(field, _)| field).collect::<Vec<_>>().join(",")
        };
        let old = [keep(csv.headers().unwrap()), keep(&csv.records().next().unwrap().unwrap())].join("\n");
        assert!(old.ends_with(",0,,,,,,,,") && !old.contains("generator"), "{old}");
        assert_eq!(read_timeline(old.as_bytes()).unwrap(), seconds);
    }

    #[test]
    fn a_damaged_timeline_is_refused_with_its_line() {
        let good = written(&[Second { requests: 77, ..Second::default() }, Second::default()]);
        assert_eq!(read_timeline(good.as_bytes()).unwrap().len(), 2);
        for (from, to, expected) in [
            ("queue_depth", "depth", "line 1: unknown column \"depth\""),
            ("queue_depth,", "", "line 1: column \"queue_depth\" is missing"),
            (",77,", ",-1,", "line 2: column \"requests\" cannot hold \"-1\""),
            (",77,", ",99999999999999999999,", "line 2: column \"requests\" cannot hold"),
            (",77,", ",", "line 2: 40 fields instead of 41"),
        ] {
            let bad = good.replace(from, to);
            assert_ne!(bad, good);
            assert!(problem(bad.as_bytes()).starts_with(expected), "{}", problem(bad.as_bytes()));
        }
        let halved = &good.as_bytes()[..good.len() - 30];
        assert!(problem(halved).starts_with("line 3: "), "{}", problem(halved));
        let mut binary = good.clone().into_bytes();
        let at = good.find("77").unwrap();
        binary[at] = 0xff;
        assert_eq!(problem(&binary), "line 2: field 6 is not UTF-8");
        assert!(problem(b"").starts_with("line 1: column \"start_us\" is missing"), "{}", problem(b""));
    }
}
