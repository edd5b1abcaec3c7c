//! What a message costs the log: CPU beside a raw file, and as the log, what is open and the
//! number of gateways grow. README.md says how to read the figures.

pub mod cost;
pub mod life;
pub mod raw;

use life::Log;
use smpp_bridge::message::GatewayId;
use std::path::Path;
use std::time::Duration;

/// Index entries and sled's last batch are written this long after the last message, at most.
const SETTLES_WITHIN: Duration = Duration::from_millis(200);

/// What some messages cost, all threads together.
#[derive(Clone, Copy, Debug)]
pub struct Cost {
    pub messages: u64,
    /// Without what making the messages took.
    pub cpu: Duration,
    pub user_s: f64,
    pub system_s: f64,
    pub commits: u64,
    /// Of entries.
    pub octets: u64,
}

impl Cost {
    /// CPU-microseconds a message.
    pub fn each(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / self.messages as f64
    }
}

/// Whole lives in groups, the gateways in turn.
pub async fn lives(log: &Log, messages: u64, group: usize, gateways: u32) -> Cost {
    let making = cost::cpu();
    life::make_only(messages);
    let making = cost::cpu() - making;
    let (cpu, split, written) = (cost::cpu(), cost::user_and_system(), log.commits());
    for n in 0..messages.div_ceil(group as u64) {
        let gateway = 1 + u32::try_from(n % u64::from(gateways)).unwrap_or(0);
        log.whole_life(GatewayId(gateway), group).await;
    }
    tokio::time::sleep(SETTLES_WITHIN).await;
    let (split_now, written_now) = (cost::user_and_system(), log.commits());
    Cost {
        messages,
        cpu: (cost::cpu() - cpu).saturating_sub(making),
        user_s: split_now.0 - split.0,
        system_s: split_now.1 - split.1,
        commits: written_now.0 - written.0,
        octets: written_now.1 - written.1,
    }
}

/// The octets and commits of a cost, appended to a raw file.
pub fn raw(path: &Path, like: &Cost) -> Cost {
    let (cpu, split) = (cost::cpu(), cost::user_and_system());
    raw::append(path, like.octets, like.commits).expect("the raw file can be written");
    let now = cost::user_and_system();
    Cost {
        cpu: cost::cpu() - cpu,
        user_s: now.0 - split.0,
        system_s: now.1 - split.1,
        ..*like
    }
}

/// One thread for the askers, as quiet as can be.
pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
}
