//! Use cases and who wants nothing of them.

use super::Ledger;
use crate::message::{
    DocumentKind, EncodedHead, Event, FamilyRef, Keyword, MessageId, MoRecord, UseCase, msisdn,
};
use smpp_protocol::text::DecodedText;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Opt-outs written in one event when they are carried into a new slice.
const NUMBERS_PER_EVENT: usize = 500;

#[derive(Debug, Default)]
pub(super) struct UseCases {
    all: BTreeMap<u128, UseCase>,
    changed: bool,
    opt_outs: BTreeMap<u128, BTreeSet<u64>>,
}

impl UseCases {
    pub(super) fn put(&mut self, body: Option<&str>) {
        if let Some(use_case) = body.and_then(|b| serde_json::from_str::<UseCase>(b).ok()) {
            self.all.insert(use_case.id, use_case);
            self.changed = true;
        }
    }

    pub(super) fn opt(&mut self, use_case: u128, numbers: &[u64], out: bool) {
        let known = self.opt_outs.entry(use_case).or_default();
        for number in numbers {
            if out {
                known.insert(*number);
            } else {
                known.remove(number);
            }
        }
    }

    fn is_out(&self, use_case: u128, number: u64) -> bool {
        let known = self.opt_outs.get(&use_case);
        known.is_some_and(|numbers| numbers.contains(&number))
    }

    pub(super) fn documents(&self) -> Vec<(DocumentKind, u64, String)> {
        self.all.values().map(document).collect()
    }

    pub(super) fn opt_out_events(&self) -> Vec<Event> {
        let event = |use_case: u128, numbers: &[u64]| Event::OptOuts {
            use_case,
            numbers: numbers.to_vec(),
            out: true,
        };
        let of_one = |(use_case, numbers): (&u128, &BTreeSet<u64>)| {
            let numbers: Vec<u64> = numbers.iter().copied().collect();
            let chunks = numbers.chunks(NUMBERS_PER_EVENT);
            chunks.map(|c| event(*use_case, c)).collect::<Vec<_>>()
        };
        self.opt_outs.iter().flat_map(of_one).collect()
    }
}

fn document(use_case: &UseCase) -> (DocumentKind, u64, String) {
    let body = serde_json::to_string(use_case).expect("a use case is plain data");
    let upper_half = u64::try_from(use_case.id >> 64).expect("it is half of it");
    (DocumentKind::UseCase, upper_half, body)
}

impl Ledger {
    pub(in crate::store) fn put_use_case(&mut self, mut use_case: UseCase) -> UseCase {
        let known = self.use_cases.all.get(&use_case.id);
        use_case.created_at = known.map_or(self.now, |u| u.created_at);
        use_case.updated_at = self.now;
        let (kind, id, body) = document(&use_case);
        let body = Some(body);
        self.record(MessageId::NONE, Event::Document { kind, id, body });
        use_case
    }

    /// The use cases, if they have changed since the last call.
    pub(in crate::store) fn take_use_cases(&mut self) -> Option<crate::store::UseCases> {
        std::mem::take(&mut self.use_cases.changed).then(|| self.live_use_cases())
    }

    pub(in crate::store) fn live_use_cases(&self) -> crate::store::UseCases {
        Arc::new(self.use_cases.all.clone())
    }

    pub(in crate::store) fn set_opt_out(&mut self, use_case: u128, number: u64, out: bool) {
        if self.use_cases.is_out(use_case, number) != out {
            let numbers = vec![number];
            let event = Event::OptOuts {
                use_case,
                numbers,
                out,
            };
            self.record(MessageId::NONE, event);
        }
    }

    pub(in crate::store) fn opt_outs(&self, use_case: u128) -> Vec<u64> {
        let known = self.use_cases.opt_outs.get(&use_case);
        known.map_or_else(Vec::new, |numbers| numbers.iter().copied().collect())
    }

    pub(super) fn is_opted_out(&self, head: &EncodedHead) -> bool {
        if self.use_cases.opt_outs.is_empty() {
            return false;
        }
        let Some(head) = head.read() else {
            return false;
        };
        match head.family {
            FamilyRef::UseCases(origin) => {
                let number = msisdn(&head.destination.text());
                number.is_some_and(|n| self.use_cases.is_out(origin.use_case, n))
            }
            FamilyRef::Gateways | FamilyRef::Universal(_) => false,
        }
    }

    /// A keyword to a number of a pool changes what its sender wants; durable with the
    /// message itself.
    pub(super) fn heed_keyword(&mut self, mo: &MoRecord) {
        if self.use_cases.all.is_empty() {
            return;
        }
        let Some(number) = msisdn(&mo.source_addr) else {
            return;
        };
        let of_pool = self.use_cases.all.values();
        let of_pool = of_pool.filter(|u| u.has_sender(&mo.destination_addr));
        let concerned: Vec<u128> = of_pool.map(|u| u.id).collect();
        if concerned.is_empty() {
            return;
        }
        let DecodedText::Text(text) = mo.payload() else {
            return;
        };
        if let Some(keyword) = Keyword::of(&text) {
            for use_case in concerned {
                self.set_opt_out(use_case, number, keyword == Keyword::Stop);
            }
        }
    }
}
