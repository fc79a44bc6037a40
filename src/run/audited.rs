//! The audit of a run that has just ended, by its own journals.
//!
//! Where a service has the pipelines, this program sees no lead after its 202. Whether one was lost is known only by joining
//! what was acknowledged to what had an effect.

use std::path::Path;

use super::running::Ended;
use crate::audit::{Audit, AuditOptions, FindingKind, Journals, Verdict, audit};
use crate::gate::AuditFigures;
use crate::outcome::OperationCounts;
use crate::scenario::TestPlan;
use crate::text::shell_word;
use crate::vendor_api::IDEMPOTENCY_KEY_FIELD;

/// What the journals of a run say.
pub(super) struct Audited {
    /// The figures that the gate judges by, or why the journals prove nothing.
    pub(super) figures: Result<AuditFigures, String>,
    /// What became of the acknowledged operations; `None` where the journals prove nothing.
    pub(super) operations: Option<OperationCounts>,
    /// What a reader must know.
    pub(super) warning: Option<String>,
}

/// Audits the run in `dir` where only an audit can answer: a service has the pipelines, or the scenario expects something of its
/// leads. `None` otherwise, and where the run kept no journals.
pub(super) fn audited(ended: &Ended, test_plan: &TestPlan, dir: &Path) -> Option<Audited> {
    let expectations = &test_plan.expectations;
    let needed = test_plan.service().is_some() || expectations.leads_lost.is_some() || expectations.duplicates.is_some();
    let has_vendors = matches!(&ended.vendors, Some(Ok(_)));
    if !needed || !has_vendors || !ended.kept_journals {
        return None;
    }
    let journals = Journals::in_dir(dir);
    let options = options(test_plan);
    Some(match audit(&journals, &options) {
        Ok(audit) => findings(&audit, journals.places.is_some(), &command(dir, &options)),
        Err(error) => {
            let (why, warning) =
                (format!("the journals could not be audited: {error}"), format!("The journals could not be audited: {error}."));
            Audited { figures: Err(why), operations: None, warning: Some(warning) }
        }
    })
}

fn options(test_plan: &TestPlan) -> AuditOptions {
    AuditOptions {
        clay_deduplicates: test_plan.simulation.clay.auto_dedupe.as_deref() == Some(IDEMPOTENCY_KEY_FIELD),
        // Users of a load submit the leads of one person side by side; only a service's queue puts them in an order.
        in_order: test_plan.service().is_some(),
        examples: 1,
        ..AuditOptions::default()
    }
}

/// What shows each case.
fn command(dir: &Path, options: &AuditOptions) -> String {
    let any_order = if options.in_order { "" } else { " --any-order" };
    let dedupes = if options.clay_deduplicates { " --clay-dedupes" } else { "" };
    format!("plimsoll audit {}{any_order}{dedupes}", shell_word(&dir.to_string_lossy()))
}

fn findings(audit: &Audit, places: bool, command: &str) -> Audited {
    let found: Vec<String> =
        audit.findings.iter().map(|finding| format!("{}: {}", finding.kind.describe(), finding.count)).collect();
    let warning = match audit.verdict {
        Verdict::Passed => None,
        Verdict::Failed => Some(format!("The audit of the journals failed ({}). `{command}` lists each case.", found.join("; "))),
        Verdict::NotProven => Some(format!("The audit of the journals proves nothing: {}.", audit.missing.join("; "))),
    };
    if audit.verdict == Verdict::NotProven {
        let why = format!("the audit of the journals proves nothing: {}", audit.missing.join("; "));
        return Audited { figures: Err(why), operations: None, warning };
    }
    let lost = audit.count(FindingKind::Lost) + audit.count(FindingKind::DeliveredWithoutEffect);
    let operations = &audit.operations;
    let figures = AuditFigures {
        lost,
        duplicates: audit.effects.duplicates,
        uncertain: audit.leads.uncertain,
        acknowledged: audit.leads.acknowledged,
        places,
    };
    let counts = OperationCounts {
        submitted: operations.acknowledged,
        delivered: operations.delivered.saturating_sub(audit.count(FindingKind::DeliveredWithoutEffect)),
        degraded: operations.degraded,
        queued: operations.queued,
        dead_lettered: operations.dead_lettered,
        rejected: operations.rejected,
        lost,
        ..OperationCounts::default()
    };
    Audited { figures: Ok(figures), operations: Some(counts), warning }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_that_lists_each_case_judges_as_the_run_did() {
        let command = |in_order, clay_deduplicates| {
            command(Path::new("reports/my run"), &AuditOptions { in_order, clay_deduplicates, ..AuditOptions::default() })
        };
        assert_eq!(command(true, false), "plimsoll audit 'reports/my run'");
        assert_eq!(command(false, true), "plimsoll audit 'reports/my run' --any-order --clay-dedupes");
    }
}
