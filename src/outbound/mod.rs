//! What an upstream is sent: a message as the PDUs that a bind writes, or as one HTTP request.
//!
//! Pure: whoever has a message can ask what would be sent, and nobody here sends it.
//!
//! - `submit`: a leased message as `submit_sm`
//! - `http`: a leased message as a request
//! - `wire`: either as text, for whoever has no business with PDUs

pub mod http;
pub mod submit;
pub mod wire;

use crate::config::gateway::Mistakes;

/// Why a lease cannot be sent whose head is not what the log wrote.
const UNREADABLE: &str = "the message's record cannot be read";

/// A record's mistakes as one sentence for an operator.
fn in_words(mistakes: Mistakes) -> String {
    let all = mistakes
        .iter()
        .map(|(path, text)| format!("{path}: {text}"));
    all.collect::<Vec<_>>().join("; ")
}
