//! smpp-bridge.

pub mod config;
pub mod logging;
