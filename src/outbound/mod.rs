//! What an upstream is sent: a message as the PDUs that a bind writes, or as one HTTP request.
//!
//! Pure: whoever has a message can ask what would be sent, and nobody here sends it.
//!
//! - `submit`: a leased message as `submit_sm`
//! - `http`: a leased message as a request

pub mod http;
pub mod submit;
