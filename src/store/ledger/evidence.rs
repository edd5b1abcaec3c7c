//! Receipts and status callbacks: which message, and what it does to it.

use super::Ledger;
use super::smsc_id::{forms, hash, normal};
use crate::message::{
    Change, EncodedReport, Entry, Event, GatewayId, MessageId, OrphanEnd, OrphanId, ReportRef,
    Snapshot, State, Timestamp,
};
use crate::store::intent::{Evidence, Finding, IdRule, Inbound, OrphanView, Unmatched};
use hashbrown::{DefaultHashBuilder, HashMap};
use std::collections::BTreeMap;
use std::ops::Bound;

/// Receipts that name no known message, kept for when their message becomes known.
#[derive(Debug)]
pub(super) struct Orphans {
    hasher: DefaultHashBuilder,
    by_number: BTreeMap<OrphanId, Orphan>,
    by_form: HashMap<u64, Vec<OrphanId>>,
}

#[derive(Debug)]
struct Orphan {
    gateway: GatewayId,
    ids: Vec<String>,
    report: EncodedReport,
    state: Option<State>,
    received_at: Timestamp,
}

impl Orphans {
    pub(super) fn new(hasher: DefaultHashBuilder) -> Orphans {
        Orphans {
            hasher,
            by_number: BTreeMap::new(),
            by_form: HashMap::new(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.by_number.len()
    }

    pub(super) fn holds(&self, id: OrphanId) -> bool {
        self.by_number.contains_key(&id)
    }

    /// The first one behind that.
    pub(super) fn after(&self, id: Bound<OrphanId>) -> Option<OrphanId> {
        let mut behind = self.by_number.range((id, Bound::Unbounded));
        behind.next().map(|(id, _)| *id)
    }

    pub(super) fn numbers(&self) -> impl Iterator<Item = OrphanId> {
        self.by_number.keys().copied()
    }

    fn keys_of(&self, orphan: &Orphan) -> Vec<u64> {
        let forms = orphan.ids.iter().flat_map(|id| forms(id, IdRule::Auto));
        let mut keys: Vec<u64> = forms
            .map(|f| hash(&self.hasher, orphan.gateway, &f.text))
            .collect();
        keys.sort_unstable();
        keys.dedup();
        keys
    }

    fn insert(&mut self, id: OrphanId, orphan: Orphan) {
        for key in self.keys_of(&orphan) {
            self.by_form.entry(key).or_default().push(id);
        }
        self.by_number.insert(id, orphan);
    }

    fn remove(&mut self, id: OrphanId) {
        let Some(orphan) = self.by_number.remove(&id) else {
            return;
        };
        for key in self.keys_of(&orphan) {
            if let Some(ids) = self.by_form.get_mut(&key) {
                ids.retain(|o| *o != id);
                if ids.is_empty() {
                    self.by_form.remove(&key);
                }
            }
        }
    }

    /// Orphans that may mean this upstream id, oldest first.
    fn naming(&self, gateway: GatewayId, upstream_id: &str) -> Vec<OrphanId> {
        if self.by_number.is_empty() {
            return Vec::new();
        }
        let key = hash(&self.hasher, gateway, &normal(upstream_id));
        self.by_form.get(&key).cloned().unwrap_or_default()
    }
}

impl Ledger {
    pub(in crate::store) fn inbound(&mut self, inbound: Vec<Inbound>) -> Vec<Finding> {
        inbound
            .into_iter()
            .map(|one| match one {
                Inbound::Receipt(evidence) => self.receipt(*evidence),
                Inbound::Mo(record) => self.receive_mo(*record),
            })
            .collect()
    }

    fn receipt(&mut self, evidence: Evidence) -> Finding {
        let needs_address = matches!(evidence.if_unmatched, Unmatched::IsMessage(_));
        let found = evidence.ids.iter().find_map(|id| {
            self.find(
                evidence.gateway,
                id,
                evidence.id_rule,
                &evidence.report,
                needs_address,
            )
        });
        let Some((message, segment)) = found else {
            return match evidence.if_unmatched {
                Unmatched::Keep => {
                    self.keep_orphan(evidence);
                    Finding::Orphan
                }
                Unmatched::Leave => Finding::Orphan,
                Unmatched::IsMessage(record) => self.receive_mo(*record),
            };
        };
        self.apply_evidence(
            message,
            segment,
            evidence.state,
            evidence.report,
            evidence.verbatim,
            evidence.always_delivered_at,
        )
    }

    /// The segment that a receipt's id names.
    fn find(
        &self,
        gateway: GatewayId,
        id: &str,
        rule: IdRule,
        report: &EncodedReport,
        needs_address: bool,
    ) -> Option<(MessageId, u8)> {
        for form in forms(id, rule) {
            let hits = self.mt.named(gateway, &form);
            let strict = form.converted || needs_address;
            if let Some(hit) = self.choose(&hits, strict, report) {
                return Some(hit);
            }
        }
        None
    }

    /// Of several segments with one id: the one whose address fits, else the oldest open.
    fn choose(
        &self,
        hits: &[(MessageId, u8)],
        address_must_fit: bool,
        report: &EncodedReport,
    ) -> Option<(MessageId, u8)> {
        if let ([only], false) = (hits, address_must_fit) {
            return Some(*only);
        }
        let fits = |hit: &&(MessageId, u8)| self.address_fits(hit.0, report);
        if let Some(hit) = hits.iter().find(fits) {
            return Some(*hit);
        }
        if address_must_fit {
            return None;
        }
        let open =
            |hit: &&(MessageId, u8)| self.mt.get(&hit.0).is_some_and(|m| !m.state.is_terminal());
        hits.iter().find(open).or(hits.first()).copied()
    }

    fn address_fits(&self, message: MessageId, report: &EncodedReport) -> bool {
        let Some(ReportRef::Smpp(r)) = report.read() else {
            return true;
        };
        let Some(head) = self.mt.get(&message).and_then(|m| m.read_head()) else {
            return false;
        };
        let (a, b) = (
            digits(&head.destination.text()),
            digits(&r.source_addr.text()),
        );
        !a.is_empty() && (a.ends_with(&b) || b.ends_with(&a)) && b.len() >= a.len().min(7)
    }

    /// What evidence does to a segment and its message.
    fn apply_evidence(
        &mut self,
        message: MessageId,
        segment: u8,
        to: Option<State>,
        report: EncodedReport,
        verbatim: bool,
        always_delivered_at: bool,
    ) -> Finding {
        let Some(m) = self.mt.get(&message) else {
            return Finding::Orphan;
        };
        let Some(present) = m.segment(segment) else {
            return Finding::Orphan;
        };
        let change = match to {
            Some(to) => present.on_evidence(m.soft, to),
            None => Change::Duplicate,
        };
        let word_is_news = !present.is_terminal() && (to.is_none() || verbatim);
        let (applied, segment_state) = match change {
            Change::To(s) => (true, s),
            Change::Duplicate => (
                word_is_news && !self.repeats_word(message, &report),
                present,
            ),
            Change::Ignored => (false, present),
        };
        let with = m.state_with(segment, segment_state);
        let state = match m.state.on_evidence(m.soft, with) {
            Change::To(s) if applied => s,
            _ => m.state,
        };
        let callbacks = if applied {
            m.callbacks_for(state, Some((segment, segment_state)))
        } else {
            Vec::new()
        };
        let delivered = state == State::Delivered || applied && always_delivered_at;
        let before = m.state;
        self.record(
            message,
            Event::Reported {
                segment,
                report,
                applied,
                segment_state,
                state,
                delivered,
                callbacks,
            },
        );
        match change {
            Change::To(_) => Finding::Applied { message, state },
            Change::Duplicate if applied => Finding::Applied {
                message,
                state: before,
            },
            Change::Duplicate => Finding::Duplicate { message },
            Change::Ignored => Finding::Ignored { message },
        }
    }

    /// True when the last word reported for the message was this very one.
    fn repeats_word(&self, message: MessageId, report: &EncodedReport) -> bool {
        let known = self.mt.get(&message).and_then(|m| m.word());
        let word = report.read().map(ReportRef::word);
        known
            .zip(word)
            .is_some_and(|(w, word)| w.eq_ignore_ascii_case(&word))
    }

    fn keep_orphan(&mut self, evidence: Evidence) {
        if self.orphans.len() >= self.policy.orphans_max
            && let Some(oldest) = self.orphans.by_number.keys().next().copied()
        {
            self.close_orphan(oldest, OrphanEnd::Retired);
        }
        let orphan = OrphanId(self.counters.last_orphan + 1);
        self.record(
            MessageId::NONE,
            Event::Orphaned {
                orphan,
                gateway: evidence.gateway,
                ids: evidence.ids,
                report: evidence.report,
                state: evidence.state,
            },
        );
    }

    /// Receipts that came before the response that tells their id.
    pub(super) fn match_orphans(&mut self, message: MessageId, upstream_id: &str) {
        let Some(gateway) = self.mt.get(&message).map(|m| m.gateway) else {
            return;
        };
        for id in self.orphans.naming(gateway, upstream_id) {
            let Some(orphan) = self.orphans.by_number.get(&id) else {
                continue;
            };
            let (ids, report, state) = (orphan.ids.clone(), orphan.report.clone(), orphan.state);
            let hit = ids
                .iter()
                .find_map(|i| self.find(gateway, i, IdRule::Auto, &report, false));
            if let Some((found, segment)) = hit {
                let verbatim = report.is_http();
                self.apply_evidence(found, segment, state, report, verbatim, false);
                self.close_orphan(id, OrphanEnd::Matched(found));
            }
        }
    }

    pub(super) fn retire_orphans(&mut self) {
        while let Some((id, orphan)) = self.orphans.by_number.first_key_value() {
            if self.now.since(orphan.received_at) < self.policy.orphan_retention {
                return;
            }
            let id = *id;
            self.close_orphan(id, OrphanEnd::Retired);
        }
    }

    fn close_orphan(&mut self, orphan: OrphanId, end: OrphanEnd) {
        self.record(MessageId::NONE, Event::OrphanClosed { orphan, end });
    }

    pub(super) fn apply_orphan(&mut self, entry: &Entry) {
        match &entry.event {
            Event::Orphaned {
                orphan,
                gateway,
                ids,
                report,
                state,
            } => {
                self.insert_orphan(
                    *orphan,
                    *gateway,
                    ids.clone(),
                    report.clone(),
                    *state,
                    entry.at,
                );
            }
            Event::OrphanClosed { orphan, .. } => self.orphans.remove(*orphan),
            _ => {}
        }
    }

    pub(super) fn insert_orphan(
        &mut self,
        id: OrphanId,
        gateway: GatewayId,
        ids: Vec<String>,
        report: EncodedReport,
        state: Option<State>,
        received_at: Timestamp,
    ) {
        self.counters.last_orphan = self.counters.last_orphan.max(id.0);
        self.orphans.remove(id);
        self.orphans.insert(
            id,
            Orphan {
                gateway,
                ids,
                report,
                state,
                received_at,
            },
        );
    }

    pub(super) fn orphan_snapshot(&self, id: OrphanId) -> Option<Snapshot> {
        let o = self.orphans.by_number.get(&id)?;
        Some(Snapshot::Orphan {
            orphan: id,
            gateway: o.gateway,
            ids: o.ids.clone(),
            report: o.report.clone(),
            state: o.state,
            received_at: o.received_at,
        })
    }

    pub(in crate::store) fn orphan_views(&self, before: OrphanId, most: usize) -> Vec<OrphanView> {
        let older = self.orphans.by_number.range(..before);
        let newest_first = older.rev().take(most);
        newest_first
            .filter_map(|(id, o)| {
                Some(OrphanView {
                    id: *id,
                    gateway: o.gateway,
                    ids: o.ids.clone(),
                    report: o.report.decode()?,
                    received_at: o.received_at,
                })
            })
            .collect()
    }
}

fn digits(address: &str) -> String {
    let only: String = address.chars().filter(char::is_ascii_digit).collect();
    only.trim_start_matches('0').to_owned()
}
