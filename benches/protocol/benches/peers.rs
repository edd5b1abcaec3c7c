//! smpp-protocol beside rusmpp, smpp34 and smpp-codec, in one run on the same octets.
//!
//! Ratios are what counts: a noisy machine slows all of them alike. The table at the end is made
//! from the quickest samples of this run.

use std::fs;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use criterion::measurement::WallTime;
use criterion::{Bencher, BenchmarkGroup, Criterion};
use rusmpp::extra::concatenation::SubmitSmMultipartExt;
use rusmpp::extra::encoding::gsm7bit::Gsm7BitUnpacked;
use smpp_codec::pdus::{DeliveryReceipt, EncodingType, MessageSplitter, SplitMode};
use smpp_protocol::pdu::Body;
use smpp_protocol::segment::{Concat, split};
use smpp_protocol::{Pdu, PduRef, Receipt, gsm7};
use smpp_protocol_benches::{
    Ours, Peer, RECEIPT, Rusmpp, Smpp34, SmppCodec, TEXT, for_each_frame, frames, rusmpp_lent,
    rusmpp_to_slice,
};

/// Inputs made at a time; few enough to stay in the cache.
const BATCH: u64 = 64;

/// Measures one step of one crate.
type Measure = fn(&mut Bencher<'_>, &Bytes);

const PEERS: [&str; 4] = [OURS, "rusmpp", "smpp34", "smpp-codec"];
const OURS: &str = Ours::NAME;
const OURS_LENT: &str = "smpp-protocol lent";
const RUSMPP_LENT: &str = "rusmpp lent";

type Group<'a> = BenchmarkGroup<'a, WallTime>;

fn main() {
    let home = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/criterion");
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(800))
        .sample_size(20)
        .without_plots()
        .output_directory(&home)
        .configure_from_args();
    macro_rules! measure {
        ($($index:literal $smpp34:ty, $smpp_codec:ty;)*) => { $(
            let (name, frame) = &frames()[$index];
            for (step, measure) in [
                ("decode", [decode::<Ours>, decode::<Rusmpp>, decode::<Smpp34<$smpp34>>, decode::<SmppCodec<$smpp_codec>>] as [Measure; 4]),
                ("encode", [encode::<Ours>, encode::<Rusmpp>, encode::<Smpp34<$smpp34>>, encode::<SmppCodec<$smpp_codec>>]),
                ("round trip", [round_trip::<Ours>, round_trip::<Rusmpp>, round_trip::<Smpp34<$smpp34>>, round_trip::<SmppCodec<$smpp_codec>>]),
            ] {
                let mut group = criterion.benchmark_group(format!("{step} {name}"));
                for (peer, measure) in PEERS.iter().zip(measure) {
                    group.bench_function(*peer, |b| measure(b, frame));
                }
                match step {
                    "decode" => decode_lent(&mut group, frame),
                    "encode" => encode_to_slice(&mut group, frame),
                    _ => {}
                }
                group.finish();
            }
        )* };
    }
    for_each_frame!(measure);
    texts(&mut criterion);
    receipts(&mut criterion);
    criterion.final_summary();
    table(&home);
}

/// Runs `step` on fresh inputs: making them is not measured, dropping what comes out is.
fn consume<I, O>(b: &mut Bencher<'_>, input: impl Fn() -> I, mut step: impl FnMut(I) -> O) {
    b.iter_custom(|times| {
        let (mut elapsed, mut left) = (Duration::ZERO, times);
        while left > 0 {
            let inputs: Vec<I> = (0..left.min(BATCH)).map(|_| input()).collect();
            left -= inputs.len() as u64;
            let start = Instant::now();
            // Hidden where they lie, and what comes out looked at where it is: neither is moved once
            // more, which would be measured too, and costs most where it is read again at once.
            for input in black_box(inputs) {
                let output = step(input);
                black_box(&output);
            }
            elapsed += start.elapsed();
        }
        elapsed
    });
}

fn decode<P: Peer>(b: &mut Bencher<'_>, frame: &Bytes) {
    consume(b, || P::input(frame), P::decode);
}

fn encode<P: Peer>(b: &mut Bencher<'_>, frame: &Bytes) {
    let decoded = P::decode(P::input(frame));
    let (mut out, mut vec) = (BytesMut::with_capacity(4096), Vec::with_capacity(4096));
    consume(
        b,
        || P::lend(&decoded),
        |pdu| {
            out.clear();
            vec.clear();
            P::encode(pdu, &mut out, &mut vec)
        },
    );
}

fn round_trip<P: Peer>(b: &mut Bencher<'_>, frame: &Bytes) {
    let (mut out, mut vec) = (BytesMut::with_capacity(4096), Vec::with_capacity(4096));
    consume(
        b,
        || P::input(frame),
        |input| {
            out.clear();
            vec.clear();
            P::encode(P::lend(&P::decode(input)), &mut out, &mut vec)
        },
    );
}

/// As `decode`, for crates that lend the fields from the frame.
fn decode_lent(group: &mut Group<'_>, frame: &Bytes) {
    group.bench_function(OURS_LENT, |b| consume(b, || &frame[..], PduRef::read));
    group.bench_function(RUSMPP_LENT, |b| consume(b, || &frame[..], rusmpp_lent));
}

/// As `encode`, for crates that write into a slice; and a copy of the octets, which nobody can be
/// quicker than.
fn encode_to_slice(group: &mut Group<'_>, frame: &Bytes) {
    let mut out = [0; 4096];
    let pdu = Pdu::decode(frame.clone()).expect("a valid frame").pdu;
    group.bench_function(OURS_LENT, |b| {
        consume(b, || &pdu, |pdu| pdu.encode_to_slice(black_box(&mut out)));
    });
    let (command, _) = rusmpp_lent(frame).expect("a valid frame");
    group.bench_function(RUSMPP_LENT, |b| {
        consume(
            b,
            || &command,
            |command| rusmpp_to_slice(command, black_box(&mut out)),
        );
    });
    group.bench_function("memcpy", |b| {
        consume(
            b,
            || &frame[..],
            |frame| {
                black_box(&mut out)[..frame.len()].copy_from_slice(frame);
            },
        );
    });
}

fn texts(criterion: &mut Criterion) {
    let long = TEXT.repeat(7);
    for (name, text) in [("153 characters", TEXT), ("1071 characters", &long)] {
        let mut group = criterion.benchmark_group(format!("GSM 7-bit of {name}"));
        group.bench_function(OURS, |b| b.iter(|| gsm7::encode(black_box(text))));
        group.bench_function("memcpy", |b| {
            b.iter(|| black_box(text).as_bytes().to_vec());
        });
        group.bench_function("rusmpp", |b| {
            let encoder = Gsm7BitUnpacked::new();
            b.iter(|| encoder.encode_to_vec(black_box(text)));
        });
        group.bench_function("smpp-codec", |b| {
            b.iter(|| smpp_codec::encoding::gsm_7bit_encode(black_box(text)));
        });
        group.finish();
    }
    let mut group = criterion.benchmark_group("split 1071 characters into 7");
    group.bench_function(OURS, |b| {
        b.iter(|| split(black_box(&long), Concat::Udh8(1)));
    });
    group.bench_function("rusmpp", |b| {
        let pdu = rusmpp::pdus::SubmitSm::default();
        b.iter(|| {
            let multipart = pdu.clone().multipart(black_box(&long));
            multipart.reference_u8(1).gsm7bit_unpacked().build()
        });
    });
    group.bench_function("smpp-codec", |b| {
        consume(
            b,
            || long.clone(),
            |text| MessageSplitter::split(text, EncodingType::Gsm7Bit, SplitMode::Udh),
        );
    });
    group.finish();
}

fn receipts(criterion: &mut Criterion) {
    let (_, frame) = &frames()[3];
    let Body::DeliverSm(pdu) = Pdu::decode(frame.clone()).unwrap().pdu.body else {
        unreachable!("a receipt is a deliver_sm")
    };
    let mut group = criterion.benchmark_group("parse a receipt");
    group.bench_function(OURS, |b| {
        b.iter(|| Receipt::from_pdu(black_box(&pdu)));
    });
    group.bench_function("smpp-codec", |b| {
        b.iter(|| black_box(RECEIPT).parse::<DeliveryReceipt>());
    });
    group.finish();
}

/// Prints the quickest sample of every group, since all else that a machine does only adds; and
/// how many times ours the best of the others takes.
fn table(home: &Path) {
    let best = |group: &str, name: &str| -> Option<f64> {
        let file = home.join(group).join(name).join("new/sample.json");
        let text = fs::read_to_string(file).ok()?;
        let list = |field: &str| -> Option<Vec<f64>> {
            let (_, rest) = text.split_once(&format!("\"{field}\":["))?;
            let (numbers, _) = rest.split_once(']')?;
            numbers.split(',').map(|one| one.parse().ok()).collect()
        };
        let (iterations, times) = (list("iters")?, list("times")?);
        let samples = iterations
            .iter()
            .zip(times)
            .map(|(count, time)| time / count);
        samples.reduce(f64::min)
    };
    let names = [
        OURS,
        OURS_LENT,
        "rusmpp",
        RUSMPP_LENT,
        "smpp34",
        "smpp-codec",
        "memcpy",
    ];
    println!("| ns | {} | best ÷ ours | ÷ lent |", names.join(" | "));
    println!("|---|{}", "---:|".repeat(names.len() + 2));
    let mut groups: Vec<String> = fs::read_dir(home)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    groups.sort();
    for group in groups {
        let times = names.map(|name| best(&group, name));
        let [Some(ours), lent, peers @ .., _] = times else {
            continue;
        };
        let quickest = peers.into_iter().flatten().fold(f64::MAX, f64::min);
        let cells = times.map(|cell| cell.map_or("–".to_owned(), |ns| format!("{ns:.0}")));
        let lent = lent.map_or("–".to_owned(), |lent| format!("{:.1}", quickest / lent));
        println!(
            "| {group} | {} | {:.1} | {lent} |",
            cells.join(" | "),
            quickest / ours
        );
    }
}
