//! The public API.

use http::header::RETRY_AFTER;
use serde_json::{Value, json};

use super::*;
use crate::limit::RateLimit;
use crate::settings::{Plan, PublicApiSettings, Routine};

const KEY: Option<(&str, &str)> = Some(("clay-api-key", "simulated-clay-key"));
const RUN_PATH: &str = "/public/v0/routines/function:t_simulated/run";

fn body(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.body).unwrap()
}

fn get(clay: &Clay, path: &str) -> Answer {
    let (path, query) = path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query)));
    ask(clay, Method::GET, path, query, KEY, b"")
}

fn run(clay: &Clay, items: &Value) -> Answer {
    send(clay, Method::POST, RUN_PATH, KEY, json!({ "items": items }).to_string().as_bytes())
}

fn leads(count: usize) -> Value {
    (0..count).map(|number| json!({ "id": format!("i{number}"), "inputs": { "email": format!("{number}@x.test") } })).collect()
}

fn results_path(answer: &Answer) -> String {
    assert_eq!(answer.status, 202, "{answer:?}");
    format!("/public/v0/routines/run/{}/results", body(answer)["routine_run_id"].as_str().unwrap())
}

#[test]
fn me_returns_the_keys_user_by_either_header() {
    let clay = clay(|_| {});
    let expected = json!({ "user": { "id": "1", "name": "Simulated User" }, "workspace": { "id": "1" } });
    for header in [KEY, Some(("authorization", "Bearer simulated-clay-key"))] {
        let answer = send(&clay, Method::GET, "/public/v0/me", header, b"");
        assert_eq!((answer.status.as_u16(), body(&answer)), (200, expected.clone()));
    }
    for wrong in [None, Some(("clay-api-key", "x")), Some(("authorization", "Basic simulated-clay-key"))] {
        let answer = send(&clay, Method::GET, "/public/v0/me", wrong, b"");
        assert_eq!((answer.status.as_u16(), body(&answer)), (401, json!({ "message": "Authentication failed" })));
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_is_202_until_its_last_item_is_done_and_then_200() {
    let clay = clay(|_| {});
    let answer = run(&clay, &leads(30));
    assert_eq!((answer.status.as_u16(), &body(&answer)["status"]), (202, &json!("in_progress")));
    assert_eq!(
        (&answer.effects[0].what[..], &answer.effects[0].subject),
        ("routine.run", &body(&answer)["routine_run_id"].as_str().unwrap().to_owned())
    );
    let path = results_path(&answer);
    let mut finished = 0;
    let complete = loop {
        let answer = get(&clay, &path);
        let given = body(&answer);
        assert!(given["finished"].as_u64().unwrap() >= finished && given["total"] == 30);
        finished = given["finished"].as_u64().unwrap();
        if answer.status == 200 {
            break given;
        }
        assert_eq!((answer.status.as_u16(), &given["status"], given.get("data")), (202, &json!("in_progress"), None));
        assert!(finished < 30);
        tokio::time::advance(Duration::from_secs(1)).await;
    };
    assert_eq!((&complete["status"], finished), (&json!("complete"), 30));

    // Pages of 20 unless asked for otherwise, in the order of the items.
    let ids = |given: &Value| given["data"].as_array().unwrap().iter().map(|item| item["id"].clone()).collect::<Vec<_>>();
    let first = ids(&complete);
    assert_eq!((first.len(), &first[0], &complete["cursor"]), (20, &json!("i0"), &json!("20")));
    let rest = body(&get(&clay, &format!("{path}?cursor=20")));
    assert_eq!((ids(&rest).len(), ids(&rest)[9].clone(), rest.get("cursor")), (10, json!("i29"), None));
    let whole = body(&get(&clay, &format!("{path}?limit=100")));
    assert_eq!(ids(&whole).len(), 30);
    for item in whole["data"].as_array().unwrap() {
        assert_eq!(item["status"], "complete");
        assert_eq!(item["result"]["found"].as_bool().unwrap(), item["result"]["phone"].is_string(), "{item}");
    }
}

#[test]
fn what_a_run_may_not_be_is_400_with_the_field() {
    let clay = clay(|_| {});
    let items = |items: Value| json!({ "items": items });
    let many = leads(101);
    for (body, says) in [
        (items(json!([])), "from 1 to 100"),
        (items(many), "101 were given"),
        (items(json!([{ "id": "", "inputs": {} }])), "items[].id"),
        (items(json!([{ "id": "x".repeat(65), "inputs": {} }])), "65 characters"),
        (items(json!([{ "id": "a" }])), "missing field `inputs`"),
        (items(json!([{ "id": "a", "inputs": [] }])), "expected a map"),
        (items(json!([{ "id": "a", "inputs": {}, "more": 1 }])), "unknown field `more`"),
        (json!({ "items": [{ "id": "a", "inputs": {} }], "webhook": "x" }), "unknown field `webhook`"),
        (json!([]), "items: an array"),
        (json!([[{ "id": "a", "inputs": {} }], null]), "items: an array"),
        (items(json!([["a", {}]])), "items[0]: an object"),
    ] {
        let answer = send(&clay, Method::POST, RUN_PATH, KEY, body.to_string().as_bytes());
        assert_eq!(answer.status, 400, "{body}");
        assert!(message(&answer).contains(says), "{}", message(&answer));
    }
    assert_eq!(send(&clay, Method::POST, RUN_PATH, KEY, b"{").status, 400);
    assert_eq!(clay.row_count(), 0);
}

#[test]
fn what_there_is_not_is_404_what_is_not_allowed_403_and_too_much_413() {
    let routine = |id: &str, allowed| Routine { id: id.to_owned(), allowed };
    let routines = vec![routine("function:t_simulated", true), routine("function:t_closed", false)];
    let clay = clay(|settings| settings.public_api = PublicApiSettings { routines, ..PublicApiSettings::default() });
    let post = |path: &str, body: &str| send(&clay, Method::POST, path, KEY, body.as_bytes()).status.as_u16();
    let one = json!({ "items": leads(1) }).to_string();
    assert_eq!(post("/public/v0/routines/function:t_other/run", &one), 404);
    assert_eq!(post("/public/v0/routines/function:t_closed/run", &one), 403);
    assert_eq!(post("/public/v0/routines/function%3At_simulated/run", &one), 202);
    assert_eq!(post(RUN_PATH, &json!({ "items": leads(1), "webhook_id": "wh_none" }).to_string()), 404);
    assert_eq!(post(RUN_PATH, &" ".repeat(1024 * 1024 + 1)), 413);
    for run in ["run_1", "run_000000000001", "run_x", "run_", "r_000000000000", "%ff"] {
        assert_eq!(get(&clay, &format!("/public/v0/routines/run/{run}/results")).status, 404, "{run}");
    }
    let wrong = send(&clay, Method::GET, RUN_PATH, KEY, b"");
    assert_eq!((wrong.status.as_u16(), &wrong.headers[http::header::ALLOW]), (405, &"POST".parse().unwrap()));
    assert_eq!(send(&clay, Method::POST, "/public/v0/me", KEY, b"").headers[http::header::ALLOW], "GET");
}

#[test]
fn pages_are_numbers_within_bounds() {
    let clay = clay(|_| {});
    let path = results_path(&run(&clay, &leads(1)));
    for query in ["limit=0", "limit=101", "limit=x", "cursor=x", "cursor=-1"] {
        let answer = get(&clay, &format!("{path}?{query}"));
        assert_eq!(answer.status, 400, "{query}");
        assert!(message(&answer).contains(query.split('=').next().unwrap()));
    }
    assert_eq!(get(&clay, &format!("{path}?cursor=18446744073709551615&limit=100")).status, 202);
}

#[tokio::test(start_paused = true)]
async fn without_credits_runs_are_402_and_items_that_were_under_way_fail() {
    let clay = clay(|settings| {
        settings.credits.plan = Plan::Credits(7);
        for provider in &mut settings.enrichment.providers {
            (provider.coverage, provider.credits) = (1.0, 3);
        }
    });
    let path = results_path(&run(&clay, &leads(5)));
    tokio::time::advance(Duration::from_secs(120)).await;
    let given = body(&get(&clay, &path));
    let failed: Vec<_> = given["data"].as_array().unwrap().iter().filter(|item| item["status"] == "failed").collect();
    assert_eq!(failed.len(), 3, "{given}");
    assert_eq!((&failed[0]["error"], failed[0].get("result")), (&json!({ "message": "Credits exhausted" }), None));
    assert_eq!((clay.credits().balance, clay.credits().charged, clay.credits().unpaid_rows), (Some(1), 6, 3));

    let refused = run(&clay, &leads(1));
    assert_eq!((refused.status.as_u16(), message(&refused).as_str()), (402, "Credits exhausted"));
    assert!(refused.effects.is_empty());
    // A month later there are credits again.
    tokio::time::advance(Duration::from_secs(30 * 86_400)).await;
    assert_eq!(run(&clay, &leads(1)).status, 202);
}

#[tokio::test(start_paused = true)]
async fn every_answer_reports_the_limit_and_429_says_when_to_come_back() {
    let clay = clay(|settings| settings.public_api.rate_limit = Some(RateLimit { rate: 0.5, burst: 2 }));
    let me = || get(&clay, "/public/v0/me");
    let given = |answer: &Answer| {
        let header = |name: &str| answer.headers.get(name).map(|value| value.to_str().unwrap().parse::<u32>().unwrap());
        let limit = ["x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"].map(|name| header(name).unwrap());
        (answer.status.as_u16(), limit, header(RETRY_AFTER.as_str()))
    };
    assert_eq!(given(&me()), (200, [2, 1, 2], None));
    assert_eq!(given(&me()), (200, [2, 0, 4], None));
    assert_eq!(given(&me()), (429, [2, 0, 4], Some(2)));
    tokio::time::advance(Duration::from_millis(1_999)).await;
    assert_eq!(given(&me()).0, 429);
    tokio::time::advance(Duration::from_millis(1)).await;
    assert_eq!(given(&me()), (200, [2, 0, 4], None));
    // Who has no key uses nothing up, and learns nothing.
    let stranger = send(&clay, Method::GET, "/public/v0/me", None, b"");
    assert!(stranger.headers.get("x-ratelimit-limit").is_none());
}
