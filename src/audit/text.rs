//! An audit for people.

use std::fmt::{self, Display, Formatter};

use crate::text::shown;

use super::finding::{Audit, Example, Finding, FindingKind, JournalName, Verdict};

impl JournalName {
    /// What it is called.
    pub fn describe(self) -> &'static str {
        match self {
            Self::Driver => "the driver's journal",
            Self::Vendors => "the vendors' ledger",
            Self::Places => "the resting states",
        }
    }
}

impl Display for Audit {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { leads, operations, effects, charges, .. } = self;
        match self.verdict {
            Verdict::Passed => writeln!(f, "PASSED: no lead lost, nothing done twice")?,
            Verdict::Failed => writeln!(f, "FAILED: {}", self.failures())?,
            Verdict::NotProven => writeln!(f, "NOT PROVEN: {}", self.missing.join("; "))?,
        }
        writeln!(
            f,
            "  leads       {} submitted: {} acknowledged, {} refused, {} uncertain",
            leads.submitted, leads.acknowledged, leads.refused, leads.uncertain
        )?;
        writeln!(
            f,
            "  operations  {} acknowledged: {} delivered, {} queued, {} degraded, {} dead-lettered, {} rejected, {} nowhere",
            operations.acknowledged,
            operations.delivered,
            operations.queued,
            operations.degraded,
            operations.dead_lettered,
            operations.rejected,
            operations.nowhere
        )?;
        writeln!(
            f,
            "  effects     {} distinct ({} of leads that were never acknowledged), {} duplicates, {} repeated without change",
            effects.distinct, effects.uncertain, effects.duplicates, effects.repeated
        )?;
        let charged_rows =
            charges.charged_rows.map_or(String::new(), |rows| format!(", {rows} of them charged by Clay's account"));
        write!(
            f,
            "  charges     {} credits for distinct effects worth {}; {} rows{charged_rows}",
            charges.credits, charges.distinct, charges.rows
        )?;
        if self.verdict == Verdict::Failed {
            for missing in &self.missing {
                write!(f, "\n  not proven  {missing}")?;
            }
        }
        for remark in &self.remarks {
            write!(f, "\n  remark      {remark}")?;
        }
        self.findings.iter().try_for_each(|finding| write!(f, "\n\n{finding}"))
    }
}

impl Audit {
    fn failures(&self) -> String {
        let failures: Vec<String> = self.findings.iter().map(Finding::headline).collect();
        failures.join("; ")
    }
}

impl Finding {
    fn headline(&self) -> String {
        let what = self.kind.describe();
        match (self.kind, self.count) {
            (FindingKind::Overcharged, _) => what.to_owned(),
            (_, 1) => format!("1 operation {what}"),
            (_, count) => format!("{count} operations {what}"),
        }
    }
}

impl Display for Finding {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.headline())?;
        if self.kind == FindingKind::Overcharged {
            return Ok(());
        }
        self.examples.iter().try_for_each(|example| write!(f, "\n{example}"))?;
        let shown = self.examples.len() as u64;
        if self.count > shown { write!(f, "\n  and {} more", self.count - shown) } else { Ok(()) }
    }
}

impl Display for Example {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let operation = self.operation.as_deref().unwrap_or("something");
        write!(f, "  {}", shown(operation))?;
        if let Some(user) = &self.user {
            write!(f, " for {}", shown(user))?;
        }
        if let Some(lead) = &self.lead {
            write!(f, ", lead {}", shown(lead))?;
        }
        for evidence in &self.story {
            write!(f, "\n    {}:{}: {}", evidence.journal.file_name(), evidence.line, shown(&evidence.says))?;
        }
        self.absent.iter().try_for_each(|journal| {
            let says = match journal {
                JournalName::Driver => "never submitted",
                JournalName::Vendors => "no request with its key, and nothing done for its user",
                JournalName::Places => "in no listed state",
            };
            write!(f, "\n    {}: {says}", journal.file_name())
        })
    }
}
