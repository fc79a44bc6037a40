//! What a user sees whose expectations could never be judged or never be kept: where, why, and what would be right.

use std::path::Path;

use plimsoll::config::ConfigErrors;
use plimsoll::outcome::Vendor;
use plimsoll::scenario::TestPlan;

const HEAD: &str = r#"name = "chaos"
question = "Is it true?"
executor = "constant-vus"
vus = 1
duration = "30s"
"#;

const OUTAGE: &str = r#"
[[faults]]
name = "outage"
kind = "outage"
vendor = "clay"
at = "5s"
lasts = "5s"
"#;

const LEADS: &str = "journeys = [{ journey = \"lead\" }]\n[resilience.clay]\nbreaker = { cooldown = \"3s\" }\n";

fn errors(rest: &str) -> ConfigErrors {
    let text = format!("{HEAD}{rest}");
    TestPlan::parse(&text, Path::new("chaos.toml")).err().unwrap_or_else(|| panic!("this is valid:\n{text}"))
}

/// One error, at `word` in the file, whose message and help hold these words.
#[track_caller]
fn assert_error(rest: &str, word: &str, message: &str, help: &str) {
    let errors = errors(rest);
    let [problem] = errors.problems() else { panic!("not one problem:\n{errors}") };
    assert!(problem.message.contains(message) && problem.help.contains(help), "{errors}");
    let text = format!("{HEAD}{rest}");
    let line = text.lines().nth(problem.line - 1).unwrap_or_default();
    assert!(line[problem.column - 1..].starts_with(word), "{errors}");
}

#[test]
fn what_is_expected_of_a_fault_is_valid() {
    let expect = "[expect]\nleads_lost = 0\n[expect.clay]\nopens_within = \"3s\"\ncloses_within = \"6s\"\n";
    let text = format!("{HEAD}{LEADS}{OUTAGE}{expect}");
    let scenario = TestPlan::parse(&text, Path::new("chaos.toml")).unwrap_or_else(|errors| panic!("{errors}"));
    assert!(scenario.warnings.is_empty());
    assert_eq!(scenario.expectations.breakers[Vendor::Clay].faults, ["outage"]);
}

#[test]
fn an_unknown_expectation() {
    assert_error(&format!("{LEADS}[expect]\nlead_lost = 0\n"), "lead_lost", "there is no key `lead_lost`", "`leads_lost`");
    let inner = format!("{LEADS}{OUTAGE}[expect.clay]\nopen_within = \"3s\"\n");
    assert_error(&inner, "open_within", "there is no key `open_within`", "`opens_within`");
}

#[test]
fn an_opening_that_no_fault_can_cause() {
    let expect = "[expect.clay]\nopens_within = \"3s\"\n";
    let none = "`opens_within` is never put to the test: no fault of this scenario can make calls of Clay fail";
    assert_error(&format!("{LEADS}{expect}"), "opens_within", none, "`outage`");
    // Nor can one of another vendor, nor one that says nothing against the vendor.
    for harmless in [
        OUTAGE.replace("\"clay\"", "\"customer_io\""),
        OUTAGE.replace("\"outage\"\nvendor", "\"auth\"\nvendor"),
        OUTAGE.replace("\"outage\"\nvendor", "\"error\"\nstatus = 404\nvendor"),
        OUTAGE.replace("\"outage\"\nvendor", "\"latency\"\nadd = \"1s\"\nvendor"),
    ] {
        assert_error(&format!("{LEADS}{harmless}{expect}"), "opens_within", none, "`outage`");
    }
    let slow = LEADS.replace("{ cooldown", "{ slow_call = \"500ms\", cooldown");
    let latency = OUTAGE.replace("\"outage\"\nvendor", "\"latency\"\nadd = \"1s\"\nvendor");
    let text = format!("{HEAD}{slow}{latency}{expect}");
    assert!(TestPlan::parse(&text, Path::new("chaos.toml")).is_ok(), "slowness counts where the breaker says so");
}

#[test]
fn a_recovery_shorter_than_the_cool_down() {
    let expect = "[expect.clay]\ncloses_within = \"2s\"\n";
    assert_error(&format!("{LEADS}{OUTAGE}{expect}"), "\"2s\"", "OPEN for its cool-down of 3s", "shorter `cooldown`");
}

#[test]
fn a_breaker_that_is_not_there() {
    let off = "journeys = [{ journey = \"lead\" }]\n[resilience.clay]\nbreaker = false\n";
    let expect = "[expect.clay]\nmax_false_open = \"0s\"\n";
    assert_error(&format!("{off}{expect}"), "clay", "Clay has no circuit breaker in force here", "`[resilience.clay]`");
    let watched = LEADS.replace("{ cooldown", "{ mode = \"metrics_only\", cooldown");
    assert_error(&format!("{watched}{expect}"), "clay", "Clay has no circuit breaker in force here", "`[resilience.clay]`");
    let other = "journeys = [{ journey = \"customer_io.track\" }]\n";
    assert_error(&format!("{other}{expect}"), "clay", "no journey calls Clay through a pipeline", "`lead`");
}

#[test]
fn a_fault_that_is_not_there() {
    let named = |name: &str| format!("{LEADS}{OUTAGE}[expect.clay]\nfaults = [\"{name}\"]\nopens_within = \"3s\"\n");
    assert_error(&named("outrage"), "\"outrage\"", "there is no fault `outrage`", "`outage`");
    let storm = "[[faults]]\nname = \"storm\"\nkind = \"rate_limit\"\nrate = 1\nburst = 1\nat = \"15s\"\nlasts = \"1s\"\n";
    let text = named("storm").replace(OUTAGE, &format!("{OUTAGE}{storm}"));
    assert_error(&text, "\"storm\"", "`storm` cannot open the circuit breaker of Clay", "`outage`");
}

#[test]
fn leads_where_there_are_none() {
    let plain = "journeys = [{ journey = \"clay.resource\" }]\n";
    assert_error(&format!("{plain}[expect]\nleads_lost = 0\n"), "leads_lost", "no journey goes through a pipeline", "`lead`");
    assert_error(
        "journeys = [{ journey = \"customer_io.track\" }]\n[expect]\ncredits_match_effects = true\n",
        "credits_match_effects",
        "no journey spends Clay's credits",
        "`lead`",
    );
    assert_error(&format!("{LEADS}[expect]\ndrains_within = \"9s\"\n"), "drains_within", "there is no fault", "[[faults]]");
}

#[test]
fn a_share_that_is_none() {
    for share in ["\"5\"", "\"five %\"", "\"101%\"", "\"-1%\""] {
        let text = format!("{LEADS}[expect]\nmax_degraded = {share}\n");
        assert_error(&text, share, "is not a percentage", "\"5%\"");
    }
    assert_error(&format!("{LEADS}[expect]\nmax_degraded = 5\n"), "5", "5 is more than all", "\"5%\"");
    assert_error(&format!("{LEADS}[expect]\nmax_degraded = \"100%\"\n"), "\"100%\"", "this can never fail", "\"5%\"");
}

#[test]
fn nothing_expected() {
    assert_error(
        &format!("{LEADS}[expect]\ncredits_match_effects = false\n"),
        "expect",
        "nothing is expected here",
        "leads_lost = 0",
    );
}

#[test]
fn a_ledger_that_is_not_kept() {
    let target = "journeys = [{ journey = \"customer_io.track\" }]\n[target]\ncustomer_io = \"http://127.0.0.1:9\"\n\
                  customer_io_site_id = { env = \"PATH\" }\ncustomer_io_api_key = { env = \"PATH\" }\n";
    let text = format!("{target}[expect]\nduplicates = 0\n");
    assert_error(&text, "duplicates", "only the ledger of the simulated vendors can show this", "leave out `[target]`");
    let text = format!("{target}[expect.customer_io]\nmax_calls_while_open = 1\n");
    assert_error(&text, "max_calls_while_open", "only the ledger", "");
}
