//! smpp-bridge: SMS between HTTP applications and SMPP message centres, with one
//! durable log of what happened to every message in between.

pub mod admin;
pub mod api;
pub mod board;
pub mod callback;
pub mod config;
pub mod gateway;
pub mod guard;
pub mod inbound;
pub mod logging;
pub mod message;
pub mod metrics;
pub mod queue;
pub mod route;
pub mod shutdown;
pub mod simulator;
pub mod store;
pub mod tls;

pub mod commands {
    //! Thin fronts.
    pub mod check;
}
