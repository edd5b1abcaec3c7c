//! `[storage]`: where the log lives, how it is cut into slices, and how long it is kept.

use std::{path::PathBuf, time::Duration};

use super::{
    table::Table,
    value::{self, Wrong},
};

/// The log's directory and its limits. Sizes are written in MiB or GiB and held in octets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StorageConfig {
    /// Directory of the log; made when it is missing. A relative path counts from the working
    /// directory of the process. Default `./data`: the unit file's working directory is the state
    /// directory.
    pub path: PathBuf,
    /// `slice_mib`: a slice is closed at this size. Default 256 MiB: large enough that slices are
    /// few, small enough that deleting one frees space at a steady pace and reading one at start-up
    /// takes seconds.
    pub slice_octets: u64,
    /// `slice_hours`: a slice is closed at this age, however small. Default 6 h: retention is exact
    /// to a slice.
    pub slice_age: Duration,
    /// `retention_days`: finished messages are kept this long. Default 30 days: a month's bill can
    /// be explained.
    pub retention_age: Duration,
    /// `retention_gib`: the oldest closed slices go when the log is larger. Default 0, no limit:
    /// then only age counts.
    pub retention_octets: Option<u64>,
    /// `disk_reserve_mib`: below this much free disk no new message is accepted. Default 256 MiB,
    /// one slice: receipts and responses of what was accepted still find room.
    pub disk_reserve_octets: u64,
    /// `cache_mib`: page cache of one open slice. Default 8 MiB: the log is written once and
    /// hardly read.
    pub cache_octets: u64,
}

impl Default for StorageConfig {
    fn default() -> Self {
        Self {
            path: PathBuf::from("./data"),
            slice_octets: 256 << 20,
            slice_age: Duration::from_secs(6 * 60 * 60),
            retention_age: Duration::from_secs(30 * 24 * 60 * 60),
            retention_octets: None,
            disk_reserve_octets: 256 << 20,
            cache_octets: 8 << 20,
        }
    }
}

impl StorageConfig {
    pub(super) fn read(table: &mut Table<'_>) -> Self {
        let default = Self::default();
        let storage = Self {
            path: table.or("path", default.path, value::path),
            slice_octets: table.or(
                "slice_mib",
                default.slice_octets,
                value::mebioctets(16..=16_384),
            ),
            slice_age: table.or("slice_hours", default.slice_age, value::hours(1..=168)),
            retention_age: table.or(
                "retention_days",
                default.retention_age,
                value::days(1..=3650),
            ),
            retention_octets: table.or(
                "retention_gib",
                default.retention_octets,
                value::gibioctets_ceiling(1_000_000),
            ),
            disk_reserve_octets: table.or(
                "disk_reserve_mib",
                default.disk_reserve_octets,
                value::mebioctets(16..=1_048_576),
            ),
            cache_octets: table.or(
                "cache_mib",
                default.cache_octets,
                value::mebioctets(8..=65_536),
            ),
        };
        if storage.path.exists() && !storage.path.is_dir() {
            table.complain(
                "path",
                format!("{} is not a directory", storage.path.display()),
            );
        }
        if storage.retention_age < storage.slice_age {
            let hint = "a slice is kept or removed as a whole: shorten it or keep more";
            table.complain(
                "retention_days",
                Wrong::new("is less than `slice_hours`").hint(hint),
            );
        }
        if storage
            .retention_octets
            .is_some_and(|octets| octets < 2 * storage.slice_octets)
        {
            let hint = "one slice is being written while another is kept";
            table.complain(
                "retention_gib",
                Wrong::new("is less than two slices of `slice_mib`").hint(hint),
            );
        }
        storage
    }
}
