//! The places at rest, asked of a service page by page and written down: what is audited is a file that can be audited again.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, HeaderValue};
use http::{Request, Uri};
use http_body_util::Full;
use serde::Deserialize;

use crate::transport::{Body, HttpClient, SendError};

/// Longest wait for a page.
const PAGE_WITHIN: Duration = Duration::from_secs(30);
/// Leads asked for at once.
const LEADS_A_PAGE: usize = 1_000;
/// Longest page, in bytes.
const LONGEST_PAGE: usize = 64 << 20;

/// Why there are no places.
#[derive(Debug, thiserror::Error)]
pub enum PlacesError {
    /// The address makes no sense.
    #[error("`{0}` is no URL of places: it begins with http:// or https://, as http://127.0.0.1:8090/places")]
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
    /// They cannot be written down.
    #[error("cannot write the places at rest: {0}")]
    Write(#[from] io::Error),
}

fn hint(status: u16) -> &'static str {
    if status == 401 { ": it wants a bearer token, see --token-env" } else { "" }
}

/// Asks for every place at `url` (GET `url?after=<lead>&limit=<leads>`, one JSON object a line, in the order of the leads' keys;
/// an empty page is the end) and writes them to `file`. Gives how many there are.
///
/// # Errors
/// When the service does not answer, or something else than places, or the file cannot be written.
pub async fn fetch_places(client: &HttpClient, url: &str, token: Option<&str>, file: &Path) -> Result<u64, PlacesError> {
    let mut out = BufWriter::new(File::create(file)?);
    let mut after = String::new();
    let mut places = 0;
    loop {
        let page = fetch_page(client, url, token, &after).await?;
        let lines = || page.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty());
        let Some(last) = lines().next_back() else { break };
        let wrong = |problem: String| PlacesError::Page { url: url.to_owned(), problem };
        let last: Last = serde_json::from_slice(last).map_err(|error| wrong(format!("a line is no place: {error}")))?;
        if last.lead <= after {
            // A service that knows no pages gives all of them each time.
            return if after.is_empty() { Err(wrong("a place names no lead".to_owned())) } else { Ok(finish(out, places)?) };
        }
        for line in lines() {
            out.write_all(line)?;
            out.write_all(b"\n")?;
            places += 1;
        }
        after = last.lead;
    }
    Ok(finish(out, places)?)
}

fn finish(mut out: BufWriter<File>, places: u64) -> io::Result<u64> {
    out.flush().map(|()| places)
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
        let mut value =
            value.map_err(|_| PlacesError::Page { url: page.clone(), problem: "the token is no header".to_owned() })?;
        value.set_sensitive(true);
        request.headers_mut().insert(AUTHORIZATION, value);
    }
    let answer = client.send(request, PAGE_WITHIN, Body::Keep(LONGEST_PAGE)).await;
    let answer = answer.map_err(|source| PlacesError::Send { url: page.clone(), source })?;
    if answer.status != 200 {
        return Err(PlacesError::Status { url: page, status: answer.status });
    }
    if answer.body_bytes > answer.body.len() as u64 {
        let problem = format!("the page is longer than {} MiB; it must keep to the limit asked for", LONGEST_PAGE >> 20);
        return Err(PlacesError::Page { url: page, problem });
    }
    Ok(answer.body)
}
