//! Clay charges what the distinct effects cost, and nothing else: a row that is there twice is paid twice.

use super::judgement::{ExpectationInput, ExpectationJudgement, Finding, Found, judgement, no_data};
use crate::outcome::Vendor;
use crate::units::format_count;

pub(super) fn judge(input: &ExpectationInput<'_>) -> ExpectationJudgement {
    judgement("credits_match_effects", "credits charged = credits of distinct effects", find(input))
}

fn find(input: &ExpectationInput<'_>) -> Found {
    let facts = input.ledger()?;
    let Some(bill) = input.bill else { return no_data("Clay's account could not be read") };
    let Some(clay) = facts.vendors.get(&Vendor::Clay).filter(|clay| clay.effects > 0) else {
        return no_data("no row was added at Clay");
    };
    let on_the_way = match (bill.due, bill.unpaid) {
        (0, 0) => String::new(),
        (due, 0) => format!(" and has {} to charge for rows under way", format_count(due)),
        (due, unpaid) => {
            format!(", has {} to charge for rows under way, and was not paid {}", format_count(due), format_count(unpaid))
        }
    };
    let asked = bill.charged + bill.due + bill.unpaid;
    let seen = format!(
        "{} distinct effects, which cost {}; all {} cost {}",
        format_count(clay.distinct_effects),
        format_count(clay.distinct_credits),
        format_count(clay.effects),
        format_count(clay.credits)
    );
    Ok(Finding {
        truth: format!("Clay charged {} credits{on_the_way}", format_count(bill.charged)),
        seen,
        passed: asked == clay.distinct_credits && clay.nameless_effects == 0,
    })
}
