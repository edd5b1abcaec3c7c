//! smpp-bridge: SMS between HTTP applications and SMPP message centres, with one
//! durable log of what happened to every message in between.
//!
//! The map, in the order of the data. A module imports only from the lines below its own
//! group; `tests/tidy.rs` holds it to that.
//!
//! | layer | module | what it is |
//! |---|---|---|
//! | 7 | [`commands`] | thin fronts of the binary: run, check, hash, demo, smsc, verify, export |
//! | 6 | [`daemon`] | builds everything in order, takes it down in reverse |
//! | 5 | [`api`] | HTTP in: families, authentication, errors |
//! | 5 | [`admin`] | `/metrics`, `/livez`, `/readyz` |
//! | 5 | [`gateway`] | one upstream account: its binds, pacing, health |
//! | 5 | [`callback`] | outbox to subscriber: signing, retries, address guard |
//! | 4 | [`queue`] | how many submits may go now, and what an answer to one means |
//! | 4 | [`inbound`] | what an upstream sent: a receipt of which message, an MO for whom |
//! | 4 | [`outbound`] | what an upstream is sent: a message as PDUs, or as an HTTP request |
//! | 3 | [`store`] | what must not be lost |
//! | 2 | [`route`] | which gateway an MT takes, and which application hears of an MO: A2P or P2P |
//! | 2 | [`config`], [`tls`], [`guard`], [`shutdown`] | values and pure decisions |
//! | 2 | [`client`] | one HTTP connection to somebody else's server |
//! | 2 | [`openapi`] | routes and what is said about them: one document for all |
//! | 1 | [`message`], [`metrics`], [`board`] | nouns, counters, live states |
//! | 0 | `smpp_protocol` | SMPP without I/O; a crate of its own |
//!
//! Beside the layers: [`logging`], set up once by the binary; and [`simulator`], a
//! message centre to test against, which knows only the protocol.

pub mod admin;
pub mod api;
pub mod board;
pub mod callback;
pub mod client;
pub mod commands;
pub mod config;
pub mod daemon;
pub mod gateway;
pub mod guard;
pub mod inbound;
pub mod logging;
pub mod message;
pub mod metrics;
pub mod openapi;
pub mod outbound;
pub mod queue;
pub mod route;
pub mod shutdown;
pub mod simulator;
pub mod store;
pub mod tls;
