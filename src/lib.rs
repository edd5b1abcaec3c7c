//! smpp-bridge.

pub mod config;
pub mod logging;

pub mod commands {
    //! Thin fronts.
    pub mod check;
}
