//! What an upstream is sent: a message as the PDUs that its binds write.
//!
//! Pure: whoever has a message can ask what would be sent, and nobody here sends it.
//!
//! - `submit`: a leased message as `submit_sm`

pub mod submit;
