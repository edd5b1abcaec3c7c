//! Goal: slots and contexts of a window are never lost. Method: a window alone, on made-up time.

use std::time::{Duration, Instant};

use smpp_protocol::window::Window;
use smpp_protocol::{CommandId, SequenceNumber};

fn window(capacity: usize) -> (Window<u32>, Instant) {
    (Window::new(capacity), Instant::now())
}

fn take(window: &mut Window<u32>, number: u32, now: Instant, seconds: u64) -> Result<(), u32> {
    let deadline_at = now + Duration::from_secs(seconds);
    window.insert(
        SequenceNumber(number),
        CommandId::SUBMIT_SM,
        number,
        now,
        deadline_at,
    )
}

#[test]
fn a_full_window_gives_the_context_back() {
    let (mut window, now) = window(2);
    assert_eq!(take(&mut window, 1, now, 60), Ok(()));
    assert_eq!(take(&mut window, 1, now, 60), Err(1), "twice");
    assert_eq!(take(&mut window, 2, now, 60), Ok(()));
    assert_eq!(take(&mut window, 3, now, 60), Err(3), "full");
    assert_eq!(window.complete(SequenceNumber(2)).unwrap().context, 2);
    assert!(window.complete(SequenceNumber(2)).is_none());
    assert_eq!(take(&mut window, 3, now, 60), Ok(()));
}

#[test]
fn requests_expire_in_order_of_their_deadlines() {
    let (mut window, now) = window(9);
    for (number, seconds) in [(1, 60), (2, 10), (3, 30)] {
        take(&mut window, number, now, seconds).unwrap();
    }
    assert_eq!(window.next_deadline(), Some(now + Duration::from_secs(10)));
    window.complete(SequenceNumber(2));
    assert_eq!(window.next_deadline(), Some(now + Duration::from_secs(30)));
    assert!(window.expire(now + Duration::from_secs(29)).is_none());
    let later = now + Duration::from_secs(60);
    assert_eq!(window.expire(later).unwrap().context, 3);
    assert_eq!(window.expire(later).unwrap().context, 1);
    assert!(window.expire(later).is_none());
    assert_eq!(window.next_deadline(), None);
}

#[test]
fn completed_requests_leave_no_deadlines_behind() {
    let (mut window, now) = window(10);
    take(&mut window, 1, now, 1).unwrap();
    for number in 2..100_000 {
        take(&mut window, number, now, 60).unwrap();
        window.complete(SequenceNumber(number)).unwrap();
    }
    assert!(
        format!("{window:?}").len() < 20_000,
        "stale deadlines are swept"
    );
    assert_eq!(window.drain().len(), 1);
    assert!(window.is_empty());
    assert_eq!(window.next_deadline(), None);
}
