//! The pipeline as an HTTP service: a lead is acknowledged only when it is durable, and delivered from the queue.
//!
//! An integration that calls its vendors while its caller waits makes every vendor's outage its own, and a crash loses what
//! it had accepted. This one commits a lead and its operations together, answers, and delivers from the store.
//!
//! ```text
//! POST /leads                 one JSON object, or application/x-ndjson: one a line. 202 durable, 200 known already
//! GET  /leads/{id}            where it is, and its history
//! GET  /leads?after=&limit=   leads in the order of their keys, NDJSON
//! GET  /places?after=&limit=  where each operation is, NDJSON of `journal::RestingEntry`; `after` is a lead's key
//! POST /callbacks/clay        an enriched row, signed
//! GET  /health                each vendor: healthy, latency, circuit, queue depth, last success, last failure, what holds its queue
//! GET  /health/live           200 while the process answers
//! GET  /health/ready          200 while leads are taken, else 503 with the reasons
//! GET  /metrics               for Prometheus
//! GET  /stats                 the gauges as JSON, and what holds each vendor's queue
//! GET  /events?follow=1       NDJSON of `event::Event` from the start of the service; `at_us` on its clock
//! GET  /clock                 {"elapsed_us": …} on that clock
//! POST /admin/redrive         dead letters back into the queues
//! POST /admin/breakers/{vendor}   {"mode": "forced_open" | "reset" | "disabled" | "metrics_only"}, and for the credit budget's own
//!                             breaker {"guard": "credit_budget", "mode": "reset"}
//! ```
//!
//! `plimsoll serve --config FILE [--listen ADDR] [--check] [--time-scale X] [--seed N]`, and hidden `--die-at FAILPOINT:N`,
//! prints `{"listening":"http://127.0.0.1:8090"}` on standard output when it listens; everything for people goes to standard
//! error. SIGTERM and SIGINT end it in order, with exit code 0.

mod admin;
mod body;
mod callback;
mod config;
mod event_log;
mod guard;
mod health;
mod held;
mod intake;
mod lead_form;
mod leads;
mod metrics;
mod refusal;
mod routes;
mod running;
mod server;
mod state;
mod stats;
mod store_check;
mod strict_json;
pub mod supervision;
mod vendor_sender;

pub use config::{Limits, ServiceConfig, StoreConfig, service_json_schema};
pub(crate) use held::to_end;
pub(crate) use lead_form::key_of;
pub use leads::resting_entries;
pub use running::{Running, StartError, Stopped, check_listen_address, start};
pub use stats::Stats;
