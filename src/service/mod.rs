//! The pipeline as an HTTP service: a lead is acknowledged only when it is durable, and everything after that is the queue's.
//!
//! An integration that calls its vendors while its caller waits makes every outage of theirs its own, and loses with its
//! process whatever it had taken. This one writes a lead and its operations down in one commit, answers, and delivers from
//! there.
//!
//! ```text
//! POST /leads                 one JSON object, or application/x-ndjson: one a line. 202 durable, 200 known already
//! GET  /leads/{id}            where it is, and its history
//! GET  /leads?after=&limit=   leads in the order of their keys, NDJSON
//! GET  /places?after=&limit=  where each operation is, NDJSON of `ledgers::PlaceEntry`; `after` is a lead's key
//! POST /callbacks/clay        an enriched row, signed
//! GET  /health                each vendor: healthy, latency, circuit, queue depth, last success, last failure
//! GET  /health/live           200 while the process answers
//! GET  /health/ready          200 while leads are taken, else 503 with the reasons
//! GET  /metrics               for Prometheus
//! GET  /stats                 the gauges as JSON
//! GET  /events?follow=1       NDJSON of `event::Event` from the start of the service; `at_us` on its clock
//! GET  /clock                 {"elapsed_us": …} on that clock
//! POST /admin/redrive         dead letters back into the queues
//! POST /admin/breakers/{vendor}   {"mode": "forced_open" | "reset" | "disabled" | "metrics_only"}
//! ```
//!
//! `plimsoll serve --config FILE [--listen ADDR] [--check] [--time-scale X] [--seed N]`, and hidden `--die-at FAILPOINT:N`,
//! prints `{"listening":"http://127.0.0.1:8090"}` on standard output when it listens; everything for people goes to standard
//! error. SIGTERM and SIGINT end it in order, with exit code 0.
