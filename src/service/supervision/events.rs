//! Follows a service's events as they happen, and gives them the load's time.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{AUTHORIZATION, HOST};
use http::{HeaderValue, Request, Uri};
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use thiserror::Error;
use tokio::net::TcpStream;

use super::api::{Api, ClockOffset};
use crate::clock::LoadClock;
use crate::event::{Event, EventSink};

/// Longest line of an event; what is longer is none.
const LONGEST_LINE: usize = 1 << 20;

/// The events came to an end.
#[derive(Debug, Error)]
pub(super) enum FollowError {
    #[error("only http can be followed, not {0}")]
    NotHttp(String),
    #[error("no connection: {0}")]
    Connect(#[from] std::io::Error),
    #[error("{0}")]
    Http(#[from] hyper::Error),
    #[error("status {0}")]
    Refused(u16),
    #[error("a line that is no event: {0}")]
    NoEvent(String),
}

/// Hands the service's events to `events` until it ends them, or the future is dropped. `Ok` is an end in order.
pub(super) async fn follow(
    api: &Api,
    offset: ClockOffset,
    clock: LoadClock,
    events: Arc<dyn EventSink>,
) -> Result<(), FollowError> {
    let uri: Uri = format!("{}/events?follow=1", api.base).parse().map_err(|_| FollowError::NotHttp(api.base.clone()))?;
    let (Some("http"), Some(host)) = (uri.scheme_str(), uri.host()) else { return Err(FollowError::NotHttp(api.base.clone())) };
    let stream = TcpStream::connect((host.trim_start_matches('[').trim_end_matches(']'), uri.port_u16().unwrap_or(80))).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let connection = tokio::spawn(connection);
    let answer = sender.send_request(request(&uri, api.authorization.as_ref())).await;
    let result = match answer {
        Ok(answer) if answer.status() == http::StatusCode::OK => {
            let sink = Sink { offset, clock, events };
            read(answer.into_body(), &sink).await
        }
        Ok(answer) => Err(FollowError::Refused(answer.status().as_u16())),
        Err(error) => Err(error.into()),
    };
    connection.abort();
    result
}

fn request(uri: &Uri, authorization: Option<&HeaderValue>) -> Request<Empty<Bytes>> {
    let mut request = Request::new(Empty::new());
    *request.uri_mut() = uri.path_and_query().map_or_else(|| uri.clone(), |path| Uri::from(path.clone()));
    if let Some(host) = uri.authority().and_then(|authority| HeaderValue::from_str(authority.as_str()).ok()) {
        request.headers_mut().insert(HOST, host);
    }
    if let Some(value) = authorization {
        request.headers_mut().insert(AUTHORIZATION, value.clone());
    }
    request
}

async fn read(mut body: hyper::body::Incoming, sink: &Sink) -> Result<(), FollowError> {
    let mut rest = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else { continue };
        rest.extend_from_slice(&data);
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            sink.take(&rest.split_to(end + 1))?;
        }
        if rest.len() > LONGEST_LINE {
            return Err(FollowError::NoEvent("it is longer than a megabyte".to_owned()));
        }
    }
    Ok(())
}

struct Sink {
    offset: ClockOffset,
    clock: LoadClock,
    events: Arc<dyn EventSink>,
}

impl Sink {
    fn take(&self, line: &[u8]) -> Result<(), FollowError> {
        let line = line.trim_ascii();
        if line.is_empty() {
            return Ok(());
        }
        let mut event: Event = serde_json::from_slice(line).map_err(|error| FollowError::NoEvent(error.to_string()))?;
        let at = self.offset.instant(Duration::from_micros(event.at_us));
        event.at_us = self.clock.at(at).as_micros() as u64;
        self.events.emit(event);
        Ok(())
    }
}
