//! What scripts answer, as the store's own types. A record of another shape was written by another program: it is named with what
//! was found, never a panic, and never a lead that is left out unnoticed.

use redis::Value;
use serde::de::DeserializeOwned;

use crate::outcome::{FailureKind, RestingState};
use crate::resilience::{DeadLetter, Entry, Operation, StoreError, UnixMillis};
use crate::store::listing::StoredOperation;
use crate::store::{LeadRecord, OperationRecord};

use super::unreadable::Unreadable;

fn unexpected(what: &str, found: &str) -> StoreError {
    StoreError(format!("Redis holds {found} where {what} belongs: did another program write there?"))
}

/// An entry's id as the scripts write it.
pub(super) fn written(id: u64) -> String {
    format!("{id:020}")
}

/// The items of an answer, taken one by one.
#[derive(Debug)]
pub(super) struct Items(std::vec::IntoIter<Value>);

impl Items {
    pub(super) fn of(value: Value) -> Result<Self, StoreError> {
        match value {
            Value::Array(items) => Ok(Self(items.into_iter())),
            _ => Err(unexpected("a list", "something else")),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.as_slice().is_empty()
    }

    pub(super) fn value(&mut self) -> Result<Value, StoreError> {
        self.0.next().ok_or_else(|| unexpected("one more item", "nothing"))
    }

    pub(super) fn items(&mut self) -> Result<Self, StoreError> {
        Self::of(self.value()?)
    }

    /// A text; `None` for one that is not there.
    fn maybe_text(&mut self) -> Result<Option<String>, StoreError> {
        match self.value()? {
            Value::Nil => Ok(None),
            other => text(other).map(Some),
        }
    }

    pub(super) fn text(&mut self) -> Result<String, StoreError> {
        text(self.value()?)
    }

    /// A number, written as one or as text.
    pub(super) fn number(&mut self) -> Result<u64, StoreError> {
        let text = self.text()?;
        text.parse().map_err(|_| unexpected("a number", &format!("{text:?}")))
    }

    fn json<T: DeserializeOwned>(&mut self) -> Result<T, StoreError> {
        json(&self.text()?)
    }

    fn jsons<T: DeserializeOwned>(&mut self) -> Result<Vec<T>, StoreError> {
        self.items()?.map(|value| json(&text(value)?)).collect()
    }

    /// The answer of `describe_entry`.
    pub(super) fn entry(&mut self) -> Result<Entry, StoreError> {
        let mut fields = self.items()?;
        Ok(Entry {
            operation: fields.json::<Operation>()?,
            timestamp: fields.number()?,
            retry_count: fields.json()?,
            redrives: fields.json()?,
            attempts: fields.jsons()?,
        })
    }

    /// What the next item is called.
    pub(super) fn next_name(&self) -> Result<String, StoreError> {
        self.0.as_slice().first().cloned().map_or_else(|| Err(unexpected("a name", "nothing")), Self::of)?.name()
    }

    /// The last item, which names what the others say.
    fn name(&self) -> Result<String, StoreError> {
        self.0.as_slice().last().cloned().map_or_else(|| Err(unexpected("a name", "nothing")), text)
    }

    fn operation(&mut self) -> Result<OperationRecord, StoreError> {
        let entry = self.entry()?;
        let place = word(&self.text()?)?;
        let due = self.maybe_text()?.map(|due| date(&due)).transpose()?;
        let settled = self.maybe_text()?.map(|settled| json(&settled)).transpose()?;
        let Operation { kind, key, .. } = entry.operation;
        Ok(OperationRecord { kind, key, place, due, attempts: entry.attempts, redrives: entry.redrives, settled })
    }

    /// The answer of `describe_operation`; `None` for one that cannot be read, which is then in `found`.
    pub(super) fn stored_operation(&mut self, found: &mut Vec<Unreadable>) -> Result<Option<StoredOperation>, StoreError> {
        let mut fields = self.items()?;
        let id = fields.name()?;
        let vendor = fields.0.as_slice().first().cloned().and_then(|vendor| word(&text(vendor).ok()?).ok());
        let read = fields.described();
        Ok(read.map_err(|error| found.push(Unreadable::operation(id, vendor, None, error))).ok())
    }

    fn described(&mut self) -> Result<StoredOperation, StoreError> {
        let (vendor, place) = (word(&self.text()?)?, word(&self.text()?)?);
        let due_at = self.maybe_text()?.map(|due| date(&due)).transpose()?;
        let settled = self.maybe_text()?.map(|settled| json(&settled)).transpose()?;
        // They stay with an operation whose letter was removed.
        let died = |text: &String| place == RestingState::DeadLettered && !text.is_empty();
        let cause = self.maybe_text()?.filter(died).map(|cause| word(&cause)).transpose()?;
        let dead_at = self.maybe_text()?.filter(died).map(|at| date(&at)).transpose()?;
        let (entry, id) = (self.entry()?, self.number()?);
        Ok(StoredOperation { due_at, cause, dead_at, settled, ..StoredOperation::new(id, vendor, place, entry) })
    }

    /// The answer of `describe_lead`; `None` for one that cannot be read. What cannot be read is then in `found`.
    pub(super) fn lead(&mut self, found: &mut Vec<Unreadable>) -> Result<Option<LeadRecord>, StoreError> {
        let mut fields = self.items()?;
        let key = fields.name()?;
        let read = fields.described_lead(&key, found);
        Ok(read.map_err(|error| found.push(Unreadable::lead(&key, error))).ok())
    }

    fn described_lead(&mut self, key: &str, found: &mut Vec<Unreadable>) -> Result<LeadRecord, StoreError> {
        let (user, data, accepted_at) = (self.text()?, self.json()?, self.number()?);
        let known = found.len();
        let mut operations = Vec::new();
        for described in self.items()? {
            let mut fields = Self::of(described)?;
            let id = fields.name()?;
            match fields.operation() {
                Ok(operation) => operations.push(operation),
                Err(error) => found.push(Unreadable::operation(id, None, Some(key.to_owned()), error)),
            }
        }
        let mut enrichments = Vec::new();
        for (number, value) in self.items()?.enumerate() {
            match text(value).and_then(|text| json(&text)) {
                Ok(enrichment) => enrichments.push(enrichment),
                Err(error) => found.push(Unreadable::enrichment(key, number, error)),
            }
        }
        let unreadable = (found.len() - known) as u64;
        Ok(LeadRecord { key: key.to_owned(), user, data, accepted_at, operations, enrichments, unreadable })
    }

    /// A letter, or the number of its entry, and why it cannot be read.
    pub(super) fn letter(&mut self) -> Result<Result<DeadLetter, (u64, StoreError)>, StoreError> {
        let mut fields = self.items()?;
        let entry = fields.name()?.parse().map_err(|_| unexpected("a number", "something else"))?;
        let id = date(&fields.text()?)?;
        let mut read = || -> Result<DeadLetter, StoreError> {
            let entry = fields.entry()?;
            let cause: FailureKind = word(&fields.text()?)?;
            Ok(DeadLetter { id, entry, cause, at: fields.number()? })
        };
        Ok(read().map_err(|error| (entry, error)))
    }
}

impl Iterator for Items {
    type Item = Value;

    fn next(&mut self) -> Option<Value> {
        self.0.next()
    }
}

pub(super) fn text(value: Value) -> Result<String, StoreError> {
    match value {
        Value::BulkString(bytes) => String::from_utf8(bytes).map_err(|_| unexpected("a text", "bytes that are not UTF-8")),
        Value::SimpleString(text) => Ok(text),
        Value::Int(number) => Ok(number.to_string()),
        _ => Err(unexpected("a text", "something else")),
    }
}

/// A date from the score of a sorted set, which Redis keeps as a double: exact below 2^53.
pub(super) fn date(score: &str) -> Result<UnixMillis, StoreError> {
    let parsed: f64 = score.parse().map_err(|_| unexpected("a date", &format!("{score:?}")))?;
    Ok(parsed as UnixMillis)
}

pub(super) fn json<T: DeserializeOwned>(text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|error| unexpected("JSON of this version", &format!("something else ({error})")))
}

/// A value of an enum by its name.
fn word<T: DeserializeOwned>(name: &str) -> Result<T, StoreError> {
    serde_json::from_value(name.into()).map_err(|_| unexpected("a known word", &format!("{name:?}")))
}
