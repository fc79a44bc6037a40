//! Every renderer shows all of a document, whatever its sections are.

use super::*;
use crate::capacity::{Basis, assess};
use crate::gate::{ExpectationJudgement, judge};
use crate::report::document::{Block, Callout, Column, Document, Figure, Row, Section, Table, Text, Tone};
use crate::report::view::View;
use crate::report::{Judged, fixture, sections};
use crate::result::Run;

/// A run with a threshold that held, one that failed, one without data, and expectations.
fn judged(run: &Run) -> Judged {
    let threshold = |name, limit| crate::threshold::parse(name, limit, &[]).expect("a valid threshold");
    let thresholds = [
        threshold("http_req_duration", "p(95)<500"),
        threshold("http_req_failed", "rate<0.01"),
        threshold("http_req_duration{name:a-route-with-a-rather-long-name,vendor:clay}", "p(95)<500"),
    ];
    let expectation = |name: &str, passed| ExpectationJudgement {
        name: name.to_owned(),
        expected: "OPEN within 3s of the start of `clay-outage`".to_owned(),
        truth: "`clay-outage` from 20.001 s to 25.002 s".to_owned(),
        seen: "OPEN at 20.801 s, 0.800 s after, by 5 failures in a row".to_owned(),
        passed,
    };
    let expectations = vec![expectation("clay.opens_within", true), expectation("clay.closes_within", false)];
    Judged { verdict: judge(run, &thresholds, expectations), capacity: assess(run, &Basis::default()) }
}

fn documents() -> Vec<Document> {
    let mut quickstart = fixture::quickstart();
    quickstart.result.time_scale = 0.5;
    quickstart.result.warnings.push(format!("{} the point comes last", "long ".repeat(30)));
    let runs = [quickstart, fixture::empty(), fixture::flat(3, 5, 1)];
    let of = |run: &Run| {
        let judged = judged(run);
        let view = View::new(run, &judged);
        let path = std::path::Path::new("reports/runs/20260314-092653-quickstart/report.md");
        [sections::report(&view), sections::summary(&view, Some(path))]
    };
    runs.iter().flat_map(of).collect()
}

/// The figures in a text, with what belongs to their numbers: `1,180`, `0.8`, `2:05`.
fn figures(text: &str) -> std::collections::BTreeSet<String> {
    let parts = text.split(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | ',' | ':')));
    let parts = parts.map(|part| part.trim_matches(['.', ',', ':']));
    parts.filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

#[test]
fn the_renderers_agree_on_every_figure() {
    for document in documents() {
        let (shown, written, read) = (terminal(&document, COLUMNS, false), markdown(&document), json(&document));
        let (shown, written, read) = (figures(&shown), figures(&written), figures(&read));
        assert!(shown.len() > 3, "{shown:?}");
        assert_eq!(shown.difference(&written).collect::<Vec<_>>(), [""; 0], "only in the terminal");
        assert_eq!(written.difference(&read).collect::<Vec<_>>(), [""; 0], "in Markdown and not in JSON");
        // A picture is drawn into the Markdown and only named in the terminal; both name it.
        assert_eq!(written.difference(&shown).collect::<Vec<_>>(), [""; 0], "in Markdown and not in the terminal");
    }
}

#[test]
fn a_line_is_never_wider_than_the_page() {
    for document in documents() {
        for columns in [60, 80, COLUMNS] {
            let text = terminal(&document, columns, false);
            // Code is for copying and stays whole.
            let whole = ["report.md", "plimsoll run ", "http_req_duration{name:"];
            let lines = text.lines().filter(|line| !whole.iter().any(|code| line.contains(code)));
            for line in lines {
                assert!(line.chars().count() <= columns && line.trim_end() == line, "{columns}: \"{line}\" in:\n{text}");
            }
            let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(words.contains("the point comes last") || !json(&document).contains("the point comes last"), "{text}");
        }
    }
}

#[test]
fn colours_change_nothing_else() {
    for document in documents() {
        let mut colored = terminal(&document, COLUMNS, true);
        assert!(colored.contains('\u{1b}'));
        for code in ["[0m", "[1;31m", "[1;32m", "[1;33m"] {
            colored = colored.replace(&format!("\u{1b}{code}"), "");
        }
        assert_eq!(colored, terminal(&document, COLUMNS, false));
    }
}

/// A section that no renderer knows, made of every kind of block.
#[test]
fn a_new_section_needs_no_renderer() {
    let columns = vec![Column::text("Region"), Column::figures("Share")];
    let rows = vec![Row::new(["north", "61 %"]).judged(true), Row::new(["south | east", "39 %"]).judged(false)];
    let section = Section::new(
        "Regions",
        [
            Block::Paragraph(Text::from("Where ").code("leads").plain(" come from, *roughly*.")),
            Block::List(vec!["one".into(), Text::default().strong("two")]),
            Block::Table(Table { columns, rows }),
            Block::Figure(Figure { name: "regions", alt: "A map" }),
            Block::Callout(Callout { tone: Tone::Bad, title: "LOPSIDED".to_owned(), paragraphs: vec!["Look north.".into()] }),
        ],
    );
    let document = Document { title: Some("A run".to_owned()), sections: vec![section] };
    let expected = "## A run\n\n### Regions\n\nWhere `leads` come from, \\*roughly\\*.\n\n- one\n- **two**\n\n\
                    | Region | Share | Verdict |\n|---|---|---|\n| north | 61 % | held |\n| south \\| east | 39 % | **failed** |\n\n\
                    [![A map](plots/regions.png)](plots/regions.svg)\n\n> **LOPSIDED**: Look north.\n";
    assert_eq!(markdown(&document), expected);
    let expected = "\nA run\n\nRegions\n  Where leads come from, *roughly*.\n\n  - one\n  - two\n\n\
                    \x20         Region        Share\n  held    north          61 %\n  FAILED  south | east   39 %\n\n\
                    \x20 A map: plots/regions.svg\n\nLOPSIDED  Look north.\n";
    assert_eq!(terminal(&document, COLUMNS, false), expected);
    let read: serde_json::Value = serde_json::from_str(&json(&document)).expect("JSON");
    assert_eq!(read["sections"][0]["blocks"][2]["table"]["rows"][1]["status"], "failed");
    assert_eq!(read["sections"][0]["blocks"][0]["paragraph"][1]["code"], "leads");
}
