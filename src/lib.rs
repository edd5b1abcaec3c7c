//! smpp-bridge.

pub mod config;
