//! How a message finds its upstream.

use serde::{Deserialize, Serialize};

/// What an account or a use case names: one gateway, or a route that chooses among several.
///
/// In JSON a member `gateway` or a member `route`, with the name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Via {
    Gateway(String),
    /// One of the configuration's `[[routes]]`.
    Route(String),
}

impl Via {
    pub fn gateway_name(&self) -> Option<&str> {
        match self {
            Via::Gateway(name) => Some(name),
            Via::Route(_) => None,
        }
    }

    pub fn route_name(&self) -> Option<&str> {
        match self {
            Via::Route(name) => Some(name),
            Via::Gateway(_) => None,
        }
    }
}
