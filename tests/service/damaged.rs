//! The service on a file that is damaged, or that goes away under it.

use std::fs;

use mock_server::simulation::SimulatedVendors;
use serde_json::{Value, json};

use crate::common::{Ended, plimsoll, text};
use crate::fixture::{held, start_in, vendor_settings};

fn lead(user: &str) -> Value {
    json!({ "user": user, "data": { "email": format!("{user}@acme.test") } })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lead_that_cannot_be_read_is_named_everywhere_and_all_others_are_delivered() {
    let service = held("").await;
    let mut ids = Vec::new();
    for user in ["ada", "bob", "cid"] {
        ids.push(service.lead(&lead(user)).await.json()["id"].as_str().unwrap().to_owned());
    }
    let more = json!({ "user": "bob", "data": { "email": "bob@work.test" } });
    ids.push(service.lead(&more).await.json()["id"].as_str().unwrap().to_owned());
    let dir = service.stop().await;
    let path = dir.path().join("leads.sqlite");
    let by_hand = rusqlite::Connection::open(&path).unwrap();
    let sql = "UPDATE leads SET data = '{' WHERE id = (SELECT min(id) FROM leads WHERE user = 'bob')";
    assert_eq!(by_hand.execute(sql, ()).unwrap(), 1);
    drop(by_hand);

    let vendors = SimulatedVendors::start(vendor_settings()).await.unwrap();
    let service = start_in(dir, Some(&vendors), "", "").await;
    for id in [&ids[0], &ids[2], &ids[3]] {
        service.until(&format!("/leads/{id}"), |lead| lead["status"] == "delivered").await;
    }
    let listed = service.get("/leads").await.lines();
    assert_eq!(listed.len(), 3, "{listed:?}");
    assert_eq!(service.get(&format!("/leads/{}", ids[1])).await.status, 503);
    let stats = service.until("/stats", |stats| stats["quarantined"] == 4).await;
    assert_eq!((&stats["clay"]["queue_depth"], &stats["customer_io"]["queue_depth"]), (&json!(0), &json!(0)), "{stats}");
    let metrics = service.get("/metrics").await.text;
    assert!(metrics.contains("\nplimsoll_quarantined_records 4\n"), "{metrics}");
    assert_eq!(service.get("/health/ready").await.status, 200, "the others are served");

    let queue = |arguments: &[&str]| {
        let mut command = plimsoll();
        command.args(arguments).args(["--db", text(&path)]);
        Ended::of(command.output().unwrap())
    };
    let ls = queue(&["queue", "ls"]);
    for words in ["quarantined                 4", "lead ", "for Clay of lead ", "does not fit its checksum"] {
        assert!(ls.stdout.contains(words), "no {words:?} in {}", ls.stdout);
    }
    let export = queue(&["queue", "export", "--quarantined", "--format", "json"]);
    let records: Vec<Value> = export.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(records.len(), 4, "{}", export.stdout);
    assert_eq!((&records[0]["record"], &records[0]["fields"]["data"]), (&json!("lead"), &json!("{")));
    assert_eq!(records[1]["lead"], json!(ids[1]));
    let export = queue(&["queue", "export", "--quarantined", "--format", "csv"]);
    assert!(export.stdout.starts_with("record,id,vendor,lead,reason,found_at,fields\nlead,"), "{}", export.stdout);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_its_file_is_away_it_takes_nothing_and_says_why_and_goes_on_when_it_is_back() {
    let service = held("").await;
    assert_eq!(service.lead(&lead("ada")).await.status, 202);
    let path = service.dir.path().join("leads.sqlite");
    let away = service.dir.path().join("away");
    fs::rename(&path, &away).unwrap();
    assert_eq!(service.lead(&lead("bob")).await.status, 503);
    let ready = service.until("/health/ready", |ready| ready["status"] == "not ready").await;
    let reason = ready["reasons"][0].as_str().unwrap();
    assert!(reason.contains("was removed or renamed") && reason.contains("what was acknowledged"), "{reason}");
    assert_eq!(service.get("/health/live").await.status, 200);
    let stats = service.get("/stats").await.json();
    assert!(stats["store_faults"].as_u64().unwrap() > 0, "{stats}");
    fs::rename(&away, &path).unwrap();
    assert_eq!(service.lead(&lead("bob")).await.status, 202);
    service.until("/health/ready", |ready| ready["status"] == "ready").await;
    service.stop().await;
}
