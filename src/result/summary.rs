//! `summary.json`: the facts of a run and, beside them, what was judged of them.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::facts::{FORMAT, RunResult};

/// The document as it is written.
#[derive(Serialize)]
struct Document<'a> {
    #[serde(flatten)]
    result: &'a RunResult,
    verdict: Value,
}

/// What is read of a document before anything else is believed.
#[derive(Deserialize)]
struct Format {
    format: u32,
    #[serde(default)]
    written_by: String,
}

#[derive(Deserialize)]
struct Verdict {
    verdict: Value,
}

/// Why a document cannot be read.
#[derive(Debug)]
pub(super) enum SummaryProblem {
    /// It is in another version of the format.
    Format { format: u32, written_by: String },
    /// It is not JSON, or lacks something.
    Json(serde_json::Error),
    /// Its verdict is not of the type that was asked for.
    Verdict(serde_json::Error),
}

/// The document of a run, ending in a line break. The keys of the verdict are in alphabetical order.
pub(super) fn render(result: &RunResult, verdict: &impl Serialize) -> serde_json::Result<Vec<u8>> {
    let verdict = serde_json::to_value(verdict)?;
    let mut bytes = serde_json::to_vec_pretty(&Document { result, verdict })?;
    bytes.push(b'\n');
    Ok(bytes)
}

fn check_format(bytes: &[u8]) -> Result<(), SummaryProblem> {
    let Format { format, written_by } = serde_json::from_slice(bytes).map_err(SummaryProblem::Json)?;
    if format == FORMAT { Ok(()) } else { Err(SummaryProblem::Format { format, written_by }) }
}

/// The facts in a document.
pub(super) fn parse(bytes: &[u8]) -> Result<RunResult, SummaryProblem> {
    check_format(bytes)?;
    serde_json::from_slice(bytes).map_err(SummaryProblem::Json)
}

/// The verdict in a document.
pub(super) fn parse_verdict<V: DeserializeOwned>(bytes: &[u8]) -> Result<V, SummaryProblem> {
    check_format(bytes)?;
    let Verdict { verdict } = serde_json::from_slice(bytes).map_err(SummaryProblem::Json)?;
    serde_json::from_value(verdict).map_err(SummaryProblem::Verdict)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::result::samples::result;

    use super::*;

    #[test]
    fn facts_and_verdict_are_one_document_and_come_apart_again() {
        let verdict = json!({"passed": false, "thresholds": [{"source": "http_reqs: count>0"}]});
        let bytes = render(&result(), &verdict).unwrap();
        let document: Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(document["format"], 2);
        assert_eq!(document["scenario"]["name"], "ramp");
        assert_eq!(document["events"][0]["event"], "transition");
        assert_eq!(document["verdict"], verdict);
        assert_eq!(parse(&bytes).unwrap(), result());
        assert_eq!(parse_verdict::<Value>(&bytes).unwrap(), verdict);
        assert!(bytes.ends_with(b"}\n"));
    }
}
