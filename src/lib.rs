//! smpp-bridge.
