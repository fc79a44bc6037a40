//! As much of the WebDriver protocol as the page's test needs: JSON over HTTP to chromedriver.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::common::Client;

/// What the protocol calls an element's reference.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// How long a condition may take to come true, in milliseconds.
const PATIENCE: u64 = 20_000;

/// Chromium with one tab.
pub(crate) struct Browser {
    client: Client,
    session: String,
    _driver: Driver,
    _profile: TempDir,
}

/// The driver's process, which ends its browser when it is killed.
struct Driver(Child);

impl Drop for Driver {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Browser {
    /// Starts driver and browser.
    ///
    /// # Errors
    ///
    /// In words, where one of them is not installed.
    pub(crate) async fn start() -> Result<Self, String> {
        let chromium = ["chromium", "chromium-browser", "google-chrome"].into_iter().find(|name| is_installed(name));
        let chromium = chromium.ok_or("Chromium is not installed")?;
        let driver = Command::new("chromedriver").arg("--port=0").stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
        let mut driver = Driver(driver.map_err(|error| format!("chromedriver is not installed ({error})"))?);
        let lines = BufReader::new(driver.0.stdout.take().unwrap()).lines();
        let port = |line: String| line.split_once("successfully on port ")?.1.trim_end_matches('.').parse::<u16>().ok();
        let port = lines.map_while(Result::ok).find_map(port).ok_or("chromedriver does not tell its port")?;

        let profile = tempfile::tempdir().unwrap();
        let mut arguments: Vec<String> = [
            "headless",
            "no-sandbox",
            "disable-gpu",
            "disable-quic",
            "no-first-run",
            "disable-background-networking",
            "disable-component-update",
            "disable-sync",
            "disable-dev-shm-usage",
            "window-size=1400,1250",
        ]
        .map(|name| format!("--{name}"))
        .into();
        arguments.push(format!("--user-data-dir={}", profile.path().display()));
        let capabilities = json!({"capabilities": {"alwaysMatch": {
            "browserName": "chrome",
            "timeouts": {"script": PATIENCE + 5_000},
            "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
            "goog:chromeOptions": {"binary": which(chromium), "args": arguments},
        }}});
        let url = format!("http://127.0.0.1:{port}/session");
        let mut browser = Self { client: Client::new(), session: url, _driver: driver, _profile: profile };
        let session = browser.post("", &capabilities).await;
        let id = session["sessionId"].as_str().ok_or_else(|| format!("Chromium does not start: {session}"))?;
        browser.session = format!("{}/{id}", browser.session);
        Ok(browser)
    }

    pub(crate) async fn open(&self, url: &str) {
        self.post("/url", &json!({"url": url})).await;
    }

    /// The value of a script.
    pub(crate) async fn run(&self, script: &str) -> Value {
        self.post("/execute/sync", &json!({"script": script, "args": []})).await
    }

    /// Waits in the browser until an expression is true.
    pub(crate) async fn wait_for(&self, condition: &str) {
        let script = format!(
            "const done = arguments[0], until = performance.now() + {PATIENCE};
             const look = () => {{
               let is_so = false;
               try {{ is_so = Boolean({condition}); }} catch {{ /* not there yet */ }}
               if (is_so || performance.now() > until) done(is_so); else setTimeout(look, 25);
             }};
             look();"
        );
        let met = self.post("/execute/async", &json!({"script": script, "args": []})).await;
        if met != true {
            let text = self.run("return document.body.innerText").await;
            panic!("never came true: {condition}\n{}", text.as_str().unwrap_or_default());
        }
    }

    pub(crate) async fn click(&self, selector: &str) {
        let element = self.element(selector).await;
        self.post(&format!("/element/{element}/click"), &json!({})).await;
    }

    /// Replaces what is in a field.
    pub(crate) async fn write(&self, selector: &str, text: &str) {
        let element = self.element(selector).await;
        self.post(&format!("/element/{element}/clear"), &json!({})).await;
        self.post(&format!("/element/{element}/value"), &json!({"text": text})).await;
    }

    /// Chooses an option by its value, as a person would.
    pub(crate) async fn choose(&self, selector: &str, value: &str) {
        self.click(&format!("{selector} option[value='{value}']")).await;
    }

    /// Light or dark.
    pub(crate) async fn prefer(&self, scheme: &str) {
        let features = json!([{"name": "prefers-color-scheme", "value": scheme}]);
        let command = json!({"cmd": "Emulation.setEmulatedMedia", "params": {"features": features}});
        self.post("/goog/cdp/execute", &command).await;
    }

    /// A PNG of the page as it is shown.
    pub(crate) async fn picture(&self) -> Vec<u8> {
        let picture = self.ask("GET", "/screenshot", None).await;
        STANDARD.decode(picture.as_str().unwrap()).unwrap()
    }

    /// Warnings and errors on the console, and the address of every request, since the last call.
    pub(crate) async fn logs(&self) -> (Vec<String>, Vec<String>) {
        let console = self.log("browser").await.into_iter().filter(|entry| entry["level"] != "INFO" && entry["level"] != "DEBUG");
        let console = console.map(|entry| entry["message"].to_string()).collect();
        let events = self.log("performance").await.into_iter().filter_map(|entry| {
            let event: Value = serde_json::from_str(entry["message"].as_str()?).ok()?;
            let sends = event["message"]["method"] == "Network.requestWillBeSent";
            sends.then(|| event["message"]["params"]["request"]["url"].as_str().unwrap_or_default().to_owned())
        });
        (console, events.collect())
    }

    /// Closes the browser.
    pub(crate) async fn end(self) {
        self.ask("DELETE", "", None).await;
    }

    async fn log(&self, kind: &str) -> Vec<Value> {
        self.post("/se/log", &json!({"type": kind})).await.as_array().cloned().unwrap_or_default()
    }

    async fn element(&self, selector: &str) -> String {
        let found = self.post("/element", &json!({"using": "css selector", "value": selector})).await;
        found[ELEMENT].as_str().unwrap_or_else(|| panic!("{selector}: {found}")).to_owned()
    }

    async fn post(&self, path: &str, body: &Value) -> Value {
        self.ask("POST", path, Some(body)).await
    }

    async fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> Value {
        let body = body.map(Value::to_string).unwrap_or_default();
        let request = Request::builder().method(method).uri(format!("{}{path}", self.session));
        let request = request.header("content-type", "application/json").body(Full::new(Bytes::from(body))).unwrap();
        let answer = self.client.send(request).await.unwrap();
        let mut answer: Value = serde_json::from_slice(&answer.body).unwrap();
        let value = answer["value"].take();
        assert!(value["error"].is_null() || path.is_empty(), "{method} {path}: {value}");
        value
    }
}

fn which(name: &str) -> String {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&paths).map(|folder| folder.join(name)).find(|file| file.is_file());
    found.map(|file| file.to_string_lossy().into_owned()).unwrap_or_default()
}

fn is_installed(name: &str) -> bool {
    !which(name).is_empty()
}
