//! One operation of the admin API: its route, its handler and its documentation, from one definition.
//!
//! Query, body and answer are types of the handler, and both the reading and the OpenAPI document come from these types, so
//! the document always describes what happens.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{RawPathParams, State};
use axum::routing::{MethodFilter, MethodRouter, on};
use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::context::Context;
use super::read;
use super::reply::{Documented, Reply, SchemaOf};
use crate::refusal::{Problem, Refusal};

/// The largest body that is read, in bytes. A fault's form takes less than a thousand.
pub(super) const LARGEST_BODY: usize = 256 * 1024;

/// How long a body may take to come.
const BODY_WITHIN: Duration = Duration::from_secs(10);

/// A request to the admin API, read and understood.
pub(super) struct Call<Q = Nothing, B = Nothing> {
    pub(super) context: Arc<Context>,
    /// When it arrived, by the wall clock: microseconds since 1970.
    pub(super) received_unix_us: u64,
    pub(super) query: Q,
    pub(super) body: B,
    path: Vec<String>,
}

impl<Q, B> Call<Q, B> {
    /// The path's parameters in order.
    pub(super) fn path<const N: usize>(&self) -> [&str; N] {
        std::array::from_fn(|index| self.path.get(index).map_or("", String::as_str))
    }
}

/// No query, or no body.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Nothing {}

/// A body that must be there.
pub(super) struct Required<T>(pub(super) T);

/// A body that may be left out, which means all defaults.
pub(super) struct Optional<T>(pub(super) T);

/// What a handler takes as its body.
pub(super) trait Payload: Sized + Send {
    /// Whether it must be there, and what it looks like; `None` where none is taken.
    fn documented(generator: &mut SchemaGenerator) -> Option<(bool, Schema)>;
    /// Reads it.
    fn read(bytes: &[u8]) -> Result<Self, Refusal>;
}

impl Payload for Nothing {
    fn documented(_: &mut SchemaGenerator) -> Option<(bool, Schema)> {
        None
    }

    fn read(bytes: &[u8]) -> Result<Self, Refusal> {
        match bytes {
            [] => Ok(Self {}),
            _ => Err(Refusal::unprocessable(vec![Problem::new("this request takes no body")])),
        }
    }
}

impl<T: DeserializeOwned + JsonSchema + Send> Payload for Required<T> {
    fn documented(generator: &mut SchemaGenerator) -> Option<(bool, Schema)> {
        Some((true, generator.subschema_for::<T>()))
    }

    fn read(bytes: &[u8]) -> Result<Self, Refusal> {
        read::body(bytes).map(Self)
    }
}

impl<T: DeserializeOwned + JsonSchema + Default + Send> Payload for Optional<T> {
    fn documented(generator: &mut SchemaGenerator) -> Option<(bool, Schema)> {
        Some((false, generator.subschema_for::<T>()))
    }

    fn read(bytes: &[u8]) -> Result<Self, Refusal> {
        if bytes.is_empty() { Ok(Self(T::default())) } else { read::body(bytes).map(Self) }
    }
}

/// The method that an operation is asked with.
pub(super) struct Verb {
    /// As the OpenAPI document writes it.
    pub(super) name: &'static str,
    filter: MethodFilter,
}

pub(super) const GET: Verb = Verb { name: "get", filter: MethodFilter::GET };
pub(super) const POST: Verb = Verb { name: "post", filter: MethodFilter::POST };
pub(super) const DELETE: Verb = Verb { name: "delete", filter: MethodFilter::DELETE };

/// One operation.
pub(super) struct Operation {
    pub(super) verb: Verb,
    /// With its parameters in braces, as both axum and OpenAPI write them.
    pub(super) path: &'static str,
    /// Its name in the OpenAPI document.
    pub(super) name: &'static str,
    pub(super) summary: &'static str,
    /// Statuses that it may refuse with, besides those that every operation may.
    pub(super) refuses: &'static [(u16, &'static str)],
    pub(super) query: SchemaOf,
    pub(super) takes_query: bool,
    pub(super) body: fn(&mut SchemaGenerator) -> Option<(bool, Schema)>,
    pub(super) answer: Documented,
    pub(super) route: MethodRouter<Arc<Context>>,
}

/// An operation with its handler.
pub(super) fn operation<Q, B, A, F, R>(verb: Verb, path: &'static str, name: &'static str, handler: F) -> Operation
where
    Q: DeserializeOwned + JsonSchema + Send + 'static,
    B: Payload + 'static,
    A: Reply + 'static,
    F: Fn(Call<Q, B>) -> R + Clone + Send + Sync + 'static,
    R: Future<Output = Result<A, Refusal>> + Send + 'static,
{
    let route = on(verb.filter, move |State(context): State<Arc<Context>>, parameters: RawPathParams, request: Request<Body>| {
        let handler = handler.clone();
        async move {
            let received_unix_us = context.simulation.unix_us();
            let path = parameters.iter().map(|(_, value)| value.to_owned()).collect();
            let (query, body) = understood::<Q, B>(request).await?;
            handler(Call { context, received_unix_us, query, body, path }).await.map(Reply::into_response)
        }
    });
    Operation {
        verb,
        path,
        name,
        summary: "",
        refuses: &[],
        query: |generator| generator.subschema_for::<Q>(),
        takes_query: std::any::TypeId::of::<Q>() != std::any::TypeId::of::<Nothing>(),
        body: B::documented,
        answer: A::documented(),
        route,
    }
}

impl Operation {
    pub(super) fn summary(mut self, summary: &'static str) -> Self {
        self.summary = summary;
        self
    }

    pub(super) fn refuses(mut self, refuses: &'static [(u16, &'static str)]) -> Self {
        self.refuses = refuses;
        self
    }
}

async fn understood<Q: DeserializeOwned + JsonSchema, B: Payload>(request: Request<Body>) -> Result<(Q, B), Refusal> {
    let (parts, body) = request.into_parts();
    let query = read::query(parts.uri.query().unwrap_or_default())?;
    let bytes = tokio::time::timeout(BODY_WITHIN, collected(body)).await.map_err(|_| {
        let message = format!("the body did not come within {} s", BODY_WITHIN.as_secs());
        Refusal::new(StatusCode::REQUEST_TIMEOUT, Problem::new(message))
    })??;
    Ok((query, B::read(&bytes)?))
}

async fn collected(body: Body) -> Result<Bytes, Refusal> {
    match Limited::new(body, LARGEST_BODY).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => {
            let message = format!("the body is over {} KiB", LARGEST_BODY / 1024);
            Err(Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, Problem::new(message)))
        }
        Err(_) => Err(Refusal::new(StatusCode::BAD_REQUEST, Problem::new("the body broke off"))),
    }
}
