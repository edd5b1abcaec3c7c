//! What the daemon is when nothing happens: its memory, alone and with many binds, and its threads.
//!
//! The build without optimisation is larger by its own size; what two hundred binds add is the
//! same in both.

mod common;

use common::{Bridge, message_centre, smpp_gateway, wait_for, with};
use serde_json::json;

const BINDS: usize = 200;
const ALONE_MAX: u64 = if cfg!(debug_assertions) {
    60_000_000
} else {
    20_000_000
};
const ADDED_BY_BINDS_MAX: u64 = 20_000_000;

#[tokio::test]
async fn an_idle_bridge_is_small_with_two_hundred_gateways_too() {
    let smsc = message_centre().await;
    let bridge = Bridge::alone().await;
    bridge.http.must_live().await;
    let alone = bridge.resident();
    for n in 0..BINDS {
        let named = json!({ "name": format!("smsc-{n}") });
        bridge.http.create(with(smpp_gateway(&smsc), named)).await;
    }
    let all_bound = async || (smsc.bound() == BINDS).then_some(());
    wait_for("two hundred binds", all_bound).await;
    let bound = bridge.resident();
    println!("idle: {alone} octets alone, {bound} with {BINDS} binds");
    assert!(alone <= ALONE_MAX, "{alone}");
    assert!(bound <= alone + ADDED_BY_BINDS_MAX, "{alone}, then {bound}");
}

#[tokio::test]
async fn callbacks_have_threads_of_their_own_that_let_the_others_go_first() {
    let bridge = Bridge::alone().await;
    bridge.http.must_live().await;
    let callbacks = bridge.nice_of("callbacks");
    let others = bridge.nice_of("tokio-rt-worker");
    let least = callbacks.iter().min().expect("callbacks have threads");
    let most = others.iter().max().expect("so has the rest");
    assert!(least > most, "{callbacks:?} beside {others:?}");
}
