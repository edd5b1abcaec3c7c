//! What to do next with a gateway's submits: how many may go now, and what an answer
//! to one means.

use crate::message::Disposition;
use smpp_protocol::command::CommandStatus;
use std::time::{Duration, Instant};

/// What a `submit_sm_resp` with this status means for its segment.
pub fn disposition(status: CommandStatus) -> Disposition {
    match status {
        CommandStatus::ESME_ROK => Disposition::Submitted,
        // The re-bind that follows is the pause.
        CommandStatus::ESME_RTHROTTLED | CommandStatus::ESME_RINVBNDSTS => Disposition::Throttled,
        CommandStatus::ESME_RMSGQFUL | CommandStatus::ESME_RX_T_APPN => Disposition::Deferred,
        CommandStatus::ESME_RSYSERR | CommandStatus::ESME_RSUBMITFAIL => {
            Disposition::DeferredAtMost(RETRIES_MAX)
        }
        _ => Disposition::Refused,
    }
}

/// Retries after a general failure of the upstream.
const RETRIES_MAX: u8 = 3;

/// Paces one gateway over all its binds: the contracted rate, and what the upstream
/// shows to bear.
///
/// A throttled answer stops new submits for a pause that doubles while they go on, and
/// halves the rate; every second without one allows a tenth more.
#[derive(Debug)]
pub struct Pacer {
    /// Segments a second by contract; `None` is no limit.
    contracted: Option<f64>,
    /// Segments a second as learned; `None` until the upstream complains.
    learned: Option<f64>,
    tokens: f64,
    refilled_at: Instant,
    paused_until: Option<Instant>,
    pause: Duration,
    /// Submits in the present second, and in the last whole one.
    window: (Instant, u32, u32),
}

const PAUSE_FIRST: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_secs(30);
/// Unused allowance that may be spent at once: a tenth of a second's worth.
const BURST: f64 = 0.1;
/// A learned rate this far above what is used is forgotten.
const FORGET_ABOVE: f64 = 100_000.0;

impl Pacer {
    pub fn new(contracted: Option<u32>, now: Instant) -> Pacer {
        Pacer {
            contracted: contracted.map(f64::from),
            learned: None,
            tokens: 1.0,
            refilled_at: now,
            paused_until: None,
            pause: PAUSE_FIRST,
            window: (now, 0, 0),
        }
    }

    fn rate(&self) -> Option<f64> {
        match (self.contracted, self.learned) {
            (Some(c), Some(l)) => Some(c.min(l)),
            (c, l) => c.or(l),
        }
    }

    /// How many segments may be leased now.
    pub fn allowance(&mut self, now: Instant) -> usize {
        self.recover(now);
        if self.paused_until.is_some_and(|until| now < until) {
            return 0;
        }
        self.paused_until = None;
        let Some(rate) = self.rate() else {
            return usize::MAX;
        };
        let passed = now
            .saturating_duration_since(self.refilled_at)
            .as_secs_f64();
        self.refilled_at = now;
        self.tokens = (self.tokens + passed * rate).min((rate * BURST).max(1.0));
        self.tokens.max(0.0) as usize
    }

    /// So many segments were leased; a long message may overdraw the allowance.
    pub fn spend(&mut self, segments: usize) {
        let n = u32::try_from(segments).unwrap_or(u32::MAX);
        self.tokens -= f64::from(n);
        self.window.1 = self.window.1.saturating_add(n);
    }

    /// When the allowance is above zero again; `None`: it is.
    pub fn next_at(&mut self, now: Instant) -> Option<Instant> {
        if let Some(until) = self.paused_until.filter(|until| now < *until) {
            return Some(until);
        }
        if self.allowance(now) > 0 {
            return None;
        }
        let rate = self.rate()?.max(0.001);
        Some(now + Duration::from_secs_f64(((1.0 - self.tokens) / rate).clamp(0.001, 3600.0)))
    }

    /// The upstream asked for less.
    pub fn throttled(&mut self, now: Instant) {
        if self.paused_until.is_some_and(|until| now < until) {
            // Answers to what was sent before the pause say nothing new.
            return;
        }
        let recent = self.window.1.max(self.window.2);
        let basis = self
            .rate()
            .map_or(f64::from(recent), |r| r.min(f64::from(recent.max(1))));
        self.learned = Some((basis / 2.0).max(1.0));
        self.tokens = 1.0;
        self.paused_until = Some(now + self.pause);
        self.pause = (self.pause * 2).min(PAUSE_MAX);
    }

    /// The upstream took one.
    pub fn accepted(&mut self) {
        if self.paused_until.is_none() {
            self.pause = PAUSE_FIRST;
        }
    }

    pub fn is_paused(&self, now: Instant) -> bool {
        self.paused_until.is_some_and(|until| now < until)
    }

    /// Moves the one-second window on, and lets a learned rate grow.
    fn recover(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.window.0).as_secs();
        if passed == 0 {
            return;
        }
        let last = if passed == 1 { self.window.1 } else { 0 };
        self.window = (now, 0, last);
        if let Some(learned) = &mut self.learned {
            *learned *= 1.1f64.powi(i32::try_from(passed.min(600)).unwrap_or(600));
            let contracted = self.contracted.unwrap_or(FORGET_ABOVE);
            if *learned >= contracted {
                self.learned = None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_has_its_disposition() {
        use CommandStatus as S;
        let table = [
            (S::ESME_ROK, Disposition::Submitted),
            (S::ESME_RTHROTTLED, Disposition::Throttled),
            (S::ESME_RINVBNDSTS, Disposition::Throttled),
            (S::ESME_RMSGQFUL, Disposition::Deferred),
            (S::ESME_RX_T_APPN, Disposition::Deferred),
            (S::ESME_RSYSERR, Disposition::DeferredAtMost(3)),
            (S::ESME_RSUBMITFAIL, Disposition::DeferredAtMost(3)),
            (S::ESME_RINVDSTADR, Disposition::Refused),
            (S::ESME_RX_P_APPN, Disposition::Refused),
            (S(0x400), Disposition::Refused),
        ];
        for (status, expected) in table {
            assert_eq!(disposition(status), expected, "{status}");
        }
    }

    #[test]
    fn a_contracted_rate_is_spread_evenly() {
        let mut now = Instant::now();
        let mut pacer = Pacer::new(Some(100), now);
        let mut sent = 0;
        for _ in 0..2000 {
            now += Duration::from_millis(1);
            let n = pacer.allowance(now);
            pacer.spend(n);
            sent += n;
        }
        assert!(
            (195..=212).contains(&sent),
            "{sent} in two seconds at 100/s"
        );
    }

    #[test]
    fn throttling_pauses_then_goes_on_with_half_the_rate_and_recovers() {
        let mut now = Instant::now();
        let mut pacer = Pacer::new(None, now);
        assert_eq!(pacer.allowance(now), usize::MAX);
        pacer.spend(50);
        pacer.throttled(now);
        pacer.throttled(now);
        assert_eq!(pacer.allowance(now), 0);
        assert_eq!(pacer.next_at(now), Some(now + PAUSE_FIRST));
        now += PAUSE_FIRST;
        assert!((1..=25).contains(&pacer.allowance(now)));
        now += Duration::from_secs(120);
        assert_eq!(
            pacer.allowance(now),
            usize::MAX,
            "grown beyond any use, it is forgotten"
        );
    }
}
