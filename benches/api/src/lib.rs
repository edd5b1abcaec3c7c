//! What a request of each API family costs above a bare server of the same HTTP library.
//! README.md says how to read the figures.
//!
//! - `case`: the requests, one a family or a way into it
//! - `bridge`: the daemon's own router over a store that forgets
//! - `forgetful`: that store
//! - `bare`: the server beside it
//! - `child`: each server as a process of its own, and its CPU time
//! - `load`: the clients, and what they wait
//! - `place`: a core for each side

pub mod bare;
pub mod bridge;
pub mod case;
pub mod child;
pub mod forgetful;
pub mod load;
pub mod place;
