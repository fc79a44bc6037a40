//! What is written in a file arrives where a run reads it.

use std::path::Path;
use std::time::Duration;

use mock_server::fault::{FaultKind, Outage, RetryAfterStyle, SimulatedVendor};
use mock_server::latency::LatencyModel;

use super::read::read;
use super::{Journey, ServiceAt, Target, TestPlan, ThinkTime};
use crate::config::{Secret, Severity};
use crate::executor::Drive;
use crate::measure::DEFAULT_SCENARIO;
use crate::outcome::Vendor;
use crate::resilience::{
    Backoff, BreakerMode, FallbackStep, InFlightSettings, LimiterSettings, PipelineSettings, RetrySettings, ThrottleSettings,
    Window,
};
use crate::vendor_api::VendorAccess;
use mock_server::settings::RateLimit;

/// Every section, each key with a value that is not its default.
const FULL: &str = r#"
name = "full"
question = "Does every key arrive?"
seed = 7
executor = "ramping-vus"
startVUs = 3
stages = [{ duration = "10s", target = 10 }, { duration = "0s", target = 2 }, { duration = "1m30s", target = 0 }]
gracefulStop = "2s"
gracefulRampDown = "5s"
think_time = { exponential = "400ms" }

[[journeys]]
journey = "lead"
weight = 3
[[journeys]]
journey = "http"
name = "mine"
method = "PUT"
url = "http://127.0.0.1:9/leads?x=1"
headers = { Accept = "text/plain", Authorization = { env = "TOKEN", prefix = "Bearer " } }
body = "{}"
timeout = "3s"
expect_status = 201
expect_latency = "250ms"

[resilience.clay]
timeout = "4s"
idempotency = { capacity = 10, ttl = "5m" }
credits = { daily_limit = 600, per_lead = 4, failure_threshold = 2, cooldown = "1m", utc_offset_minutes = -60 }
limiter = { rate = 10, burst = 20, max_wait = "500ms" }
retry = { max_retries = 1, base_delay = "10ms", max_delay = "20ms", backoff = "full", budget_tokens = 10, budget_ratio = 0.2, deadline = "9s" }
in_flight = { max = 3, max_wait = "2s" }
throttle = { ratio = 1.5, window = "1m" }
fallback = ["cache", "local", "drop"]
queue = { attempts = 2, base_delay = "3s", capacity = 5, drain_pacing = "1ms", dead_letter_capacity = 6, cache_capacity = 7 }
health = { window = "1m", healthy_above = 99, degraded_above = 90 }
[resilience.clay.breaker]
mode = "forced_open"
window = "time"
span = "10s"
minimum_calls = 6
failure_rate = 25
slow_call = "2s"
slow_rate = 75
cooldown = "7s"
cooldown_jitter = 0.5
half_open_permits = 1
success_threshold = 2
half_open_max = "9s"

[resilience.customer_io]
breaker = false
retry = false
idempotency = false

[simulation.clay]
latency = { lognormal = { p50 = "10ms", p99 = "20ms" } }
rate_limit = { rate = 10, burst = 20 }
webhook_submissions = 100
port = 4001
[simulation.customer_io]
latency = "5ms"

[[faults]]
name = "later"
kind = "rate_limit"
rate = 5
burst = 3
retry_after = "date"
at = "20s"
lasts = "5s"
[[faults]]
name = "sooner"
kind = "error"
status = 503
body = "no"
vendor = "clay"
routes = ["clay.webhook"]
share = 0.25
at = "1s"
lasts = "2s"

[thresholds]
leads_lost = ["count==0"]
"http_req_duration{vendor:clay}" = ["p(95)<500", { threshold = "max<2s", abortOnFail = true, delayAbortEval = "10s" }]

[expect]
leads_lost = 1
duplicates = 2
credits_match_effects = true
max_degraded = "5%"
drains_within = "30s"
max_retry_amplification = 1.5
respects_retry_after = true
[expect.clay]
faults = ["sooner"]
opens_within = "3s"
opens_within_calls = 8
half_open_within = "11s"
closes_within = "15s"
max_false_open = "1s"
max_calls_while_open = 1.5

[slo]
percentile = 99
latency = "300ms"
error_rate = 0.001
[capacity]
cores = 2
[labels]
environment = "staging"
version = "1.4.0"
"#;

/// As little as a scenario can say.
const SHORT: &str = r#"
name = "short"
question = "What is left out?"
executor = "per-vu-iterations"
journeys = [{ journey = "clay.resource" }]
"#;

fn scenario(text: &str) -> TestPlan {
    let environment = |name: &str| (name == "TOKEN").then(|| "secret-value".to_owned());
    read(text, Path::new("full.toml"), &environment, Severity::Error).unwrap_or_else(|errors| panic!("{errors}"))
}

const fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

#[test]
fn what_is_written_about_the_load_arrives() {
    let test_plan = scenario(FULL);
    assert_eq!((test_plan.name.as_str(), test_plan.seed), ("full", Some(7)));
    let [only] = test_plan.scenarios.as_slice() else { panic!("{:?}", test_plan.scenarios) };
    let load = test_plan.total_load();
    assert_eq!((only.name.as_str(), only.load.executor.name()), (DEFAULT_SCENARIO, "ramping-vus"));
    assert_eq!((load.start_users(), load.duration()), (3, ms(100_000)));
    assert_eq!((only.load.start_time, only.load.graceful_stop), (ms(0), ms(2_000)));
    let Drive::Closed { graceful_ramp_down, .. } = only.load.executor.drive();
    assert_eq!(graceful_ramp_down, ms(5_000));
    assert_eq!(only.think_time, ThinkTime::Exponential { mean: ms(400) });
    assert_eq!(test_plan.target, Target::Simulated);
}

#[test]
fn limits_that_belong_to_the_whole_time_are_named() {
    let counts = "http_reqs = [\"count>10\", \"rate>1\"]\nqueue_depth = [\"value<5\"]\n";
    let test_plan = scenario(&FULL.replace("[thresholds]\n", &format!("[thresholds]\n{counts}"))).scaled(0.1);
    let named: Vec<&str> = test_plan.unscaled_limits().collect();
    assert_eq!(named, ["http_reqs: count>10", "queue_depth: value<5"]);
    assert_eq!(scenario(FULL).unscaled_limits().count(), 0, "no lead lost is none in any time");
}

#[test]
fn what_is_written_about_the_journeys_arrives() {
    let test_plan = scenario(FULL);
    let [lead, http] = test_plan.scenarios[0].journeys.as_slice() else { panic!("{:?}", test_plan.scenarios) };
    assert_eq!((lead.journey.name(), lead.weight, http.weight), ("lead", 3, 1));
    let Journey::Http(http) = &http.journey else { panic!("{http:?}") };
    assert_eq!((http.name.as_str(), http.method.as_str(), http.url.path()), ("mine", "PUT", "/leads"));
    assert_eq!((http.body.as_str(), http.timeout), ("{}", ms(3_000)));
    assert_eq!((http.expect_status, http.expect_latency), (Some(201), Some(ms(250))));
    let headers: Vec<(&str, &str)> = http.headers.iter().map(|(name, value)| (name.as_str(), value.expose())).collect();
    assert_eq!(headers, [("accept", "text/plain"), ("authorization", "Bearer secret-value")]);
    assert!(!format!("{test_plan:?}").contains("secret-value"));
}

#[test]
fn a_breaker_is_in_the_mode_that_is_written() {
    for (mode, expected) in [
        ("in_force", BreakerMode::InForce),
        ("disabled", BreakerMode::Disabled),
        ("metrics_only", BreakerMode::MetricsOnly),
        ("forced_open", BreakerMode::ForcedOpen),
    ] {
        let text = format!("{SHORT}\n[resilience.clay]\nbreaker = {{ mode = \"{mode}\" }}\n");
        assert_eq!(scenario(&text).resilience[Vendor::Clay].breaker.map(|breaker| breaker.mode), Some(expected));
    }
}

#[test]
fn what_is_written_about_the_pipelines_arrives() {
    let resilience = scenario(FULL).resilience;
    let clay = &resilience[Vendor::Clay];
    let idempotency = clay.idempotency.unwrap();
    assert_eq!((clay.timeout, idempotency.capacity, idempotency.ttl), (ms(4_000), 10, ms(300_000)));
    let credits = clay.credits.unwrap();
    assert_eq!((credits.daily_limit, credits.per_lead, credits.failure_threshold), (600, 4, 2));
    assert_eq!((credits.cooldown, credits.utc_offset_minutes), (ms(60_000), -60));
    assert_eq!(clay.limiter, Some(LimiterSettings { rate: 10.0, burst: 20, max_wait: ms(500) }));
    let retry = RetrySettings {
        max_retries: 1,
        base_delay: ms(10),
        max_delay: ms(20),
        max_retry_after: RetrySettings::default().max_retry_after,
        backoff: Backoff::Full,
        jitter: 0.3,
        budget_tokens: Some(10),
        budget_ratio: 0.2,
        deadline: Some(ms(9_000)),
    };
    assert_eq!(clay.retry, retry);
    assert_eq!(clay.in_flight, Some(InFlightSettings { max: 3, max_wait: ms(2_000) }));
    assert_eq!(clay.throttle, Some(ThrottleSettings { ratio: 1.5, window: ms(60_000) }));
    assert_eq!(clay.breaker.map(|breaker| breaker.mode), Some(BreakerMode::ForcedOpen));
    let fallback = &clay.fallback;
    assert_eq!(fallback.steps, [FallbackStep::Cache, FallbackStep::Local, FallbackStep::Drop]);
    assert_eq!((fallback.queue_attempts, fallback.queue_base_delay, fallback.drain_pacing), (2, ms(3_000), ms(1)));
    assert_eq!((fallback.queue_capacity, fallback.dead_letter_capacity, fallback.cache_capacity), (5, 6, 7));
    assert_eq!((clay.health.window, clay.health.healthy_above, clay.health.degraded_above), (ms(60_000), 99.0, 90.0));
    let customer_io = &resilience[Vendor::CustomerIo];
    assert!(customer_io.breaker.is_none() && customer_io.idempotency.is_none());
    assert_eq!(customer_io.retry.max_retries, 0);
}

#[test]
fn what_is_written_about_a_breaker_arrives() {
    let breaker = scenario(FULL).resilience[Vendor::Clay].breaker.unwrap();
    assert_eq!((breaker.window, breaker.span), (Window::Time, ms(10_000)));
    assert_eq!((breaker.minimum_calls, breaker.failure_rate), (6, 25.0));
    assert_eq!((breaker.slow_call, breaker.slow_rate), (Some(ms(2_000)), 75.0));
    assert_eq!((breaker.cooldown, breaker.cooldown_jitter), (ms(7_000), 0.5));
    assert_eq!((breaker.half_open_permits, breaker.success_threshold, breaker.half_open_max), (1, 2, ms(9_000)));
}

#[test]
fn what_is_written_about_the_vendors_arrives() {
    let simulation = scenario(FULL).simulation;
    assert_eq!(simulation.clay.latency, LatencyModel::Lognormal { p50: ms(10), p99: ms(20) });
    assert_eq!(simulation.clay.rate_limit, Some(RateLimit { rate: 10.0, burst: 20 }));
    assert_eq!((simulation.clay.webhook_submissions, simulation.clay_port), (100, 4001));
    assert_eq!(simulation.customer_io.latency, LatencyModel::Fixed { delay: ms(5) });
}

#[test]
fn faults_arrive_in_the_order_of_their_starts() {
    let faults = scenario(FULL).faults;
    let [sooner, later] = faults.as_slice() else { panic!("{faults:?}") };
    assert_eq!((sooner.name.as_str(), sooner.at, sooner.lasts, sooner.share), ("sooner", ms(1_000), Some(ms(2_000)), 0.25));
    assert_eq!((sooner.vendor, sooner.routes.as_slice()), (Some(SimulatedVendor::Clay), &["clay.webhook".to_owned()][..]));
    assert_eq!(sooner.kind, FaultKind::Error { status: 503, body: Some("no".to_owned()) });
    assert_eq!((later.vendor, later.share), (None, 1.0));
    assert_eq!(later.kind, FaultKind::RateLimit { rate: 5.0, burst: 3, retry_after: RetryAfterStyle::Date });
}

#[test]
fn thresholds_arrive_in_the_order_of_the_file() {
    let test_plan = scenario(FULL);
    let sources: Vec<&str> = test_plan.thresholds.iter().map(|threshold| threshold.source.as_str()).collect();
    let expected =
        ["leads_lost: count==0", "http_req_duration{vendor:clay}: p(95)<500", "http_req_duration{vendor:clay}: max<2s"];
    assert_eq!(sources, expected);
    let abort = test_plan.thresholds.iter().map(|threshold| (threshold.abort_on_fail, threshold.delay_abort_eval));
    assert_eq!(abort.collect::<Vec<_>>(), [(false, ms(0)), (false, ms(0)), (true, ms(10_000))]);
    let slo = test_plan.slo.unwrap();
    assert_eq!((slo.percentile, slo.latency.0, slo.error_rate), (99.0, ms(300), 0.001));
    assert_eq!(test_plan.capacity.cores, Some(2.0));
    assert_eq!((test_plan.labels.environment.as_str(), test_plan.labels.version.as_str()), ("staging", "1.4.0"));
}

#[test]
fn what_is_expected_arrives() {
    let expectations = scenario(FULL).expectations;
    let clay = &expectations.breakers[Vendor::Clay];
    assert!(expectations.breakers[Vendor::CustomerIo].is_empty());
    assert_eq!((clay.faults.as_slice(), clay.recovery), (&["sooner".to_owned()][..], ms(15_000)));
    // A 429 opens no breaker, and is a reason all the same.
    assert_eq!(clay.reasons, ["sooner", "later"]);
    let written = [
        "leads_lost = 1",
        "duplicates = 2",
        "credits_match_effects = true",
        "max_degraded = 0.05",
        "drains_within = \"30s\"",
        "max_retry_amplification = 1.5",
        "respects_retry_after = true",
        "clay.opens_within = \"3s\"",
        "clay.opens_within_calls = 8",
        "clay.half_open_within = \"11s\"",
        "clay.closes_within = \"15s\"",
        "clay.max_false_open = \"1s\"",
        "clay.max_calls_while_open = 1.5",
    ];
    assert_eq!(scenario(FULL).expectations.lines(), written);
    assert!(scenario(FULL).expectations.needs_ledger());
    assert!(scenario(SHORT).expectations.is_empty());
}

#[test]
fn a_share_is_a_fraction_or_a_percentage() {
    let share = |written: &str| scenario(&FULL.replace("\"5%\"", written)).expectations.max_degraded;
    assert_eq!([share("0.05"), share("\" 5 %\""), share("0"), share("\"99%\"")], [Some(0.05), Some(0.05), Some(0.0), Some(0.99)]);
}

#[test]
fn what_is_left_out_has_the_documented_default() {
    let test_plan = scenario(SHORT);
    let load = test_plan.total_load();
    assert_eq!(load.scenarios[0].executor.name(), "per-vu-iterations");
    assert_eq!((load.users(), load.planned_iterations(), load.duration()), (1, Some(1), ms(600_000)));
    assert_eq!((load.graceful_stop(), test_plan.scenarios[0].think_time), (ms(30_000), ThinkTime::None));
    assert_eq!(test_plan.resilience[Vendor::Clay], PipelineSettings::of(Vendor::Clay));
    assert_eq!(test_plan.resilience[Vendor::CustomerIo], PipelineSettings::of(Vendor::CustomerIo));
    assert_eq!(test_plan.labels.environment, "local simulation");
    let own = SHORT.replace("{ journey = \"clay.resource\" }", "{ journey = \"http\", url = \"http://127.0.0.1:8080/\" }");
    assert_ne!(own, SHORT);
    assert_eq!(self::scenario(&own).labels.environment, "not stated", "a service of the user's own is not simulated");
    let fault = "[[faults]]\nname = \"x\"\nkind = \"outage\"\nat = \"0s\"\nlasts = \"1s\"\n";
    let kind = &self::scenario(&format!("{SHORT}{fault}")).faults[0].kind;
    assert_eq!(*kind, FaultKind::Outage { how: Outage::Refuse });
}

#[test]
fn a_window_alone_and_a_pattern_switched_on_have_defaults() {
    let test_plan = scenario(&format!(
        "{SHORT}[resilience]\nclay = {{ breaker = {{ window = \"count\" }} }}\ncustomer_io = {{ credits = true }}\n"
    ));
    let breaker = test_plan.resilience[Vendor::Clay].breaker.unwrap();
    assert_eq!((breaker.window, breaker.calls), (Window::Count, 10));
    assert_eq!(test_plan.resilience[Vendor::CustomerIo].credits.unwrap().daily_limit, 500);
}

#[test]
fn a_target_takes_its_credentials_from_the_environment() {
    let target = "[target]\nclay = \"https://clay.example/\"\nclay_api_key = { env = \"TOKEN\" }\n";
    let Target::BaseUrls(VendorAccess { base_urls, values }) = scenario(&format!("{SHORT}{target}")).target else {
        panic!("simulated")
    };
    assert_eq!(base_urls[Vendor::Clay].as_ref().unwrap().host(), Some("clay.example"));
    assert_eq!(values["clay_api_key"].expose(), "secret-value");
    assert!(base_urls[Vendor::CustomerIo].is_none());
}

#[test]
fn a_scaled_scenario_keeps_its_load_and_moves_its_timetable() {
    let test_plan = scenario(FULL);
    let tenth = test_plan.scaled(0.1);
    assert_eq!((tenth.total_load().duration(), tenth.total_load().users()), (ms(10_000), 10));
    assert_eq!((tenth.faults[0].at, tenth.faults[0].lasts, tenth.faults[1].at), (ms(100), Some(ms(200)), ms(2_000)));
    assert_eq!(tenth.thresholds[2].delay_abort_eval, ms(1_000));
    let (clay, breaker) = (&tenth.resilience[Vendor::Clay], tenth.resilience[Vendor::Clay].breaker.unwrap());
    assert_eq!((breaker.cooldown, breaker.half_open_max), (ms(700), ms(900)));
    assert_eq!((breaker.window, breaker.span), (Window::Time, ms(1_000)));
    assert_eq!((clay.retry.base_delay, clay.retry.max_delay), (ms(1), ms(2)));
    assert_eq!((clay.fallback.queue_base_delay, clay.fallback.drain_pacing), (ms(300), Duration::from_micros(100)));
    // How soon a breaker opens is decided by calls and timeouts, how soon it closes by its cool-down.
    let (all, clay_expected) = (&tenth.expectations, &tenth.expectations.breakers[Vendor::Clay]);
    assert_eq!((all.drains_within, clay_expected.opens_within), (Some(ms(3_000)), Some(ms(3_000))));
    assert_eq!((clay_expected.half_open_within, clay_expected.closes_within), (Some(ms(1_100)), Some(ms(1_500))));
    assert_eq!((clay_expected.max_false_open, clay_expected.recovery), (Some(ms(100)), ms(1_500)));
    // The vendor does not hurry, nor does the user.
    assert_eq!((clay.timeout, breaker.slow_call), (ms(4_000), Some(ms(2_000))));
    let (only, tenth_only) = (&test_plan.scenarios[0], &tenth.scenarios[0]);
    assert_eq!((tenth_only.load.graceful_stop, tenth_only.think_time), (ms(2_000), only.think_time));
    assert_eq!(tenth.simulation, test_plan.simulation);
}

#[test]
fn scaled_ramps_still_fit_into_their_fault() {
    let ramps = "at = \"1s\"\nlasts = \"3s\"\nramp_up = \"1s\"\nramp_down = \"2s\"";
    let test_plan = scenario(&FULL.replace("at = \"1s\"\nlasts = \"2s\"", ramps));
    for factor in (1..2_000).map(|step| f64::from(step) * 0.000_617_283_947_5) {
        let fault = &test_plan.scaled(factor).faults[0];
        assert_eq!(fault.validate(), Ok(()), "{factor}");
    }
}

#[test]
fn the_tags_of_a_journey_are_those_of_the_file_and_its_own() {
    let tagged = SHORT.replace("{ journey = \"clay.resource\" }", "{ journey = \"clay.resource\", tags = { tier = \"2\" } }");
    let thresholds = "[thresholds]\n\"http_reqs{team:growth,scenario:default}\" = [\"count>1\"]\n";
    let test_plan = scenario(&format!("{tagged}[tags]\nteam = \"growth\"\ntier = \"1\"\n{thresholds}"));
    let tags: Vec<_> = test_plan.scenarios[0].journeys[0].tags.iter().collect();
    assert_eq!(tags, [("team", "growth"), ("tier", "2")]);
    assert_eq!(test_plan.thresholds[0].tags[0], ("team".to_owned(), "growth".to_owned()));
}

#[test]
fn a_service_is_started_or_named() {
    let started = scenario(&format!("{SHORT}[target]\nservice = \"start\"\n").replace("clay.resource", "lead"));
    let service = started.service().expect("a service");
    assert_eq!((&service.at, service.timeout, started.simulates_vendors()), (&ServiceAt::Started, ms(10_000), true));
    let target = "[target]\nservice = \"http://127.0.0.1:8080/\"\nservice_token = { env = \"TOKEN\" }\n";
    let own = scenario(&format!("{SHORT}{target}").replace("clay.resource", "lead"));
    let service = own.service().expect("a service");
    assert_eq!(service.at, ServiceAt::Url("http://127.0.0.1:8080".parse().expect("a URL")));
    assert_eq!(service.token.as_ref().map(Secret::expose), Some("secret-value"));
    assert!(!own.simulates_vendors() && own.labels.environment == "not stated");
    let ports = "[simulation]\nclay = { port = 4101 }\n";
    assert!(scenario(&format!("{SHORT}{target}{ports}").replace("clay.resource", "lead")).simulates_vendors());
}

const SEVERAL: &str = r#"
name = "several"
question = "Does the baseline suffer?"
[scenarios.baseline]
executor = "constant-vus"
vus = 4
duration = "10s"
journeys = [{ journey = "lead" }]
[scenarios.spike]
executor = "ramping-vus"
startTime = "4s"
stages = [{ duration = "2s", target = 10 }, { duration = "2s", target = 0 }]
think_time = "1s"
journeys = [{ journey = "clay.resource" }]
"#;

#[test]
fn several_scenarios_share_the_clock_of_one_load() {
    let test_plan = scenario(SEVERAL);
    let names: Vec<&str> = test_plan.scenarios.iter().map(|scenario| scenario.name.as_str()).collect();
    assert_eq!(names, ["baseline", "spike"]);
    let load = test_plan.total_load();
    assert_eq!([0, 4_000, 5_000, 7_000, 8_000, 10_000].map(|at| load.planned_at(ms(at)).users), [4, 4, 9, 9, 4, 0]);
    assert_eq!((load.users(), load.duration()), (14, ms(10_000)));
    let phases: Vec<_> = load.phases().iter().map(|phase| (phase.end, phase.target)).collect();
    assert_eq!(phases, [(ms(4_000), 4), (ms(6_000), 13), (ms(8_000), 5), (ms(10_000), 4)]);
    let half = test_plan.scaled(0.5).total_load();
    assert_eq!((half.scenarios[1].start_time, half.duration()), (ms(2_000), ms(5_000)));
}

#[test]
fn a_mistake_in_a_scenario_is_reported_with_its_place() {
    let problems = |text: &str| {
        let errors = read(text, Path::new("x.toml"), &|_| None, Severity::Error).expect_err("it has a mistake");
        errors.problems().iter().map(|problem| (problem.line, problem.message.clone())).collect::<Vec<_>>()
    };
    let expected = |line, message: &str| vec![(line, message.to_owned())];
    let beside = SEVERAL.replace("[scenarios.baseline]", "vus = 1\n[scenarios.baseline]");
    assert_eq!(problems(&beside), expected(4, "`vus` cannot stand beside `[scenarios]`"));
    let foreign = SEVERAL.replace("vus = 4", "vus = 4\nstages = []");
    assert_eq!(problems(&foreign), expected(7, "`stages` does not belong to executor `constant-vus`"));
    let without = SEVERAL.replace("duration = \"10s\"\n", "");
    assert_eq!(problems(&without), expected(5, "executor `constant-vus` needs a duration"));
    let missing = SEVERAL.replace("journeys = [{ journey = \"lead\" }]\n", "");
    assert_eq!(problems(&missing), expected(4, "`journeys` is missing"));
    let named = SEVERAL.replace("[scenarios.spike]", "[scenarios.\"a b\"]");
    assert_eq!(problems(&named), expected(9, "`a b` cannot be a scenario's name"));
}

#[test]
fn white_space_in_a_credential_is_refused_with_the_variables_name() {
    let read_with = |text: &str, value: &'static str, severity| {
        read(text, Path::new("full.toml"), &|name| (name == "TOKEN").then(|| value.to_owned()), severity)
    };
    let target = "[target]\nclay = \"https://clay.example/\"\nclay_api_key = { env = \"TOKEN\" }\n";
    for (text, value, is_right) in [
        (&*format!("{SHORT}{target}"), "key\n", false),
        (&*format!("{SHORT}{target}"), " key", false),
        (&*format!("{SHORT}{target}"), "two words", false),
        (FULL, "Basic abc", true),
        (FULL, "Basic abc\n", false),
        (FULL, " abc", false),
        (FULL, "a\tb", false),
    ] {
        for severity in [Severity::Error, Severity::Warning] {
            match read_with(text, value, severity) {
                Ok(_) => assert!(is_right, "{value:?}"),
                Err(errors) => {
                    let shown = errors.to_string();
                    assert!(!is_right && shown.contains("TOKEN holds white space"), "{value:?}: {shown}");
                    assert_eq!(errors.problems().len(), 1, "{shown}");
                }
            }
        }
    }
}
