//! Many receivers and no socket: who gets room, who is sent back, and until when.

use super::*;
use crate::message::{CallbackKind, MessageId, State, sample};
use crate::store::Subject;

const NOW: Timestamp = Timestamp(1_700_000_000_000_000);
const TOOK: Duration = Duration::from_millis(1);

fn desk() -> Desk {
    Desk::new(Patience {
        initial: Duration::from_secs(1),
        max: Duration::from_secs(5),
        probe: Duration::from_secs(11),
    })
}

fn job(number: u64, url: &str, guarded: bool) -> Job {
    let lease = CallbackLease {
        id: CallbackId {
            message: MessageId(number),
            number: 0,
        },
        kind: CallbackKind::Mo,
        attempt: 1,
        created_at: NOW,
        state: State::Delivered,
        report: None,
        subject: Subject::Mo {
            record: Box::new(sample::mo()),
            received_at: NOW,
        },
        body: None,
    };
    Job {
        lease: Box::new(lease),
        target: Arc::new(Target::of(&url.parse().unwrap(), guarded).unwrap()),
    }
}

fn start_all(desk: &mut Desk) -> Vec<Job> {
    std::iter::from_fn(|| desk.start().map(|(job, _)| job)).collect()
}

/// Answers until nothing is left, as quick workers would.
fn answer_all(desk: &mut Desk, mut running: Vec<Job>) -> usize {
    let mut answered = 0;
    while let Some(job) = running.pop() {
        answered += 1;
        running.extend(desk.finished(&job.target, Reach::Answered, TOOK, NOW));
        running.extend(start_all(desk));
    }
    answered
}

/// The server has answered often: it may have all it can.
fn warm(desk: &mut Desk, url: &str) {
    for n in 0..300 {
        desk.admit(job(n, url, false), NOW).unwrap();
        let running = start_all(desk);
        answer_all(desk, running);
    }
}

#[test]
fn every_admitted_callback_is_started_once() {
    let mut desk = desk();
    let mut admitted = 0;
    for n in 0..500 {
        let url = format!("http://h{}.test/{}", n % 50, n % 3);
        admitted += usize::from(desk.admit(job(n, &url, false), NOW).is_ok());
    }
    let running = start_all(&mut desk);
    assert_eq!(answer_all(&mut desk, running), admitted);
    assert_eq!((desk.held, desk.in_flight), (0, 0));
    assert_eq!((desk.guarded_held, desk.guarded), (0, 0));
    desk.sweep(NOW);
    assert!(desk.servers.is_empty());
}

#[test]
fn one_url_gets_64_attempts_and_what_is_too_much_comes_again_later() {
    let mut desk = desk();
    warm(&mut desk, "http://slow.test/");
    let mut later = Vec::new();
    for n in 0..2000 {
        if let Err((_, refusal)) = desk.admit(job(n, "http://slow.test/", false), NOW) {
            let Refusal::Crowded(until) = refusal else {
                panic!("{refusal:?}")
            };
            later.push(until);
        }
    }
    assert_eq!(start_all(&mut desk).len(), URL_MAX);
    assert_eq!(later.len(), 2000 - URL_HELD_MAX);
    assert!(later.iter().all(|until| *until > NOW));
    assert!(later.windows(2).all(|w| w[0] < w[1]));
}

#[test]
fn slow_servers_never_take_the_last_place() {
    let mut desk = desk();
    for host in 0..40 {
        let url = format!("http://slow{host}.test/");
        warm(&mut desk, &url);
        for path in 0..8 {
            for n in 0..URL_HELD_MAX as u64 {
                let _ = desk.admit(job(n, &format!("{url}{path}"), false), NOW);
            }
        }
    }
    let busy = start_all(&mut desk).len();
    assert!(busy <= IN_FLIGHT_MAX);
    assert!(desk.room() > 0 && desk.held <= HELD_MAX);
    assert!(desk.admit(job(1, "http://quick.test/", false), NOW).is_ok());
    let started = start_all(&mut desk);
    assert!(started.iter().any(|j| j.target.origin.host == "quick.test"));
}

#[test]
fn urls_of_requests_leave_room_for_those_of_the_configuration() {
    let mut desk = desk();
    for n in 0..10_000 {
        let _ = desk.admit(job(n, &format!("http://h{n}.test/"), true), NOW);
    }
    assert!(start_all(&mut desk).len() <= GUARDED_MAX);
    assert!(desk.in_flight() <= GUARDED_MAX);
    assert!(desk.admit(job(1, "http://own.test/", false), NOW).is_ok());
    assert_eq!(start_all(&mut desk).len(), 1);
}

#[test]
fn a_dead_server_costs_one_attempt_a_probe() {
    let mut desk = desk();
    let url = "http://dead.test/";
    let admitted = (0..64).filter(|n| desk.admit(job(*n, url, false), NOW).is_ok());
    let admitted = admitted.count();
    let running = start_all(&mut desk);
    assert!(running.len() < SERVER_INITIAL);
    let tried = running.len();
    for job in running {
        let next = desk.finished(&job.target, Reach::Unreachable, TOOK, NOW);
        assert!(next.is_none());
    }
    // What waited behind them went back.
    assert_eq!(desk.held, 0);
    assert_eq!(desk.take_outcomes().len(), admitted - tried);
    let (_, refusal) = desk.admit(job(70, url, false), NOW).unwrap_err();
    assert!(matches!(refusal, Refusal::Down(until) if until >= NOW + Duration::from_secs(1)));
    let later = NOW + Duration::from_secs(1);
    desk.admit(job(71, url, false), later).unwrap();
    desk.admit(job(72, url, false), later).unwrap_err();
    let probe = start_all(&mut desk);
    assert_eq!(probe.len(), 1);
    desk.finished(&probe[0].target, Reach::Answered, TOOK, later);
    desk.admit(job(73, url, false), later).unwrap();
}

#[test]
fn a_hanging_url_leaves_room_to_its_neighbours_from_the_start() {
    let mut desk = desk();
    for n in 0..500 {
        let _ = desk.admit(job(n, "http://app.test/hang", false), NOW);
    }
    assert!(!start_all(&mut desk).is_empty());
    desk.admit(job(501, "http://app.test/well", false), NOW)
        .unwrap();
    let started = start_all(&mut desk);
    assert_eq!(started.len(), 1);
    assert_eq!(started[0].target.path, "/well");
}

#[test]
fn a_silent_url_does_not_close_its_neighbours() {
    let mut desk = desk();
    desk.admit(job(1, "http://app.test/hang", false), NOW)
        .unwrap();
    let hanging = start_all(&mut desk);
    desk.finished(&hanging[0].target, Reach::Silent, TOOK, NOW);
    desk.admit(job(2, "http://app.test/hang", false), NOW)
        .unwrap_err();
    desk.admit(job(3, "http://app.test/well", false), NOW)
        .unwrap();
    assert_eq!(start_all(&mut desk).len(), 1);
}

#[test]
fn an_idle_worker_gets_the_next_job_of_its_server() {
    let mut desk = desk();
    let first = job(1, "http://app.test/", false);
    let (seat, mut call) = oneshot::channel();
    assert!(desk.sit(&first.target.origin, seat));
    let (gone, _) = oneshot::channel();
    assert!(desk.sit(&first.target.origin, gone));
    desk.admit(first, NOW).unwrap();
    let (job, seat) = desk.start().unwrap();
    seat.unwrap().send(job).unwrap();
    assert!(call.try_recv().is_ok());
    assert_eq!(desk.idle, 0);
}

#[test]
fn nothing_begins_on_a_closed_desk() {
    let mut desk = desk();
    desk.admit(job(1, "http://app.test/", false), NOW).unwrap();
    desk.admit(job(2, "http://app.test/", false), NOW).unwrap();
    let (running, _) = desk.start().unwrap();
    desk.close();
    let next = desk.finished(&running.target, Reach::Answered, TOOK, NOW);
    assert!(next.is_none() && desk.start().is_none());
    assert_eq!(desk.in_flight(), 0);
}

/// Answers of a server that takes as long as there are attempts in flight: how many it has then.
fn in_flight_after(answers: usize, took: impl Fn(usize) -> Duration) -> usize {
    let mut desk = desk();
    let url = |n: u64| format!("https://one.example.org/{n}");
    let mut running = VecDeque::new();
    let mut next = 0;
    for _ in 0..answers {
        for _ in 0..8 {
            next += 1;
            let _ = desk.admit(job(next, &url(next), false), NOW);
        }
        while let Some((job, _)) = desk.start() {
            running.push_back(job);
        }
        let ended = running.pop_front().unwrap();
        let took = took(running.len());
        running.extend(desk.finished(&ended.target, Reach::Answered, took, NOW));
    }
    running.len()
}

#[test]
fn a_server_that_more_attempts_make_slower_gets_no_more_than_usual() {
    let in_line = |in_flight: usize| Duration::from_micros(50) * u32::try_from(in_flight).unwrap();
    assert_eq!(in_flight_after(2000, in_line), SERVER_USUAL);
    assert_eq!(
        in_flight_after(2000, |_| Duration::from_millis(200)),
        SERVER_MAX
    );
}
