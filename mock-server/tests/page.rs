//! The admin page in a real browser: headless Chromium, spoken to by the WebDriver protocol.
//!
//! Where Chromium or its driver is not installed the test says so and passes, unless `PLIMSOLL_REQUIRE_CHROMIUM=1`.

#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "in a test, a panic is the report")]

mod common;
mod webdriver;

use std::path::Path;

use common::{Client, FOR_EVER, clay_fault, in_time, settings};
use mock_server::fault::{Fault, FaultKind, Outage, SimulatedVendor};
use mock_server::settings::{AdminSettings, Secret, SimulationSettings};
use mock_server::simulation::SimulatedVendors;
use mock_server::timetable::FaultPhase;
use serde_json::json;
use webdriver::Browser;

async fn start(token: Option<&str>) -> SimulatedVendors {
    let mut later = clay_fault(FOR_EVER, FaultKind::Outage { how: Outage::Unavailable });
    (later.name, later.vendor, later.at) = ("evening-outage".to_owned(), Some(SimulatedVendor::CustomerIo), FOR_EVER);
    let token = token.map(|token| Secret(token.to_owned()));
    let admin = Some(AdminSettings { token, ..AdminSettings::default() });
    SimulatedVendors::start(SimulationSettings { admin, ..settings(vec![later]) }).await.unwrap()
}

async fn browser() -> Option<Browser> {
    let browser = Browser::start().await;
    if let Err(reason) = &browser {
        let required = std::env::var("PLIMSOLL_REQUIRE_CHROMIUM").is_ok_and(|value| value == "1");
        assert!(!required, "{reason}");
        eprintln!("\n*** THE PAGE IS NOT TESTED: {reason}. Install the packages chromium and chromium-driver. ***\n");
    }
    browser.ok()
}

#[tokio::test]
async fn a_fault_is_started_seen_and_stopped_on_the_page() {
    let Some(browser) = browser().await else { return };
    let vendors = start(None).await;
    let url = vendors.admin_url().unwrap();
    browser.open(&url).await;
    for vendor in [vendors.clay_url(), vendors.customer_io_url()] {
        browser.wait_for(&format!("document.body.innerText.includes('{vendor}')")).await;
    }
    browser.wait_for("document.querySelector('[data-fault=evening-outage]')?.innerText.includes('scheduled')").await;

    // Every kind has a form.
    let kinds = browser.run("return [...document.querySelector('#fault-kind').options].map((option) => option.value)").await;
    assert_eq!(kinds.as_array().unwrap().len(), mock_server::fault::form::KindName::ALL.len());
    for kind in kinds.as_array().unwrap() {
        browser.choose("#fault-kind", kind.as_str().unwrap()).await;
    }

    // What makes no sense is reported.
    browser.choose("#fault-kind", "error").await;
    browser.write("#fault-name", "broken-by-hand").await;
    browser.write("#fault-status", "42").await;
    browser.click("#add-fault").await;
    browser.wait_for("document.querySelector('#fault-message').innerText.includes('status')").await;

    browser.write("#fault-status", "503").await;
    browser.choose("#fault-vendor", "clay").await;
    browser.write("#fault-lasts", "1h").await;
    browser.click("#add-fault").await;
    browser.wait_for("document.querySelector('[data-fault=broken-by-hand]')?.innerText.includes('active')").await;
    assert_eq!(browser.run("return document.querySelector('#fault-message').hidden").await, true);
    browser.wait_for("document.querySelector('[data-fault=broken-by-hand]').innerText.includes('ends in 59:')").await;

    let client = Client::new();
    for number in 0..40 {
        let answer = client.submit(&vendors.clay_url(), format!("{{\"number\":{number}}}")).await.unwrap();
        assert_eq!(answer.status, 503);
        client.identify(&vendors.customer_io_url(), &format!("customer-{number}")).await.unwrap();
    }
    let hit = "[...document.querySelectorAll('#entries tr')].some((row) => ['clay.webhook', 'broken-by-hand', '503', 'whole']\
               .every((text) => row.innerText.includes(text)))";
    browser.wait_for(hit).await;
    browser.wait_for("document.querySelector('[data-vendor=clay] svg.chart rect.server') !== null").await;
    browser.wait_for("document.querySelector('[data-vendor=customer_io] svg.chart rect.good') !== null").await;
    take_pictures(&browser).await;
    assert!(text_of(&browser, "[data-fault=broken-by-hand]").await.contains("Clay"));

    // A button that somebody is about to press stays where it is.
    browser.run("window.stop = document.querySelector('[data-fault=broken-by-hand] button'); return 0").await;
    next_round(&browser).await;
    assert_eq!(browser.run("return window.stop.isConnected").await, true);
    browser.click("[data-fault=broken-by-hand] button").await;
    browser.wait_for("!document.querySelector('[data-fault=broken-by-hand]')?.innerText.includes('active')").await;
    let states = vendors.faults();
    let stopped = states.iter().find(|state| state.fault.name == "broken-by-hand").unwrap();
    assert_eq!((stopped.phase, stopped.hits), (FaultPhase::Over, 40));
    assert_eq!(client.submit(&vendors.clay_url(), "{}").await.unwrap().status, 200);

    // What can still be stopped stands above what is over.
    vendors.add_fault(Fault::new("another", FaultKind::Credits)).await.unwrap();
    next_round(&browser).await;
    let names = "return [...document.querySelectorAll('#faults tr')].map((row) => row.dataset.fault)";
    assert_eq!(browser.run(names).await, json!(["another", "evening-outage", "broken-by-hand"]));

    // What was refused is shown until something else is done.
    browser.run("window.stop.click(); return 0").await;
    browser.wait_for("document.querySelector('#refused').innerText.includes('no living fault')").await;
    next_round(&browser).await;
    assert_eq!(browser.run("return document.querySelector('#refused').hidden").await, false);

    // What it says is taken from the API's own description.
    browser.choose("#fault-kind", "hang").await;
    browser.wait_for("document.querySelector('#kind-note').innerText.includes('never answered')").await;

    browser.click("#start-clock").await;
    browser.wait_for("document.querySelector('#clock').innerText.includes('timetable at')").await;
    assert!(vendors.timetable_elapsed().is_some());
    browser.click("#reset summary").await;
    browser.click("#reset-now").await;
    browser.wait_for("document.querySelector('#ledger-note').innerText === 'no requests yet'").await;
    assert!(vendors.ledger().entries().is_empty());

    let (console, requests) = browser.logs().await;
    // The one fault that made no sense, the one that could not be stopped twice, and nothing else.
    assert!(console.len() == 2 && console[0].contains("status of 422") && console[1].contains("status of 404"), "{console:?}");
    // Over the network, that is: the browser's own first page is made of what it brings.
    let sent: Vec<_> = requests.iter().filter(|one| one.starts_with("http") || one.starts_with("ws")).collect();
    let foreign: Vec<_> = sent.iter().filter(|one| !one.starts_with(&format!("{url}/"))).collect();
    assert!(foreign.is_empty() && sent.len() > 5, "{foreign:?}");
    browser.end().await;
}

#[tokio::test]
async fn the_page_asks_for_the_token_and_keeps_it_to_itself() {
    let Some(browser) = browser().await else { return };
    let vendors = start(Some("page-t0ken")).await;
    browser.open(&vendors.admin_url().unwrap()).await;
    browser.wait_for("document.querySelector('#ask').open").await;
    assert_eq!(browser.run("return document.querySelectorAll('.vendor').length").await, 0);
    browser.write("#token", "wrong").await;
    browser.click("#ask button").await;
    browser
        .wait_for(
            "document.querySelector('#ask-note').innerText.includes('not the token') && document.querySelector('#ask').open",
        )
        .await;
    browser.write("#token", "page-t0ken").await;
    browser.click("#ask button").await;
    browser.wait_for("document.querySelectorAll('.vendor').length === 2").await;
    let kept =
        "return [document.cookie, localStorage.length, sessionStorage.length, document.body.innerHTML.includes('page-t0ken')]";
    assert_eq!(browser.run(kept).await, json!(["", 0, 0, false]));
    browser.end().await;
}

async fn text_of(browser: &Browser, selector: &str) -> String {
    let text = browser.run(&format!("return document.querySelector('{selector}').innerText")).await;
    text.as_str().unwrap().to_owned()
}

/// Waits until the page has asked for everything again.
async fn next_round(browser: &Browser) {
    for _ in 0..2 {
        let seen = json!(text_of(browser, "#health").await);
        browser.wait_for(&format!("document.querySelector('#health').innerText !== {seen}")).await;
    }
}

/// For people to look at, beside the build's other results.
async fn take_pictures(browser: &Browser) {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    for scheme in ["light", "dark"] {
        browser.prefer(scheme).await;
        let picture = in_time(browser.picture()).await;
        // The first bytes of every PNG.
        assert!(picture.starts_with(b"\x89PNG"));
        std::fs::write(folder.join(format!("admin-page-{scheme}.png")), picture).unwrap();
    }
}
