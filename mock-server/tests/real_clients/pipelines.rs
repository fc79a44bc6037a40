//! The clients of the Pipelines API: with keys as a user of Basic authentication and as a token, compressed and not.

use std::time::Duration;

use mock_server::latency::LatencyModel;
use mock_server::settings::{CustomerIoSettings, SimulationSettings};
use mock_server::simulation::SimulatedVendors;
use serde_json::{Value, json};

use crate::harness::{Client, are_installed, run_python_pipelines};

/// A key of the newer form, which the Python client sends as a token.
const TOKEN: &str = "pk_us_simulated-key";
const KEY: &str = "simulated-customer-io-write-key";

async fn start(key: &str) -> SimulatedVendors {
    let latency = LatencyModel::Fixed { delay: Duration::ZERO };
    let customer_io = CustomerIoSettings { latency, write_key: key.to_owned(), ..CustomerIoSettings::default() };
    SimulatedVendors::start(SimulationSettings { customer_io, ..SimulationSettings::default() }).await.unwrap()
}

/// The person of a case, as the vendor has them, and what they did.
fn left(vendors: &SimulatedVendors, case: &str) -> (Value, Vec<String>) {
    let workspace = vendors.customer_io();
    let plan = workspace.customer(case).map_or(Value::Null, |customer| json!(customer.attributes["plan"]));
    (plan, workspace.events(case).into_iter().map(|event| event.name).collect())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_python_client_is_understood_compressed_or_not_with_either_kind_of_key() {
    if !are_installed() {
        return;
    }
    for key in [KEY, TOKEN] {
        let vendors = start(key).await;
        let case = |name: &str, key: &str, gzip: bool| {
            let calls = json!([
                ["identify", { "user_id": name, "traits": { "plan": "pro" } }],
                ["track", { "user_id": name, "event": "bought", "properties": { "n": 1 } }],
            ]);
            json!({ "case": name, "url": vendors.customer_io_url(), "key": key, "options": { "gzip": gzip }, "calls": calls })
        };
        let cases = [case("plain", key, false), case("gzip", key, true), case("stranger", "pk_us_another", true)];
        let outcomes = run_python_pipelines(&vendors, &cases).await;
        for name in ["plain", "gzip"] {
            assert!(outcomes[name].error.is_none(), "{name}: {:?}", outcomes[name].error);
            assert_eq!(outcomes[name].answers, [true, true], "{name}");
            assert_eq!(left(&vendors, name), (json!("pro"), vec!["bought".to_owned()]), "{name} with {key}");
        }
        // Documented: without strict mode even a wrong key is answered 200, and nothing happens.
        assert!(outcomes["stranger"].error.is_none());
        assert_eq!(left(&vendors, "stranger"), (Value::Null, Vec::new()));
        vendors.shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_node_client_for_data_pipelines_is_understood() {
    if !are_installed() {
        return;
    }
    let vendors = start(KEY).await;
    let calls = json!([
        ["identify", { "userId": "ada", "traits": { "plan": "pro" } }],
        ["track", { "userId": "ada", "event": "bought", "properties": { "n": 1 } }],
        ["page", { "userId": "ada", "name": "Pricing" }],
        ["screen", { "userId": "ada", "name": "Home" }],
        ["group", { "userId": "ada", "groupId": "acme", "traits": { "seats": 3 } }],
        ["identify", { "userId": "old" }],
        ["alias", { "userId": "ada", "previousId": "old" }],
    ]);
    let case = json!({ "case": "node", "client": "analytics", "url": vendors.customer_io_url(), "key": KEY, "calls": calls });
    let outcomes = Client::Node.run(&vendors, &[case]).await;
    let outcome = &outcomes["node"];
    assert!(outcome.error.is_none(), "{:?}", outcome.error);
    assert_eq!(outcome.answers.len(), 7);
    let events = ["bought", "Pricing", "Home"].map(str::to_owned).to_vec();
    assert_eq!(left(&vendors, "ada"), (json!("pro"), events));
    assert!(vendors.customer_io().customer("old").is_none());
    vendors.shutdown().await;
}
