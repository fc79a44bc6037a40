//! What becomes of rows: enrichment, credits, memory, and what can be read back.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::limit::RateLimit;
use crate::settings::{Plan, Provider, Secret, WebhookSource, WhenExhausted};

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Everybody is found for 3 credits, after 8 + 2 seconds.
fn finds_all(settings: &mut ClaySettings) {
    settings.enrichment.wait = LatencyModel::Fixed { delay: seconds(8) };
    let latency = LatencyModel::Fixed { delay: seconds(2) };
    settings.enrichment.providers = vec![Provider { name: "p".to_owned(), coverage: 1.0, credits: 3, latency }];
}

fn submit_lead(clay: &Clay, email: &str) -> Answer {
    send(clay, Method::POST, WEBHOOK_PATH, None, json!({ "email": email }).to_string().as_bytes())
}

#[tokio::test(start_paused = true)]
async fn a_row_s_effect_has_the_other_names_of_its_lead() {
    let clay = clay(finds_all);
    let row = json!({ "domain": "acme.test", "id": 7, "contact": { "mail": "ada@acme.test" } });
    let answer = send(&clay, Method::POST, WEBHOOK_PATH, None, row.to_string().as_bytes());
    assert_eq!(
        (answer.effects[0].subject.as_str(), &answer.effects[0].names[..]),
        ("acme.test", &["7".to_owned(), "ada@acme.test".to_owned()][..])
    );
    assert!(submit_lead(&clay, "ada@acme.test").effects[0].names.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_row_waits_is_looked_up_and_is_enriched() {
    let clay = clay(finds_all);
    let answer = submit_lead(&clay, "ada.l@acme.test");
    assert_eq!((&answer.effects[0].what[..], answer.effects[0].subject.as_str()), ("row.added", "ada.l@acme.test"));
    assert_eq!((answer.effects.len(), answer.effects[0].credits), (1, 3));
    let mut steps = Vec::new();
    for advance in [0, 7_999, 1, 1_999, 1] {
        tokio::time::advance(Duration::from_millis(advance)).await;
        let rows = clay.rows();
        steps.push((rows[0].status, rows[0].credits, clay.credits().charged));
    }
    use RowStatus::{Accepted, Enriched, Enriching};
    let expected = [(Accepted, 0, 0), (Accepted, 0, 0), (Enriching, 0, 0), (Enriching, 0, 0), (Enriched, 3, 3)];
    assert_eq!(steps, expected);
    let row = &clay.rows()[0];
    assert_eq!(clay.row(&row.id).as_ref(), Some(row));
    assert_eq!(row.enriched.as_ref().unwrap().company_name.as_deref(), Some("Acme"));
    assert_eq!((row.source.as_deref(), row.provider.as_deref()), (Some(ClaySettings::default().webhook_id.as_str()), Some("p")));
    assert_eq!(row.submitted, json!({ "email": "ada.l@acme.test" }));
    assert_eq!((clay.row("r_1"), clay.row("r_000000000001"), clay.row("")), (None, None, None));
}

#[tokio::test(start_paused = true)]
async fn auto_dedupe_answers_a_duplicate_and_adds_no_row() {
    let clay = clay(|settings| {
        finds_all(settings);
        settings.auto_dedupe = Some("idempotency_key".to_owned());
    });
    let submit = |row: Value| send(&clay, Method::POST, WEBHOOK_PATH, None, row.to_string().as_bytes());
    let row = |key: &str| json!({ "email": "a@x.test", "idempotency_key": key });
    let (first, again, other) = (submit(row("k-1")), submit(row("k-1")), submit(row("k-2")));
    assert_eq!((first.effects.len(), again.effects.len(), other.effects.len()), (1, 0, 1));
    assert_eq!((again.status, again.body), (first.status, first.body));
    // Rows without a value are not each other's duplicates.
    for keyless in [json!({ "email": "b@x.test" }), json!({ "email": "b@x.test", "idempotency_key": "" })] {
        assert_eq!(submit(keyless).effects.len(), 1);
    }
    tokio::time::advance(seconds(60)).await;
    assert_eq!((clay.row_count(), clay.credits().charged), (4, 12));
    assert_eq!(submissions(&clay), 5);
}

#[test]
fn each_table_has_its_own_values() {
    let clay = clay(|settings| {
        settings.auto_dedupe = Some("key".to_owned());
        settings.sources.push(WebhookSource { id: "other".to_owned(), token: None, callback_url: None });
    });
    let effects =
        |path: &str, key: &str| send(&clay, Method::POST, path, None, json!({ "key": key }).to_string().as_bytes()).effects.len();
    let other = "/v3/sources/webhook/other";
    let rows = [(WEBHOOK_PATH, "a"), (other, "a"), (WEBHOOK_PATH, "b"), (WEBHOOK_PATH, "a"), (other, "a")];
    assert_eq!(rows.map(|(path, key)| effects(path, key)), [1, 1, 1, 0, 0]);
}

#[test]
fn auto_dedupe_compares_up_to_200_characters_and_numbers_by_their_value() {
    let clay = clay(|settings| settings.auto_dedupe = Some("key".to_owned()));
    let rows_of = |cells: [&str; 2]| {
        let before = clay.row_count();
        for cell in cells {
            send(&clay, Method::POST, WEBHOOK_PATH, None, format!("{{\"key\":{cell}}}").as_bytes());
        }
        clay.row_count() - before
    };
    let text = |length: usize| format!("\"{}\"", "é".repeat(length));
    let (most, longer) = (text(200), text(201));
    for (cells, rows) in [
        ([&*most, &*most], 1),
        ([&*longer, &*longer], 2),
        (["\"\"", "\"\""], 2),
        (["89014103211118510720", "89014103211118510721"], 2),
        (["7", "7.0"], 1),
    ] {
        assert_eq!(rows_of(cells), rows, "{cells:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn numbers_are_read_back_and_called_back_digit_by_digit() {
    let clay = clay(|settings| {
        finds_all(settings);
        settings.callbacks.url = Some("http://127.0.0.1:9/".to_owned());
    });
    let body = r#"{"email":"a@x.test","iccid":89014103211118510721,"n":1.50,"far":1e999}"#;
    assert_eq!(send(&clay, Method::POST, WEBHOOK_PATH, None, body.as_bytes()).status, 200);
    assert_eq!(clay.rows()[0].submitted.get(), body);
    assert!(clay.section("rows").unwrap().get().contains(body));
    tokio::time::advance(seconds(60)).await;
    let (callbacks, _) = clay.due_callbacks(Instant::now(), 10);
    let called_back = String::from_utf8(callbacks[0].body.to_vec()).unwrap();
    assert!(called_back.contains(body), "{called_back}");
}

#[tokio::test(start_paused = true)]
async fn the_same_lead_twice_is_two_rows_two_charges_and_one_profile() {
    let clay = clay(finds_all);
    for lead in ["a@x.test", "b@x.test", "a@x.test"] {
        assert_eq!(submit_lead(&clay, lead).status, 200);
    }
    tokio::time::advance(seconds(60)).await;
    let mut rows = clay.rows();
    rows.retain(|row| row.subject == "a@x.test");
    assert_eq!((rows.len(), clay.row_count(), clay.credits().charged), (2, 3, 9));
    assert_eq!(rows[0].enriched, rows[1].enriched);
    assert_ne!(rows[0].id, rows[1].id);
}

#[tokio::test(start_paused = true)]
async fn a_lead_that_is_not_found_is_free_and_one_that_cannot_be_paid_is_marked() {
    let clay = clay(|settings| {
        finds_all(settings);
        settings.enrichment.providers[0].coverage = 0.5;
        settings.credits.plan = Plan::Credits(100);
    });
    for lead in 0..200 {
        submit_lead(&clay, &format!("{lead}@x.test"));
    }
    tokio::time::advance(seconds(60)).await;
    let count = |status| clay.rows().iter().filter(|row| row.status == status).count() as u64;
    let credits = clay.credits();
    assert_eq!((count(RowStatus::Enriched), credits.charged_rows, credits.charged, credits.balance), (33, 33, 99, Some(1)));
    assert_eq!(count(RowStatus::OutOfCredits), credits.unpaid_rows);
    // Five standard deviations of a binomial of 200 at a half: 35.
    assert!(count(RowStatus::NotFound).abs_diff(100) <= 36, "{}", count(RowStatus::NotFound));
    assert!(clay.rows().iter().all(|row| (row.credits > 0) == row.enriched.is_some()));
}

#[tokio::test(start_paused = true)]
async fn without_credits_a_source_takes_rows_or_refuses_them() {
    let exhausted = async |when_exhausted| {
        let clay = clay(|settings| {
            finds_all(settings);
            settings.credits.plan = Plan::Credits(5);
            settings.credits.when_exhausted = when_exhausted;
        });
        let first = submit_lead(&clay, "a@x.test").status;
        tokio::time::advance(seconds(60)).await;
        (first.as_u16(), submit_lead(&clay, "b@x.test").status.as_u16(), submissions(&clay))
    };
    assert_eq!(exhausted(WhenExhausted::TakeRows).await, (200, 200, 2));
    assert_eq!(exhausted(WhenExhausted::Refuse).await, (200, 402, 1));
}

#[test]
fn every_source_has_its_own_life_and_token_and_all_share_the_limit() {
    const OTHER: &str = "11111111-2222-3333-4444-555555555555";
    let clay = clay(|settings| {
        settings.webhook_submissions = 2;
        settings.rate_limit = Some(RateLimit { rate: 0.001, burst: 3 });
        let token = Some(Secret("hush".to_owned()));
        settings.sources = vec![WebhookSource { id: OTHER.to_owned(), token, callback_url: None }];
    });
    let other = |header| send(&clay, Method::POST, &format!("/v3/sources/webhook/{OTHER}"), header, ROW).status.as_u16();
    assert_eq!(other(None), 401);
    assert_eq!((submit(&clay, ROW), submit(&clay, ROW), submit(&clay, ROW)), (200, 200, 403));
    assert_eq!(other(Some((auth::TOKEN_HEADER, "hush"))), 200);
    assert_eq!(other(Some((auth::TOKEN_HEADER, "hush"))), 429);
    let sources = json!(clay.section("sources").unwrap());
    assert_eq!((&sources[0]["submissions_left"], &sources[1]["submissions"]), (&json!(0), &json!(1)));
    assert!(!sources.to_string().contains("hush"));
}

#[test]
fn exactly_50_000_submissions_are_taken_whatever_the_concurrency() {
    let clay = clay(|settings| settings.webhook_submissions = 50_000);
    let taken: usize = std::thread::scope(|scope| {
        let submit_many = || (0..15_000).filter(|_| submit(&clay, b"{}") == 200).count();
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(submit_many)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!((taken, submissions(&clay), clay.row_count()), (50_000, 50_000, 50_000));
}

#[tokio::test(start_paused = true)]
async fn the_oldest_rows_are_forgotten_and_their_charges_are_not() {
    let clay = clay(|settings| {
        finds_all(settings);
        settings.store_bytes = 10_000;
    });
    for lead in 0..1_000 {
        submit_lead(&clay, &format!("{lead}@x.test"));
    }
    let kept = clay.rows();
    assert!((10..100).contains(&kept.len()), "{}", kept.len());
    assert_eq!((kept.last().unwrap().subject.as_str(), clay.row_count()), ("999@x.test", 1_000));
    // Those that had to go were enriched on the spot.
    let limits = json!(clay.section("limits").unwrap());
    let forgotten = 1_000 - kept.len() as u64;
    assert_eq!(
        (&limits["rows_forgotten"], &limits["rows_enriched_early_to_be_forgotten"]),
        (&json!(forgotten), &json!(forgotten))
    );
    assert_eq!(clay.credits().charged, forgotten * 3);
    tokio::time::advance(seconds(60)).await;
    assert_eq!((clay.credits().charged, clay.credits().charged_rows), (3_000, 1_000));
}

#[tokio::test(start_paused = true)]
async fn a_run_whose_rows_are_forgotten_is_404() {
    let clay = clay(|settings| settings.store_bytes = 10_000);
    let body = json!({ "items": [{ "id": "a", "inputs": {} }] }).to_string();
    let key = Some(("clay-api-key", "simulated-clay-key"));
    let answer = send(&clay, Method::POST, "/public/v0/routines/function:t_simulated/run", key, body.as_bytes());
    let id = serde_json::from_slice::<Value>(&answer.body).unwrap()["routine_run_id"].as_str().unwrap().to_owned();
    let results = || ask(&clay, Method::GET, &format!("/public/v0/routines/run/{id}/results"), None, key, b"").status.as_u16();
    assert_eq!((results(), json!(clay.section("runs").unwrap()).as_array().unwrap().len()), (202, 1));
    for lead in 0..1_000 {
        submit_lead(&clay, &format!("{lead}@x.test"));
    }
    assert_eq!((results(), json!(clay.section("runs").unwrap())), (404, json!([])));
}

#[tokio::test(start_paused = true)]
async fn a_reset_leaves_nothing() {
    let clay = clay(|settings| {
        finds_all(settings);
        settings.credits.plan = Plan::Free;
        settings.webhook_submissions = 1;
        settings.rate_limit = Some(RateLimit { rate: 0.001, burst: 1 });
    });
    assert_eq!((submit(&clay, ROW), submit(&clay, ROW)), (200, 403));
    tokio::time::advance(seconds(60)).await;
    assert_eq!(clay.credits().balance, Some(97));
    clay.reset();
    assert_eq!((clay.rows(), clay.credits().balance, clay.row_count()), (Vec::new(), Some(100), 0));
    assert_eq!(submit(&clay, ROW), 200);
    // An id that somebody may still hold does not come to mean another row.
    assert_eq!((clay.row("r_000000000000"), clay.rows()[0].id.as_str()), (None, "r_000000000001"));
}

#[tokio::test(start_paused = true)]
async fn of_very_many_rows_the_latest_are_shown() {
    let clay = clay(|settings| settings.webhook_submissions = u64::MAX);
    for _ in 0..10_010 {
        submit(&clay, b"{}");
    }
    let rows = json!(clay.section("rows").unwrap());
    assert_eq!((rows.as_array().unwrap().len(), &rows[0]["id"]), (10_000, &json!("r_000000000010")));
    let limits = json!(clay.section("limits").unwrap());
    assert_eq!((&limits["rows_kept"], &limits["rows_shown_at_most"]), (&json!(10_010), &json!(10_000)));
}

#[test]
fn every_section_can_be_read() {
    let clay = clay(|_| {});
    submit(&clay, ROW);
    for name in clay.sections() {
        let section = json!(clay.section(name).unwrap());
        match section.as_array() {
            Some(items) => assert!(items.iter().all(|item| item["id"].is_string()), "{name}: {section}"),
            None => assert!(section.is_object(), "{name}: {section}"),
        }
    }
    assert_eq!(clay.section("nothing"), None);
    assert_eq!(json!(clay.section("rows").unwrap())[0]["subject"], "ada@example.com");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever comes and when: the balance never falls below 0, and credits charged are those on the rows.
    #[test]
    fn charges_are_on_rows(monthly in 0_u32..200, coverage in 0.0_f64..=1.0, gaps in proptest::collection::vec(0_u64..20, 1..60)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let clay = clay(|settings| {
                settings.credits.plan = Plan::Credits(monthly);
                settings.enrichment.providers.iter_mut().for_each(|provider| provider.coverage = coverage);
            });
            for (lead, gap) in gaps.iter().enumerate() {
                submit_lead(&clay, &format!("{lead}@x.test"));
                tokio::time::advance(seconds(*gap)).await;
                let (rows, credits) = (clay.rows(), clay.credits());
                let charged: u64 = rows.iter().map(|row| u64::from(row.credits)).sum();
                prop_assert_eq!(charged, credits.charged);
                prop_assert_eq!(credits.balance, Some(u64::from(monthly) - charged));
            }
            Ok(())
        })?;
    }
}
