//! The routes as a client meets them. Method: one router over a log in memory, requests in,
//! answers out; the upstream's part is played through the store.

mod support;

mod dlr;
mod front;
mod gateways;
mod messages;
mod sending;
