//! Fetching the resting states from a service, page by page, into a file, so that the audit can be repeated.

use std::io::{self, BufWriter};
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, HeaderValue};
use http::{Request, Uri};
use http_body_util::Full;
use mock_server::private_file;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::journal::JournalLines;
use crate::transport::{Body, HttpClient, SendError};

/// Longest wait for a page.
const PAGE_WITHIN: Duration = Duration::from_secs(30);
/// Leads asked for at once.
const LEADS_A_PAGE: usize = 1_000;
/// Longest page, in bytes.
const LONGEST_PAGE: usize = 64 << 20;

/// Why the resting states could not be fetched.
#[derive(Debug, thiserror::Error)]
pub enum PlacesError {
    /// The address is not a URL.
    #[error("`{0}` is not the URL of a service's resting states: use one like http://127.0.0.1:8090/places")]
    Url(String),
    /// The service did not answer.
    #[error("GET {url}: {source}")]
    Send {
        /// The page.
        url: String,
        /// Why.
        source: SendError,
    },
    /// It refused.
    #[error("GET {url}: answered {status}{}", hint(*.status))]
    Status {
        /// The page.
        url: String,
        /// The status.
        status: u16,
    },
    /// It answered something else.
    #[error("GET {url}: {problem}")]
    Page {
        /// The page.
        url: String,
        /// What is wrong with it.
        problem: String,
    },
    /// They cannot be written.
    #[error("cannot write the resting states: {0}")]
    Write(#[from] io::Error),
}

fn hint(status: u16) -> &'static str {
    if status == 401 { ": it requires a bearer token, see --token-env" } else { "" }
}

/// Fetches every resting state from `url` (GET `url?after=<lead>&limit=<leads>`, one JSON object a line, in the order of the leads' keys;
/// an empty page is the end) and writes them to `file`. Gives how many there are.
///
/// # Errors
/// When the service does not answer with resting states, or the file cannot be written.
pub async fn fetch_places(client: &HttpClient, url: &str, token: Option<&str>, file: &Path) -> Result<u64, PlacesError> {
    let mut out = JournalLines::new(BufWriter::new(private_file::create(file)?));
    let mut after = String::new();
    loop {
        let page = fetch_page(client, url, token, &after).await?;
        let lines = || page.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty());
        let Some(last) = lines().next_back() else { break };
        let wrong = |problem: String| PlacesError::Page { url: url.to_owned(), problem };
        let last: Last =
            serde_json::from_slice(last).map_err(|error| wrong(format!("a line is not a resting state: {error}")))?;
        if last.lead <= after {
            // A service without paging gives all of them each time.
            return if after.is_empty() { Err(wrong("a resting state names no lead".to_owned())) } else { Ok(out.end()?) };
        }
        for line in lines() {
            // Whatever else it says, it is an object: the audit reads it, and says where it is wrong.
            let mut object: Map<String, Value> =
                serde_json::from_slice(line).map_err(|error| wrong(format!("a line is not a resting state: {error}")))?;
            // Its number in the service's list is not that in this file.
            object.remove("line");
            out.entry(&object)?;
        }
        after = last.lead;
    }
    Ok(out.end()?)
}

#[derive(Deserialize)]
struct Last {
    lead: String,
}

async fn fetch_page(client: &HttpClient, url: &str, token: Option<&str>, after: &str) -> Result<Bytes, PlacesError> {
    let separator = if url.contains('?') { '&' } else { '?' };
    let after = percent_encoding::utf8_percent_encode(after, percent_encoding::NON_ALPHANUMERIC);
    let page = format!("{url}{separator}after={after}&limit={LEADS_A_PAGE}");
    let uri: Uri = page.parse().map_err(|_| PlacesError::Url(url.to_owned()))?;
    if uri.scheme().is_none() || uri.authority().is_none() {
        return Err(PlacesError::Url(url.to_owned()));
    }
    let mut request = Request::get(uri).body(Full::default()).map_err(|_| PlacesError::Url(url.to_owned()))?;
    if let Some(token) = token {
        let value = HeaderValue::try_from(format!("Bearer {token}"));
        let mut value = value
            .map_err(|_| PlacesError::Page { url: page.clone(), problem: "the token is not a valid header value".to_owned() })?;
        value.set_sensitive(true);
        request.headers_mut().insert(AUTHORIZATION, value);
    }
    let answer = client.send(request, PAGE_WITHIN, Body::Keep(LONGEST_PAGE)).await;
    let answer = answer.map_err(|source| PlacesError::Send { url: page.clone(), source })?;
    if answer.status != 200 {
        return Err(PlacesError::Status { url: page, status: answer.status });
    }
    if answer.body_bytes > answer.body.len() as u64 {
        let problem = format!("the page is longer than {} MiB; it must respect `limit`", LONGEST_PAGE >> 20);
        return Err(PlacesError::Page { url: page, problem });
    }
    Ok(answer.body)
}
