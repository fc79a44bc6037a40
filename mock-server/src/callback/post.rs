//! One attempt: an HTTP POST, and the status of its answer.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, Request, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};

use super::signature::SIGNATURE;

/// What is posted, and where.
#[derive(Debug, Clone)]
pub(super) struct Message {
    pub(super) uri: Uri,
    pub(super) body: Bytes,
    pub(super) signature: Option<HeaderValue>,
}

/// Posts messages.
pub(super) trait Post: Clone + Send + Sync + 'static {
    /// The status that was answered, or why there was none. Ends in good time only if its caller sees to it.
    fn post(&self, message: Message) -> impl Future<Output = Result<u16, String>> + Send;
}

/// Posts over HTTP/1.1. Redirections are not followed: they would lead to addresses that nobody has allowed.
#[derive(Clone)]
pub(super) struct HttpPost(Client<HttpConnector, Full<Bytes>>);

/// The most of an answer's body that is read, so that its connection can be used again. Nothing is made of it.
const LONGEST_ANSWER: usize = 64 * 1024;

impl HttpPost {
    pub(super) fn new() -> Self {
        // Without retries by the client, every attempt is one.
        let mut client = Client::builder(TokioExecutor::new());
        // Without the timer, connections to receivers that nobody calls any more would stay until those close them.
        client.retry_canceled_requests(false).pool_timer(TokioTimer::new());
        Self(client.build_http())
    }
}

impl Post for HttpPost {
    async fn post(&self, message: Message) -> Result<u16, String> {
        let mut request = Request::new(Full::new(message.body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = message.uri;
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(signature) = message.signature {
            request.headers_mut().insert(SIGNATURE, signature);
        }
        let answer = self.0.request(request).await.map_err(|error| reason(&error))?;
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
