//! What a user sees who made a mistake in a scenario: file, line, column, a caret, and what would be right; all mistakes
//! at once.

use std::path::Path;

use plimsoll::config::{ConfigErrors, Severity};
use plimsoll::outcome::Vendor;
use plimsoll::scenario::{Journey, TestPlan};
use plimsoll::service::ServiceConfig;
use proptest::prelude::*;

/// A valid scenario, one thing a line, so that a test can break one.
const VALID: &str = r#"name = "outage"
question = "Does every lead survive?"
executor = "ramping-vus"
stages = [{ duration = "10s", target = 10 }, { duration = "20s", target = 10 }]
think_time = "3s"
journeys = [{ journey = "lead" }]

[resilience.clay]
breaker = { failures = 5, cooldown = "2s" }

[[faults]]
name = "outage"
kind = "outage"
vendor = "clay"
at = "12s"
lasts = "5s"

[thresholds]
http_req_duration = ["p(95)<500"]
leads_lost = ["count==0"]
"#;

fn read(text: &str) -> Result<TestPlan, ConfigErrors> {
    TestPlan::parse(text, Path::new("scenarios/outage.toml"))
}

fn errors_of(text: &str) -> ConfigErrors {
    read(text).err().unwrap_or_else(|| panic!("this is valid:\n{text}"))
}

/// The valid scenario with `from` replaced by `to`.
fn with(from: &str, to: &str) -> String {
    assert_eq!(VALID.matches(from).count(), 1, "{from}");
    VALID.replace(from, to)
}

/// What is printed for the valid scenario with one thing replaced.
#[track_caller]
fn assert_prints(from: &str, to: &str, expected: &str) {
    assert_eq!(errors_of(&with(from, to)).to_string(), expected.trim_start());
}

/// One error at `line` and `column`, whose message and help hold these words.
#[track_caller]
fn assert_error(text: &str, (line, column): (usize, usize), message: &str, help: &str) {
    let errors = errors_of(text);
    let [problem] = errors.problems() else { panic!("not one problem:\n{errors}") };
    assert_eq!(problem.severity, Severity::Error);
    assert_eq!((problem.line, problem.column), (line, column), "{errors}");
    assert!(problem.message.contains(message), "{errors}");
    assert!(problem.help.contains(help), "{errors}");
}

#[test]
fn the_scenario_to_break_is_valid() {
    assert!(read(VALID).unwrap().warnings.is_empty());
}

#[test]
fn an_unknown_key() {
    assert_prints(
        "think_time",
        "thinktime",
        r#"
error: there is no key `thinktime` here
 --> scenarios/outage.toml:5:1
  |
5 | thinktime = "3s"
  | ^^^^^^^^^
  |
  = help: did you mean `think_time`?"#,
    );
}

#[test]
fn an_unknown_key_deep_in_a_table() {
    assert_prints(
        "failures = 5",
        "failure = 5",
        r#"
error: there is no key `failure` here
 --> scenarios/outage.toml:9:13
  |
9 | breaker = { failure = 5, cooldown = "2s" }
  |             ^^^^^^^
  |
  = help: did you mean `failures`?"#,
    );
}

#[test]
fn a_wrong_type() {
    assert_prints(
        "target = 10 }, ",
        "target = \"10\" }, ",
        r#"
error: `target` must be a whole number, not a text
 --> scenarios/outage.toml:4:40
  |
4 | stages = [{ duration = "10s", target = "10" }, { duration = "20s", target = 10 }]
  |                                        ^^^^
  |
  = help: write a whole number"#,
    );
}

#[test]
fn a_bad_duration() {
    assert_prints(
        "\"10s\"",
        "\"10\"",
        r#"
error: "10" has no unit
 --> scenarios/outage.toml:4:24
  |
4 | stages = [{ duration = "10", target = 10 }, { duration = "20s", target = 10 }]
  |                        ^^^^
  |
  = help: write "10s" for seconds, or use ms, m, h, d"#,
    );
}

#[test]
fn a_number_that_its_type_cannot_hold_is_answered_with_the_largest() {
    assert_prints(
        "breaker = {",
        "queue = { capacity = 5000000000 }\nbreaker = {",
        r#"
error: `capacity` is too large
 --> scenarios/outage.toml:9:22
  |
9 | queue = { capacity = 5000000000 }
  |                      ^^^^^^^^^^
  |
  = help: it is a whole number from 0 to 4294967295"#,
    );
}

#[test]
fn a_negative_target() {
    assert_prints(
        "target = 10 }, ",
        "target = -1 }, ",
        r#"
error: `target` cannot be negative
 --> scenarios/outage.toml:4:40
  |
4 | stages = [{ duration = "10s", target = -1 }, { duration = "20s", target = 10 }]
  |                                        ^^
  |
  = help: it is a whole number, 0 or more"#,
    );
}

#[test]
fn a_fault_after_the_end() {
    assert_prints(
        "at = \"12s\"",
        "at = \"2m\"",
        r#"
error: the fault begins at 2m, and the load has ended at 30s
  --> scenarios/outage.toml:15:6
   |
15 | at = "2m"
   |      ^^^^
   |
   = help: let it begin before 30s, or make the load longer"#,
    );
}

#[test]
fn a_fault_that_outlasts_the_load() {
    assert_error(
        &with("lasts = \"5s\"", "lasts = \"20s\""),
        (16, 9),
        "ends at 32s, after the load, which ends at 30s",
        "at most 18s",
    );
}

#[test]
fn a_fault_that_no_journey_can_meet() {
    for (from, to, at, message) in [
        ("vendor = \"clay\"", "vendor = \"customer_io\"", (14, 10), "no journey calls `customer_io`"),
        ("vendor = \"clay\"", "how = \"close\"\nroutes = [\"customer_io.track\"]", (15, 10), "no journey calls `customer_io`"),
    ] {
        let text = with(from, to).replace("\"lead\"", "\"clay.enrich\"");
        let warnings = read(&text).unwrap().warnings;
        let [warning] = warnings.problems() else { panic!("{warnings}") };
        assert_eq!((warning.line, warning.column), at, "{warnings}");
        assert!(warning.message.contains(message), "{warnings}");
    }
    let credits = VALID.replace("kind = \"outage\"\nvendor = \"clay\"", "kind = \"credits\"");
    let warnings = read(&credits.replace("\"lead\"", "\"customer_io.track\"")).unwrap().warnings;
    assert!(warnings.to_string().contains("no journey calls `clay`"), "{warnings}");
    assert!(read(&credits).unwrap().warnings.is_empty());
}

#[test]
fn a_key_in_other_letters_is_one_mistake() {
    for (from, to, at, help) in [
        ("journeys = [{ journey = \"lead\" }]", "journey = [{ journey = \"lead\" }]", (6, 1), "did you mean `journeys`?"),
        ("executor =", "Executor =", (3, 1), "did you mean `executor`?"),
        ("kind = \"outage\"", "knid = \"outage\"", (13, 1), "did you mean `kind`?"),
        ("{ duration = \"10s\", target", "{ duratoin = \"10s\", target", (4, 13), "did you mean `duration`?"),
    ] {
        assert_error(&with(from, to), at, "there is no key", help);
    }
}

/// The warning of a load and the limit that ends it; none where the limit is as high as its help says.
#[track_caller]
fn assert_limited(text: &str, (line, column): (usize, usize), message: &str, lifted: &str) {
    let warnings = read(text).expect("a valid scenario").warnings;
    let [warning] = warnings.problems() else { panic!("not one warning:\n{warnings}") };
    assert_eq!((warning.line, warning.column), (line, column), "{warnings}");
    assert!(warning.message.contains(message), "{warnings}");
    assert!(warning.help.contains(lifted), "{warnings}");
}

#[test]
fn a_load_that_a_limit_ends_before_its_plan() {
    let iterations = "executor = \"shared-iterations\"\nvus = 10\niterations = 60_000";
    let ramp = "executor = \"ramping-vus\"\nstages = [{ duration = \"10s\", target = 10 }, { duration = \"20s\", target = 10 }]";
    let enough = "[resilience.clay]\ncredits = { daily_limit = 360_000 }";
    let [fixed, timed] = [with(ramp, iterations), with("think_time = \"3s\"", "think_time = \"1s\"")]
        .map(|text| text.replace("lasts = \"5s\"\n", "").replace("at = \"12s\"", "at = \"1s\"\nlasts = \"1s\""));
    // 10 users rise for 10 s and stay for 20 s: 250 s of users, an iteration of 1 s and its pause of 1 s.
    assert_limited(
        &timed,
        (8, 1),
        "is used up by 83 leads at an estimate of 6 each, and this load sends about 125",
        "daily_limit = 750 }",
    );
    let written =
        |limit: u64| timed.replace("[resilience.clay]", &format!("[resilience.clay]\ncredits = {{ daily_limit = {limit} }}"));
    assert_limited(&written(700), (9, 27), "a day's budget of 700 credits is used up by 116 leads", "daily_limit = 750 }");
    for none in [written(750), timed.replace("\"lead\"", "\"customer_io.track\"").replace("vendor = \"clay\"\n", "")] {
        let warnings = read(&none).unwrap().warnings;
        assert!(warnings.is_empty(), "{warnings}");
    }
    for (threshold, warned) in [("credits_reserved = [\"count>=490\"]", 0), ("credits_reserved = [\"count<=500\"]", 1)] {
        let asked = timed.replace("[thresholds]", &format!("[thresholds]\n{threshold}"));
        assert_eq!(read(&asked).unwrap().warnings.problems().len(), warned, "{threshold}");
    }
    // A third of the journeys enrich a lead.
    let drawn = "journeys = [{ journey = \"lead\" }, { journey = \"customer_io.track\", weight = 2 }]";
    let drawn = timed.replace("journeys = [{ journey = \"lead\" }]", drawn);
    assert!(read(&drawn).unwrap().warnings.is_empty(), "41 leads");

    let fixed = fixed.replace("[resilience.clay]", enough);
    let message = "takes 50,000 submissions in its life and refuses the rest with 403, and this load sends 60,000";
    assert_limited(&fixed, (7, 12), message, "webhook_submissions = 60000` or more in `[simulation.clay]`");
    let lifted = format!("{fixed}\n[simulation.clay]\nwebhook_submissions = 60_000\n");
    assert!(read(&lifted).unwrap().warnings.is_empty());
    // The real one has no setting.
    let real = "name = \"x\"\nquestion = \"?\"\nexecutor = \"shared-iterations\"\nvus = 1\niterations = 50_001\n\
                journeys = [{ journey = \"clay.enrich\" }]\n[target]\nclay = \"https://clay.example\"\n\
                clay_webhook_path = \"/v3/sources/webhook/1\"\n[resilience.clay]\ncredits = { daily_limit = 300_006 }\n";
    assert_limited(real, (9, 21), "takes 50,000 submissions in its life", "play the load in parts");
    assert!(read(&real.replace("50_001", "50_000")).unwrap().warnings.is_empty());
}

#[test]
fn a_fault_of_callbacks_where_there_are_none() {
    let text = with("kind = \"outage\"", "kind = \"webhook\"\nhow = \"twice\"");
    let warnings = read(&text).unwrap().warnings;
    let [warning] = warnings.problems() else { panic!("{warnings}") };
    assert_eq!((warning.line, warning.column), (13, 8), "{warnings}");
    assert!(warning.message.contains("no callbacks") && warning.help.contains("callbacks = { url"), "{warnings}");
    let called =
        text.replace("[thresholds]", "[simulation.clay]\ncallbacks = { url = \"http://127.0.0.1:3000/\" }\n[thresholds]");
    let warnings = read(&called).unwrap().warnings;
    assert!(warnings.is_empty(), "{warnings}");
}

#[test]
fn two_faults_of_one_name() {
    let twice = with(
        "[thresholds]",
        "[[faults]]\nname = \"outage\"\nkind = \"error\"\nstatus = 500\nat = \"1s\"\nlasts = \"1s\"\n[thresholds]",
    );
    assert_error(&twice, (19, 8), "there are two faults `outage`", "give each its own");
}

#[test]
fn a_journey_that_does_not_exist() {
    assert_prints(
        "\"lead\"",
        "\"leed\"",
        r#"
error: `journey` cannot be `leed`
 --> scenarios/outage.toml:6:25
  |
6 | journeys = [{ journey = "leed" }]
  |                         ^^^^^^
  |
  = help: did you mean `lead`? It can be `clay.resource`, `clay.enrich`, `customer_io.identify`, `customer_io.track`, `lead` or `http`"#,
    );
}

#[test]
fn a_threshold_on_a_metric_that_does_not_exist() {
    assert_prints(
        "http_req_duration =",
        "http_request_duration =",
        r#"
error: there is no metric `http_request_duration`
  --> scenarios/outage.toml:19:1
   |
19 | http_request_duration = ["p(95)<500"]
   | ^^^^^^^^^^^^^^^^^^^^^
   |
   = help: did you mean `http_req_duration`?"#,
    );
}

#[test]
fn a_threshold_that_this_scenario_can_have_no_data_for() {
    assert_prints(
        "leads_lost = [\"count==0\"]",
        "\"http_reqs{vendor:service}\" = [\"count>0\"]",
        r#"
error: no vendor of this scenario is `service`
  --> scenarios/outage.toml:20:1
   |
20 | "http_reqs{vendor:service}" = ["count>0"]
   | ^^^^^^^^^^^^^^^^^^^^^^^^^^^
   |
   = help: here it can be `clay` or `customer_io`"#,
    );
    let only_http = with("\"lead\"", "\"http\", url = \"http://127.0.0.1:9/\"");
    assert_error(&only_http, (20, 1), "no journey goes through a pipeline, so `leads_lost` has no data", "`lead`, `clay.enrich`");
    let no_credits = with("[thresholds]", "[thresholds]\ncredits_reserved = [\"count<500\"]")
        .replace("breaker = {", "credits = false\nbreaker = {");
    assert_error(&no_credits, (20, 1), "has no budget of credits", "not switched off");
    let used = no_credits.replace("credits_reserved", "credits_used");
    assert!(read(&used).is_ok(), "an account is charged without a budget too");
    let real = "name = \"x\"\nquestion = \"?\"\nexecutor = \"constant-vus\"\nvus = 1\nduration = \"1s\"\n\
                journeys = [{ journey = \"clay.enrich\" }]\n[target]\nclay = \"https://clay.example\"\n\
                clay_webhook_path = \"/v3/sources/webhook/1\"\n[thresholds]\ncredits_used = [\"count<500\"]\n";
    assert_error(real, (11, 1), "adds no rows at a simulated Clay, so `credits_used` has no data", "`credits_reserved`");
    let elsewhere = used.replace("\"lead\"", "\"customer_io.track\"").replace("vendor = \"clay\"", "vendor = \"customer_io\"");
    assert_error(&elsewhere, (20, 1), "adds no rows at a simulated Clay", "`clay.enrich`");
    let no_breaker = with("[thresholds]", "[thresholds]\n\"breaker_open_seconds{vendor:clay}\" = [\"count>0\"]")
        .replace("breaker = { failures = 5, cooldown = \"2s\" }", "breaker = false");
    assert_error(&no_breaker, (19, 1), "no vendor of this scenario is `clay`", "`customer_io`");
    let no_check = with("http_req_duration =", "\"checks{check:status is 200}\" = [\"rate==1\"]\nhttp_req_duration =");
    assert_error(&no_check, (19, 1), "no check of this scenario is `status is 200`", "`operation is answered by the vendor`");
    let no_phase = with("http_req_duration =", "\"http_req_duration{phase:2}\" =");
    assert_error(&no_phase, (19, 1), "there is no phase 2", "from 0 to 1");
}

#[test]
fn a_condition_is_pointed_at_where_it_is_wrong() {
    assert_prints(
        "p(95)<500",
        "p(95)<500 milliseconds",
        r#"
error: `500 milliseconds` is not a duration
  --> scenarios/outage.toml:19:29
   |
19 | http_req_duration = ["p(95)<500 milliseconds"]
   |                             ^^^^^^^^^^^^^^^^
   |
   = help: write milliseconds without a unit (500), or a duration like 500ms or 1.5s"#,
    );
    let escaped = with("\"p(95)<500\"", "\"p(95)<50\\u0030x\"");
    assert_error(&escaped, (19, 22), "not a duration", "500ms");
}

#[test]
fn a_file_of_leads_that_is_not_there() {
    let text = with("[resilience.clay]", "[data]\nfile = \"nowhere.csv\"\n[resilience.clay]");
    assert_error(&text, (9, 8), "nowhere.csv: the file of leads cannot be read", "it is looked for at scenarios/nowhere.csv");
}

#[test]
fn a_file_of_leads_names_row_and_column() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("leads.csv"), b"email,name\na@b.example,A\n,B\nc@d.example,\xff\n").unwrap();
    let text = with("[resilience.clay]", "[data]\nfile = \"leads.csv\"\n[resilience.clay]");
    let errors = TestPlan::parse(&text, &directory.path().join("outage.toml")).unwrap_err();
    let messages: Vec<&str> = errors.problems().iter().map(|problem| problem.message.as_str()).collect();
    assert_eq!(
        messages,
        [
            "leads.csv: row 2 (line 3): `email` is empty",
            "leads.csv: row 3 (line 4), column `name`: not UTF-8 from byte 1 of the field",
        ]
    );
}

#[test]
fn a_question_is_one_line_that_can_be_printed() {
    let question = |text: &str| with("\"Does every lead survive?\"", text);
    let plan = read(&question("\"\"\"\nDoes every\n  lead survive?\"\"\"")).unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!(plan.question, "Does every lead survive?");
    assert_error(&question(r#""Well?\u001b[2J""#), (2, 12), "control characters", "plain words");
}

#[test]
fn what_is_missing_is_named() {
    assert_error(
        &with("question = \"Does every lead survive?\"\n", ""),
        (1, 1),
        "`question` is missing",
        "The question that the run answers",
    );
    assert_error(&with("at = \"12s\"\n", ""), (11, 1), "`at` is missing", "When it begins");
    assert_error(
        &with("stages = [{ duration = \"10s\", target = 10 }, { duration = \"20s\", target = 10 }]\n", ""),
        (3, 12),
        "needs stages",
        "stages = [",
    );
}

#[test]
fn keys_of_another_executor_journey_kind_or_window_are_refused() {
    assert_error(
        &with("think_time", "vus = 3\nthink_time"),
        (5, 1),
        "`vus` does not belong to executor `ramping-vus`",
        "`stages`, `startVUs` and `gracefulRampDown`",
    );
    assert_error(
        &with("\"lead\"", "\"lead\", url = \"http://x/\""),
        (6, 33),
        "`url` does not belong to journey `lead`",
        "no keys of its own",
    );
    assert_error(
        &with("at = \"12s\"", "status = 500\nat = \"12s\""),
        (15, 1),
        "`status` does not belong to a fault of kind `outage`",
        "`how`",
    );
    assert_error(&with("failures = 5", "calls = 5"), (9, 13), "`calls` does not belong to window `consecutive`", "`failures`");
}

/// The valid scenario with another fault, whose kind and keys begin in line 13.
fn with_fault(keys: &str) -> String {
    with("kind = \"outage\"\nvendor = \"clay\"\n", &format!("{keys}\n"))
}

#[test]
fn a_fault_with_every_key_of_its_kind_is_valid() {
    for keys in [
        "kind = \"outage\"\nhow = \"drop\"",
        "kind = \"auth\"\nstatus = 403\nnew_key = \"simulated\"",
        "kind = \"credits\"",
        "kind = \"latency\"\nadd = { lognormal = { p50 = \"1s\", p99 = \"2s\" } }\njitter = \"10ms\"",
        "kind = \"lost_answer\"\nhow = \"reset\"\nshare = 0.1",
        "kind = \"hang\"\nevery = 5",
        "kind = \"reset\"\nwhen = \"within\"\nbytes = 10",
        "kind = \"malformed\"\nhow = \"content_length_too_long\"",
        "kind = \"truncate\"\nbytes = 0\ncustomers = [\"ada@example.com\"]",
        "kind = \"slow_body\"\nchunk = 2\npause = \"100ms\"",
        "kind = \"bandwidth\"\nbytes_per_second = 1000\nramp_up = \"1s\"\nramp_down = \"2s\"",
        "kind = \"webhook\"\nhow = \"late\"\nby = \"30s\"",
    ] {
        // So that there are callbacks to be late.
        let callbacks = "[simulation.clay]\ncallbacks = { url = \"http://127.0.0.1:3000/\" }\n[thresholds]";
        let text = with_fault(keys).replace("[thresholds]", callbacks);
        let scenario = read(&text).unwrap_or_else(|errors| panic!("{errors}"));
        assert!(scenario.warnings.is_empty(), "{}", scenario.warnings);
        assert_eq!(scenario.faults.len(), 1);
    }
}

#[test]
fn what_is_wrong_with_a_fault_is_told_at_its_key() {
    assert_error(&with_fault("kind = \"bandwidth\""), (13, 8), "needs `bytes_per_second`", "add `bytes_per_second = 1000`");
    assert_error(&with_fault("kind = \"hang\"\nbytes = 3"), (14, 1), "`bytes` does not belong", "no keys of its own");
    assert_error(&with_fault("kind = \"outage\"\nhow = \"late\""), (14, 7), "`how` cannot be `late`", "`refuse`, `drop`");
    assert_error(
        &with_fault("kind = \"outage\"\nhow = \"refused\""),
        (14, 7),
        "`how` cannot be `refused`",
        "did you mean `refuse`?",
    );
    assert_error(&with_fault("kind = \"losst_answer\""), (13, 8), "`kind` cannot be", "did you mean `lost_answer`?");
    assert_error(&with_fault("kind = \"auth\"\nstatus = 500"), (14, 10), "500 does not refuse a key", "401 or 403");
    assert_error(&with_fault("kind = \"hang\"\nevery = 0"), (14, 9), "too small", "from 1");
    assert_error(
        &with_fault("kind = \"hang\"\nevery = 2\nshare = 0.5"),
        (14, 9),
        "cannot choose its requests twice",
        "one of them",
    );
    assert_error(&with_fault("kind = \"hang\"\nramp_up = \"9s\""), (14, 11), "do not fit into the 5s", "as long as `lasts`");
    assert_error(&with_fault("kind = \"credits\"\nvendor = \"customer_io\""), (14, 10), "no part in", "only `clay` has credits");
    assert_error(&with_fault("kind = \"webhook\"\nhow = \"late\""), (13, 8), "needs `by`", "by = \"30s\"");
    assert_error(
        &with_fault("kind = \"hang\"\nroutes = [\"clay.webhok\"]"),
        (14, 11),
        "`clay.webhok`",
        "did you mean `clay.webhook`?",
    );
    assert_error(&with_fault("kind = \"hang\"\nramp_up = 5"), (14, 11), "must be a duration", "\"5s\"");
    let nested = "kind = \"latency\"\nadd = { lognormal = { p50 = \"2s\", p99 = \"1s\" } }";
    assert_error(&with_fault(nested), (14, 41), "below the median", "at least `p50`");
}

#[test]
fn a_fault_of_a_scenario_has_its_time() {
    let text = VALID.replace("lasts = \"5s\"\n", "");
    assert_error(&text, (11, 1), "`lasts` is missing", "How long it lasts.");
}

#[test]
fn values_that_contradict_each_other_are_refused() {
    assert_error(&with("vendor = \"clay\"", "vendor = \"clay\"\nshare = 0.5"), (15, 9), "refuses every request", "close");
    assert_error(
        &with("vendor = \"clay\"", "vendor = \"clay\"\nhow = \"close\"\nroutes = [\"customer_io.track\"]"),
        (16, 11),
        "not a route",
        "customer_io",
    );
    assert_error(
        &with("\"3s\"", "{ lognormal = { p50 = \"2s\", p99 = \"1s\" } }"),
        (5, 48),
        "below the median",
        "at least `p50`",
    );
    assert_error(&with("\"3s\"", "{ uniform = [\"2s\", \"1s\"] }"), (5, 26), "below the shortest", "[shortest, longest]");
    assert_error(&with("\"3s\"", "{ normal = \"2s\" }"), (5, 16), "no key `normal`", "did you mean `lognormal`?");
    let twice = with("[{ journey = \"lead\" }]", "[{ journey = \"lead\" }, { journey = \"lead\" }]");
    assert_error(&twice, (6, 47), "two journeys `lead`", "sum of the weights");
    let shared = with("executor = \"ramping-vus\"", "executor = \"shared-iterations\"\nvus = 10\niterations = 3")
        .replace("stages = [{ duration = \"10s\", target = 10 }, { duration = \"20s\", target = 10 }]\n", "");
    assert_error(&shared, (5, 14), "10 users cannot share 3 iterations", "at least 10");
}

#[test]
fn a_delay_that_the_simulator_cannot_wait_for_is_refused() {
    let text = with("[[faults]]", "[simulation.clay]\nlatency = \"2h\"\n[[faults]]");
    assert_error(&text, (12, 11), "does not wait for 2h", "at most 1h");
}

#[test]
fn a_target_needs_what_its_journeys_do_and_takes_no_faults() {
    let text = VALID.replace("[resilience.clay]", "[target]\nclay = \"https://clay.example\"\n[resilience.clay]");
    let messages: Vec<String> = errors_of(&text).problems().iter().map(|problem| problem.message.clone()).collect();
    for expected in ["needs `clay_webhook_path`", "needs `customer_io`", "needs `customer_io_site_id`", "would break nothing"] {
        assert!(messages.iter().any(|message| message.contains(expected)), "{expected}: {messages:?}");
    }
}

#[test]
fn a_credential_is_refused_and_not_shown() {
    let text = VALID.replace("[resilience.clay]", "[target]\nclay_api_key = \"sk-1234567\"\n[resilience.clay]");
    let shown = errors_of(&text).to_string();
    assert!(shown.contains("a credential does not belong in this file") && shown.contains("{ env = \"NAME\" }"), "{shown}");
    assert!(!shown.contains("sk-1234567"), "{shown}");

    let header = with("\"lead\"", "\"http\", url = \"http://127.0.0.1:9/\", headers = { Authorization = \"Bearer sk-7654321\" }");
    let shown = errors_of(&header).to_string();
    assert!(shown.contains("a credential does not belong") && !shown.contains("sk-7654321"), "{shown}");

    let url = with("\"lead\"", "\"http\", url = \"http://user:hunter2@127.0.0.1:9/\"");
    let shown = errors_of(&url).to_string();
    assert!(shown.contains("a credential does not belong in a URL") && !shown.contains("hunter2"), "{shown}");
}

/// The valid scenario with a journey `http` of these keys. The first of them stands at column 31.
fn http(keys: &str) -> String {
    with("journey = \"lead\"", &format!("journey = \"http\", {keys}"))
}

#[test]
fn a_url_is_encoded_as_a_browser_would_or_refused_with_the_reason() {
    for (written, sent) in [
        ("http://127.0.0.1:9/a b?q=c d", "http://127.0.0.1:9/a%20b?q=c%20d"),
        ("http://127.0.0.1:9/größe?q=ü", "http://127.0.0.1:9/gr%C3%B6%C3%9Fe?q=%C3%BC"),
        ("http://bücher.test/<x>", "http://xn--bcher-kva.test/%3Cx%3E"),
        ("HTTP://127.0.0.1:80/{id}?a=%20%zz&b=[]|", "http://127.0.0.1/%7Bid%7D?a=%20%zz&b=[]|"),
    ] {
        let text =
            http(&format!("url = \"{written}\"")).replace("http_req_duration", "http_reqs").replace("p(95)<500", "count>1");
        let text = text.replace("leads_lost = [\"count==0\"]", "");
        let plan = read(&text).unwrap_or_else(|errors| panic!("{errors}"));
        let Journey::Http(journey) = &plan.scenarios[0].journeys[0].journey else { panic!("another journey") };
        assert_eq!(journey.url.to_string(), sent);
    }
    for (written, message) in [
        ("nowhere", "is not a whole URL"),
        ("/path", "is not a whole URL"),
        ("http:///leads", "is not a whole URL"),
        ("ftp://127.0.0.1/", "is not a whole URL"),
        ("http://", "is not a whole URL"),
        ("http://127.0.0.1:99999/", "is not a URL: invalid port number"),
        ("http://a b/", "is not a URL: invalid international domain name"),
        ("http://127.0.0.1:9/a\\nb", "holds a line break"),
        ("http://127.0.0.1:9/leads#1", "what follows `#` in a URL is never sent"),
    ] {
        let shown = errors_of(&http(&format!("url = \"{written}\""))).to_string();
        assert!(shown.contains(message), "{written}: {shown}");
    }
    let target = VALID.replace("[resilience.clay]", "[target]\nclay = \"https://clay.example?v=1\"\n[resilience.clay]");
    assert!(errors_of(&target).to_string().contains("paths are put behind this URL"));
}

#[test]
fn a_share_is_a_percentage_or_a_fraction_and_what_could_be_either_is_asked_back() {
    let breaker = |rate: &str| {
        let written = format!("breaker = {{ window = \"count\", failure_rate = {rate}, cooldown = \"2s\" }}");
        VALID.replace("breaker = { failures = 5, cooldown = \"2s\" }", &written)
    };
    let slo = |keys: &str| VALID.replace("[thresholds]", &format!("[slo]\n{keys}\n[thresholds]"));
    let share =
        |share: &str| VALID.replace("kind = \"outage\"\n", &format!("kind = \"outage\"\nhow = \"close\"\nshare = {share}\n"));
    let degraded = |share: &str| VALID.replace("[thresholds]", &format!("[expect]\nmax_degraded = {share}\n[thresholds]"));
    let rate_of = |text: &str| read(&breaker(text)).unwrap().resilience[Vendor::Clay].breaker.unwrap().failure_rate;
    assert_eq!((rate_of("25"), rate_of("\"25%\""), rate_of("\"0.5%\"")), (25.0, 25.0, 0.5));
    let slo_of = |rate: &str| slo(&format!("percentile = 95\nlatency = \"500ms\"\nerror_rate = {rate}"));
    for text in [slo_of("0.01"), slo_of("\"1%\""), share("0.3"), share("\"30%\""), degraded("0.05"), degraded("\"5%\"")] {
        assert!(read(&text).is_ok(), "{text}");
    }
    for (text, message, help) in [
        (breaker("0.5"), "is 0.5 % meant, or 50 %?", "write \"0.5%\" or \"50%\""),
        (breaker("\"half\""), "\"half\" is not a percentage", "\"5%\""),
        (slo("percentile = 0.95\nlatency = \"500ms\"\nerror_rate = 0.01"), "0.95 is next to the lowest", "write 95"),
        (slo_of("5"), "5 is more than all", "write \"5%\" or 0.05"),
        (breaker("0"), "opens at 0 % never closes", "above 0"),
        (share("30"), "30 is more than all", "write \"30%\" or 0.3"),
        (degraded("5"), "5 is more than all", "write \"5%\" or 0.05"),
    ] {
        let shown = errors_of(&text).to_string();
        assert!(shown.contains(message) && shown.contains(help), "{text}: {shown}");
        assert_eq!(shown.matches("error: ").count(), 1, "{shown}");
    }
}

#[test]
fn what_nothing_fills_in_is_refused() {
    let http = |keys: &str| {
        VALID.replace(
            "journeys = [{ journey = \"lead\" }]",
            &format!("journeys = [{{ journey = \"lead\" }}, {{ journey = \"http\", {keys} }}]"),
        )
    };
    for keys in [
        "url = \"http://127.0.0.1:9/\", method = \"POST\", body = \"{\\\"vu\\\": ${__VU}}\"",
        "url = \"http://127.0.0.1:9/${ __VU }\"",
        "url = \"http://127.0.0.1:9/\", headers = { x-user = \"${__VU}\" }",
    ] {
        let shown = errors_of(&http(keys)).to_string();
        assert!(shown.contains("`${__VU}` would be sent as it stands"), "{shown}");
    }
    assert!(read(&http("url = \"http://127.0.0.1:9/\", method = \"POST\", body = \"costs ${ and $5}\"")).is_ok());
}

#[test]
fn a_file_that_is_not_there_is_told_of_its_neighbour() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("outage.toml"), VALID).unwrap();
    let help = |name: &str| TestPlan::load(&dir.path().join(name)).unwrap_err().to_string();
    let meant = format!("did you mean {}?", dir.path().join("outage.toml").display());
    for name in ["outage", "outgae.toml"] {
        assert!(help(name).contains(&meant), "{}", help(name));
    }
    assert!(help("quickstart.toml").contains("there is no file of this name"), "{}", help("quickstart.toml"));
    assert!(help("").contains("it is a directory"), "{}", help(""));
}

#[test]
fn a_share_of_at_least_nothing_only_asks_for_data() {
    let plan = read(&VALID.replace("leads_lost = [\"count==0\"]", "http_req_failed = [\"rate>=0\"]")).unwrap();
    let [warning] = plan.warnings.problems() else { panic!("{}", plan.warnings) };
    assert!(warning.message.contains("holds whenever there is data") && warning.line == 20, "{}", plan.warnings);
    let never = errors_of(&VALID.replace("count==0", "count>=0")).to_string();
    assert!(never.contains("this can never fail"), "{never}");
}

#[test]
fn headers_and_methods_that_would_break_the_protocol_are_refused() {
    let url = "url = \"http://127.0.0.1:9/\"";
    for name in ["Content-Length", "transfer-encoding", "Host", "Connection", "TE", "Trailer", "Upgrade", "Keep-Alive", "Expect"]
    {
        let shown = errors_of(&http(&format!("{url}, headers = {{ {name} = \"3\" }}"))).to_string();
        assert!(shown.contains(&format!("`{name}` is written by the client")) && shown.contains("outage.toml:6:"), "{shown}");
    }
    for (method, message) in [
        ("get", "`get` is in lower case"),
        ("GET /", "`GET /` is not an HTTP method"),
        ("CONNECT", "`CONNECT` is a method for proxies"),
        ("TRACE", "`TRACE` is a method for proxies"),
    ] {
        let shown = errors_of(&http(&format!("{url}, method = \"{method}\""))).to_string();
        assert!(shown.contains(message), "{shown}");
    }
    let shown = errors_of(&http(&format!("{url}, method = \"M-SEARCH\""))).to_string();
    assert!(!shown.contains("M-SEARCH` is"), "{shown}");
}

#[test]
fn a_variable_that_is_not_set_stops_a_run_and_not_a_validation() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("http.toml");
    let text = "name = \"http\"\nquestion = \"Is it up?\"\nexecutor = \"constant-vus\"\nvus = 1\nduration = \"1s\"\n\
                journeys = [{ journey = \"http\", url = \"http://127.0.0.1:9/\", headers = { X-Api-Key = { env = \"PLIMSOLL_NO_SUCH_VARIABLE\" } } }]\n";
    std::fs::write(&path, text).unwrap();
    let errors = TestPlan::load(&path).unwrap_err();
    assert!(errors.to_string().contains("PLIMSOLL_NO_SUCH_VARIABLE is not set"), "{errors}");
    let warnings = TestPlan::validate(&path).unwrap().warnings;
    assert_eq!(warnings.problems()[0].severity, Severity::Warning);
    assert!(
        warnings.to_string().starts_with("warning: the environment variable PLIMSOLL_NO_SUCH_VARIABLE is not set"),
        "{warnings}"
    );
}

#[test]
fn what_is_no_toml_is_pointed_at() {
    assert_prints(
        "\"lead\" }]",
        "lead }]",
        r#"
error: string values must be quoted
 --> scenarios/outage.toml:6:25
  |
6 | journeys = [{ journey = lead }]
  |                         ^^^^
  |
  = help: expected literal string; everything else is judged once the file is TOML"#,
    );
}

#[test]
fn a_file_of_another_kind_is_one_mistake() {
    let service = "[store]\npath = \"leads.sqlite\"\n[resilience.clay]\ncredits = false\n";
    let cargo = "[package]\nname = \"shop\"\n[dependencies]\nserde = \"1\"\n";
    let as_scenario = |text: &str| TestPlan::parse(text, Path::new("a.toml")).err();
    let as_service = |text: &str| ServiceConfig::read(text, Path::new("a.toml"), &|_| None).err();
    let one = |errors: Option<ConfigErrors>, message: &str, help: &str| {
        let errors = errors.expect("a file of another kind");
        let [problem] = errors.problems() else { panic!("not one problem:\n{errors}") };
        assert!(problem.message.contains(message) && problem.help.contains(help), "{errors}");
    };
    one(
        as_scenario(service),
        "this is a configuration of the service, not a scenario",
        "`plimsoll serve --config FILE` takes it",
    );
    one(as_service(VALID), "this is a scenario, not a configuration of the service", "`plimsoll run FILE` takes it");
    one(as_scenario(cargo), "this is not a scenario: it has none of its keys", "`plimsoll new NAME` writes a scenario");
    one(as_service(cargo), "this is not a configuration of the service", "`plimsoll serve --example");
    for not_toml in [
        "{\n  \"name\": \"a\",\n  \"stages\": [{ \"target\": 3 }]\n}\n",
        "import http from 'k6/http';\nexport default () => {};\n",
    ] {
        one(as_scenario(not_toml), "this is not TOML", "`plimsoll new NAME` writes a scenario");
    }
}

#[test]
fn six_mistakes_are_told_in_one_go() {
    let text = r#"name = "six"
question = "How many?"
executr = "ramping-vus"
executor = "ramping-vus"
stages = [{ duration = "10", target = 10 }, { duration = "10s", target = -4 }]
journeys = [{ journey = "lead" }]
[[faults]]
name = "outage"
kind = "outage"
vendor = "klay"
at = "5s"
lasts = "5s"
[thresholds]
http_req_duration = ["p95<500"]
http_req_failed = ["rate<101%"]
"#;
    let places: Vec<(usize, usize)> = errors_of(text).problems().iter().map(|problem| (problem.line, problem.column)).collect();
    assert_eq!(places, [(3, 1), (5, 24), (5, 74), (10, 10), (14, 23), (15, 26)]);
}

#[test]
fn a_left_out_item_does_not_move_the_places_of_those_behind_it() {
    let text = with("[{ journey = \"lead\" }]", "[{ journey = \"leed\" }, { journey = \"http\", url = \"nowhere\" }]");
    let places: Vec<(usize, usize)> = errors_of(&text).problems().iter().map(|problem| (problem.line, problem.column)).collect();
    assert_eq!(places, [(6, 25), (6, 61)]);
}

#[test]
fn a_file_that_cannot_be_read_says_so() {
    let errors = TestPlan::load(Path::new("no/such/file.toml")).unwrap_err();
    assert!(errors.to_string().contains("the scenario cannot be read"), "{errors}");
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("latin1.toml");
    std::fs::write(&path, b"name = \"caf\xe9\"\n").unwrap();
    let errors = TestPlan::load(&path).unwrap_err();
    assert_eq!((errors.problems()[0].line, errors.problems()[0].column), (1, 12), "{errors}");
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(text in "\\PC{0,200}") {
        if let Err(errors) = read(&text) {
            let _ = errors.to_string();
        }
    }

    /// Nearly valid files: a stretch of the valid one is replaced by pieces of TOML.
    #[test]
    fn no_half_right_file_makes_the_reader_panic(
        from in 0_usize..VALID.len(),
        length in 0_usize..40,
        piece in "([a-z_]{1,9}|\"|=|\\[|\\]|\\{|\\}|,|\n|é|-?[0-9]{1,20}|0x[0-9a-f]{1,20}|[0-9]e[0-9]{1,4}|inf|nan|\"1s\"|true){0,4}",
    ) {
        let to = (from + length).min(VALID.len());
        let text = format!("{}{piece}{}", &VALID[..from], &VALID[to..]);
        if let Err(errors) = read(&text) {
            prop_assert!(!errors.problems().is_empty());
            // What the schema passes, the types read.
            prop_assert!(errors.problems().iter().all(|problem| !problem.help.contains("JSON Schema")), "{errors}");
            let _ = errors.to_string();
        }
    }
}

#[test]
fn depth_is_no_way_to_bring_the_reader_down() {
    for deep in ["[", "{ a = ", "a."] {
        assert!(read(&format!("name = {}", deep.repeat(100_000))).is_err());
        assert!(read(&format!("{}name = 1", deep.repeat(100_000))).is_err());
    }
}

/// The valid scenario with these lines as its `[target]`, from line 8 on.
fn to_target(target: &str) -> String {
    VALID.replace("[resilience.clay]", &format!("[target]\n{target}\n[resilience.clay]"))
}

#[test]
fn a_service_takes_leads_and_nothing_else() {
    let text = to_target("service = \"start\"").replace("journey = \"lead\"", "journey = \"clay.enrich\"");
    assert_error(&text, (6, 25), "journey `clay.enrich` calls a vendor directly", "use journey `lead`");
    let text = to_target("service = \"start\"\nclay = \"https://clay.example\"");
    assert_error(&text, (10, 1), "`clay` does not belong to a target with `service`", "service_timeout");
    let text = to_target("service = \"strat\"");
    assert_error(&text, (9, 11), "`strat` is not a service", "write \"start\"");
    let text = to_target("service = \"start\"\nservice_timeout = \"0s\"");
    assert_error(&text, (10, 19), "the timeout must be longer than zero", "above");
    let text = to_target("service_timeout = \"1s\"\n").replace("lead\"", "http\", url = \"http://127.0.0.1:1\"");
    assert!(errors_of(&text).to_string().contains("does not belong to a target without `service`"));
}

#[test]
fn a_vendor_beyond_this_machine_is_called_over_tls_unless_it_is_said_otherwise() {
    let to = |url: &str, more: &str| {
        with("journeys = [{ journey = \"lead\" }]\n", "journeys = [{ journey = \"clay.resource\" }]\n")
            + &format!("[target]\nclay = \"{url}\"\nclay_api_key = {{ env = \"PATH\" }}\n{more}")
    };
    let said = |text: &str| read(text).err().map(|errors| errors.to_string()).unwrap_or_default();
    let crosses = "leads and credentials for Clay would cross the network unencrypted";
    for away in ["http://mock.internal:8081", "http://10.0.0.5", "http://127.0.0.1.evil.test", "http://[2001:db8::1]:80"] {
        assert!(said(&to(away, "")).contains(crosses), "{away}");
        assert!(!said(&to(away, "plain_http = true\n")).contains(crosses), "{away}");
    }
    for fine in ["http://127.0.0.1:8081", "http://LOCALHOST:1", "http://[::1]:8081", "http://127.9.9.9", "https://api.clay.com"] {
        assert!(!said(&to(fine, "")).contains(crosses), "{fine}: {}", said(&to(fine, "")));
    }
}

#[test]
fn the_token_of_a_service_is_for_ones_own_and_from_the_environment() {
    let text = to_target("service = \"start\"\nservice_token = { env = \"PATH\" }");
    assert_error(&text, (10, 1), "does not belong to a service that the run starts", "service_timeout");
    let ports = "[simulation]\nclay = { port = 4101 }\n[thresholds]";
    let text = to_target("service = \"http://127.0.0.1:1\"\nservice_token = \"hush-hush-1\"").replace("[thresholds]", ports);
    let errors = errors_of(&text).to_string();
    assert!(errors.contains("a credential does not belong in this file") && !errors.contains("hush-hush"), "{errors}");
}

#[test]
fn faults_behind_ones_own_service_need_vendors_at_known_ports() {
    let text = to_target("service = \"http://127.0.0.1:8080\"");
    let errors = errors_of(&text).to_string();
    assert!(errors.contains("no vendor is simulated") && errors.contains("outage.toml:13:1"), "{errors}");
    assert!(errors.contains("`[simulation.clay]` with `port = 4101`"), "{errors}");
    let text = text.replace("[thresholds]", "[simulation]\nclay = { port = 4101 }\ncustomer_io = { port = 4102 }\n[thresholds]");
    let warnings = read(&text).unwrap().warnings.to_string();
    assert!(warnings.contains("your own service has its own patterns"), "{warnings}");
}

#[test]
fn what_a_service_does_not_measure_cannot_be_a_threshold() {
    let text = to_target("service = \"start\"").replace("http_req_duration", "\"http_req_duration{name:clay.webhook}\"");
    let errors = errors_of(&text).to_string();
    assert!(errors.contains("here it can be `service.leads`"), "{errors}");
    let text = text
        .replace("name:clay.webhook", "name:service.leads")
        .replace("leads_lost", "\"checks{check:lead is accepted durably}\"");
    let text = text.replace("count==0", "rate>0.9");
    read(&text).unwrap_or_else(|errors| panic!("{errors}"));
}

const BREAKER: &str = "breaker = { failures = 5, cooldown = \"2s\" }";

#[test]
fn a_memory_of_keys_that_is_shorter_than_the_retries() {
    assert_prints(
        BREAKER,
        "idempotency = { ttl = \"5m\" }",
        r#"
error: a key is remembered for 5m, but its operation may be retried for 38m34s
 --> scenarios/outage.toml:9:23
  |
9 | idempotency = { ttl = "5m" }
  |                       ^^^^
  |
  = help: make it at least "38m34s""#,
    );
    let text = with(BREAKER, "queue = { attempts = 10 }");
    assert_error(&text, (9, 9), "remembered for 1h, but", "add `idempotency = { ttl = \"17h");
    let text = with(BREAKER, "idempotency = { ttl = \"38m34s\" }");
    assert!(read(&text).is_ok(), "what the help says is right");
    let text = with(BREAKER, "idempotency = { ttl = \"5m\" }\nfallback = [\"local\"]\nretry = { deadline = \"30s\" }");
    assert!(read(&text).is_ok(), "without a queue five minutes are long enough");
}

#[test]
fn guards_that_adapt() {
    assert_error(&with(BREAKER, "in_flight = { max = 0 }"), (9, 21), "`max`", "1");
    assert_error(&with(BREAKER, "in_flight = { most = 5 }"), (9, 15), "no key `most`", "max");
    assert_error(&with(BREAKER, "throttle = { ratio = 0.5 }"), (9, 22), "`ratio`", "1");
    assert_error(&with(BREAKER, "throttle = { window = \"0s\" }"), (9, 23), "longer than", "2m");
    assert_error(&with(BREAKER, "retry = { deadline = \"0s\" }"), (9, 22), "the deadline must be greater than", "leave it out");
    assert_error(&with(BREAKER, "retry = { backoff = \"decorelated\" }"), (9, 21), "decorelated", "decorrelated");
    assert_error(&with(BREAKER, "breaker = { mode = \"metric_only\" }"), (9, 20), "metric_only", "metrics_only");
}

#[test]
fn a_step_behind_the_one_that_drops() {
    let text = with(BREAKER, "fallback = [\"drop\", \"queue\"]");
    assert_error(&text, (9, 21), "no step runs after \"drop\"", "put \"drop\" last");
}

#[test]
fn tags_that_samples_cannot_carry() {
    let journey = |tags: &str| with("{ journey = \"lead\" }", &format!("{{ journey = \"lead\", tags = {{ {tags} }} }}"));
    assert_error(&journey("vendor = \"x\""), (6, 42), "a tag `vendor` of their own", "another name");
    assert_error(&journey("a-b = \"x\""), (6, 42), "`a-b` cannot be a tag's name", "letters, digits and `_`");
    assert_error(&journey("team = \"a,b\""), (6, 42), "no threshold could select `team`", "without braces, commas");
    let many: Vec<String> = (0..17).map(|number| format!("t{number} = \"x\"")).collect();
    assert_error(&journey(&many.join(", ")), (6, 40), "17 tags are too many", "at most 16");
    let sets: Vec<String> = (0..65).map(|n| format!("{{ journey = \"lead\", tags = {{ n = \"{n}\" }} }}")).collect();
    let text = with("{ journey = \"lead\" }", &sets.join(", "));
    assert_error(&text, (6, 12), "65 different sets of tags", "at most 64");
}

#[test]
fn a_threshold_on_a_tag_that_no_sample_carries() {
    let journey = "{ journey = \"lead\", tags = { team = \"growth\" } }";
    let select = |tag: &str| {
        with("{ journey = \"lead\" }", journey).replace("http_req_duration =", &format!("\"http_req_duration{{{tag}}}\" ="))
    };
    assert!(read(&select("team:growth,scenario:default")).is_ok());
    assert_error(&select("taem:growth"), (19, 20), "no tag `taem`", "did you mean `team`?");
    assert_error(&select("team:sales"), (19, 1), "no team of this scenario is `sales`", "`growth`");
    assert_error(&select("scenario:spike"), (19, 1), "there is no scenario `spike`", "`default`");
}

#[test]
fn a_cost_of_a_lead_that_does_nothing_is_warned_of() {
    let warnings = |key: &str, target: &str| {
        let text = VALID.replace("breaker = {", &format!("credits = {{ {key} = 8 }}\nbreaker = {{"));
        read(&text.replace("[resilience.clay]", &format!("{target}[resilience.clay]"))).unwrap().warnings
    };
    let started = "[target]\nservice = \"start\"\n";
    let (most, estimate) = (warnings("max_per_lead", "").to_string(), warnings("per_lead", started).to_string());
    assert!(most.contains("no callback says what a lead did cost") && most.contains("9:28"), "{most}");
    assert!(estimate.contains("callbacks say what a lead did cost"), "{estimate}");
    assert!(warnings("per_lead", "").is_empty() && warnings("max_per_lead", started).is_empty());
}
