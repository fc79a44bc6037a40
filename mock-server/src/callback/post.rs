//! One attempt: an HTTP POST, and the status of its answer.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};

use super::signature::SIGNATURE;
use crate::guard::CALLBACK;

/// Posts callbacks.
pub(crate) trait Post: Clone + Send + Sync + 'static {
    /// The status that was answered, or why there was none. Ends in good time only if its caller sees to it.
    fn post(&self, request: Request<Bytes>) -> impl Future<Output = Result<u16, String>> + Send;
}

/// Hands requests to a receiver in the same process.
#[derive(Clone)]
pub(crate) struct InProcess<R>(pub(crate) R);

impl<R, A> Post for InProcess<R>
where
    R: Fn(Request<Bytes>) -> A + Clone + Send + Sync + 'static,
    A: Future<Output = Result<StatusCode, String>> + Send,
{
    async fn post(&self, request: Request<Bytes>) -> Result<u16, String> {
        (self.0)(request).await.map(|status| status.as_u16())
    }
}

/// The request that carries a callback.
pub(super) fn request(uri: Uri, body: Bytes, signature: Option<HeaderValue>) -> Request<Bytes> {
    let mut request = Request::new(body);
    *request.method_mut() = Method::POST;
    *request.uri_mut() = uri;
    let headers = request.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CALLBACK, HeaderValue::from_static("1"));
    headers.extend(signature.map(|signature| (SIGNATURE, signature)));
    request
}

/// Posts over HTTP/1.1. Redirections are not followed: they could lead to addresses that are not allowed.
#[derive(Clone)]
pub(crate) struct HttpPost(Client<HttpConnector, Full<Bytes>>);

/// The most of an answer's body that is read, so that its connection can be used again. Nothing is made of it.
const LONGEST_ANSWER: usize = 64 * 1024;

/// Most headers of an answer; hyper's own bound, 100, is below what servers send.
const MOST_HEADERS: usize = 1_000;

impl HttpPost {
    pub(crate) fn new() -> Self {
        // What was not sent because its kept connection had ended goes over another. Nothing else is repeated: every attempt is one.
        let mut client = Client::builder(TokioExecutor::new());
        // Without the timer, idle connections would stay open until their receivers close them.
        client.pool_timer(TokioTimer::new()).http1_max_headers(MOST_HEADERS);
        Self(client.build_http())
    }
}

impl Post for HttpPost {
    async fn post(&self, request: Request<Bytes>) -> Result<u16, String> {
        let answer = self.0.request(request.map(Full::new)).await.map_err(|error| reason(&error))?;
        let status = answer.status().as_u16();
        // The status has come: whatever happens to the body changes nothing.
        let _ = Limited::new(answer.into_body(), LONGEST_ANSWER).collect().await;
        Ok(status)
    }
}

/// The innermost cause: "connection refused" rather than "client error (Connect)".
fn reason(error: &dyn std::error::Error) -> String {
    error.source().map_or_else(|| error.to_string(), reason)
}
