//! Rules: from one written value to one typed value, or to the sentence that says what is wrong
//! with it. A rule knows nothing of keys, files or defaults.

use std::{
    net::SocketAddr,
    num::{NonZeroU16, NonZeroU32},
    ops::RangeInclusive,
    path::PathBuf,
    time::Duration,
};

use ipnet::IpNet;

use super::{nearest::nearest, node::Value};

/// Why a value will not do, and what would.
#[derive(Debug)]
pub(super) struct Wrong {
    pub(super) message: String,
    pub(super) hint: Option<String>,
}

impl Wrong {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            hint: None,
        }
    }

    /// The value has another type than `expected`, which is put in words with its article.
    pub(super) fn not(expected: &str, found: &Value) -> Self {
        Self::new(format!("must be {expected}, this is {}", found.kind()))
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl<T: Into<String>> From<T> for Wrong {
    fn from(message: T) -> Self {
        Self::new(message)
    }
}

/// An enum written as one of a few words.
pub(super) trait Word: Copy + 'static {
    const WORDS: &'static [(&'static str, Self)];
}

pub(super) fn word<W: Word>(value: &Value) -> Result<W, Wrong> {
    let text = any_text(value)?;
    if let Some((_, word)) = W::WORDS.iter().find(|(name, _)| *name == text) {
        return Ok(*word);
    }
    let names: Vec<String> = W::WORDS
        .iter()
        .map(|(name, _)| format!("\"{name}\""))
        .collect();
    let wrong = Wrong::new(format!("must be {}", names.join(" or ")));
    Err(
        match nearest(text, W::WORDS.iter().map(|(name, _)| *name)) {
            Some(name) => wrong.hint(format!("did you mean \"{name}\"?")),
            None => wrong,
        },
    )
}

pub(super) fn flag(value: &Value) -> Result<bool, Wrong> {
    match value {
        Value::Flag(flag) => Ok(*flag),
        other => Err(Wrong::not("true or false", other)),
    }
}

/// A whole number within `range`, which must fit `T`.
pub(super) fn whole<T: TryFrom<i64>>(
    range: RangeInclusive<i64>,
) -> impl Fn(&Value) -> Result<T, Wrong> {
    move |value| match value {
        Value::Whole(number) if range.contains(number) => {
            T::try_from(*number).map_err(|_| out_of(&range))
        }
        Value::Whole(_) => Err(out_of(&range)),
        other => Err(Wrong::not("a whole number", other)),
    }
}

/// A whole number of which at least one is needed.
pub(super) fn at_least_one(max: u16) -> impl Fn(&Value) -> Result<NonZeroU16, Wrong> {
    let range = 1..=i64::from(max);
    move |value| NonZeroU16::new(whole(range.clone())(value)?).ok_or_else(|| out_of(&range))
}

/// A ceiling, where 0 says that there is none.
pub(super) fn ceiling(max: u32) -> impl Fn(&Value) -> Result<Option<NonZeroU32>, Wrong> {
    move |value| whole(0..=i64::from(max))(value).map(NonZeroU32::new)
}

/// A duration written as a number of `unit`s.
fn duration(
    unit: Duration,
    range: RangeInclusive<u32>,
) -> impl Fn(&Value) -> Result<Duration, Wrong> {
    let range = i64::from(*range.start())..=i64::from(*range.end());
    move |value| whole::<u32>(range.clone())(value).map(|count| unit * count)
}

pub(super) fn millis(range: RangeInclusive<u32>) -> impl Fn(&Value) -> Result<Duration, Wrong> {
    duration(Duration::from_millis(1), range)
}

pub(super) fn seconds(range: RangeInclusive<u32>) -> impl Fn(&Value) -> Result<Duration, Wrong> {
    duration(Duration::from_secs(1), range)
}

pub(super) fn hours(range: RangeInclusive<u32>) -> impl Fn(&Value) -> Result<Duration, Wrong> {
    duration(Duration::from_secs(60 * 60), range)
}

pub(super) fn days(range: RangeInclusive<u32>) -> impl Fn(&Value) -> Result<Duration, Wrong> {
    duration(Duration::from_secs(24 * 60 * 60), range)
}

/// A size in MiB, given back in octets.
pub(super) fn mebioctets(range: RangeInclusive<u32>) -> impl Fn(&Value) -> Result<u64, Wrong> {
    let range = i64::from(*range.start())..=i64::from(*range.end());
    move |value| whole::<u32>(range.clone())(value).map(|count| u64::from(count) << 20)
}

/// A size in GiB, given back in octets; 0 says that there is no limit.
pub(super) fn gibioctets_ceiling(max: u32) -> impl Fn(&Value) -> Result<Option<u64>, Wrong> {
    move |value| ceiling(max)(value).map(|count| count.map(|count| u64::from(count.get()) << 30))
}

/// An amount of money: finite and not negative.
pub(super) fn price(value: &Value) -> Result<f64, Wrong> {
    let amount = match value {
        Value::Real(amount) => *amount,
        Value::Whole(amount) => i32::try_from(*amount).map_or(f64::INFINITY, f64::from),
        other => return Err(Wrong::not("a number", other)),
    };
    if (0.0..=PRICE_MAX).contains(&amount) {
        Ok(amount)
    } else {
        Err("must be between 0 and 1000000".into())
    }
}

const PRICE_MAX: f64 = 1e6;

/// Any text of 1 to `characters_max` characters without control characters.
pub(super) fn text(characters_max: usize) -> impl Fn(&Value) -> Result<String, Wrong> {
    move |value| {
        let text = any_text(value)?;
        let length = text.chars().count();
        if text.chars().any(char::is_control) {
            Err("must not contain control characters".into())
        } else if length == 0 {
            Err("must not be empty".into())
        } else if length > characters_max {
            Err(format!("must have at most {characters_max} characters, this has {length}").into())
        } else {
            Ok(text.to_owned())
        }
    }
}

/// A C-octet string of SMPP: ASCII, may be empty, `octets_max` without the closing NUL.
pub(super) fn ascii(octets_max: usize) -> impl Fn(&Value) -> Result<String, Wrong> {
    move |value| {
        let text = any_text(value)?;
        if !text.bytes().all(|octet| matches!(octet, b' '..=b'~')) {
            Err("must be printable ASCII".into())
        } else if text.len() > octets_max {
            Err(format!(
                "must have at most {octets_max} octets, this has {}",
                text.len()
            )
            .into())
        } else {
            Ok(text.to_owned())
        }
    }
}

/// A telephone number, given back without its `+`.
pub(super) fn msisdn(value: &Value) -> Result<String, Wrong> {
    let text = any_text(value)?;
    let digits = text.strip_prefix('+').unwrap_or(text);
    if (3..=20).contains(&digits.len()) && digits.bytes().all(|octet| octet.is_ascii_digit()) {
        Ok(digits.to_owned())
    } else {
        Err("must be 3 to 20 digits, with or without a leading `+`".into())
    }
}

/// The beginning of an international number, with its `+`.
pub(super) fn number_prefix(value: &Value) -> Result<String, Wrong> {
    let text = any_text(value)?;
    let digits = text.strip_prefix('+').unwrap_or_default();
    if (1..=15).contains(&digits.len())
        && !digits.starts_with('0')
        && digits.bytes().all(|octet| octet.is_ascii_digit())
    {
        Ok(text.to_owned())
    } else {
        Err(Wrong::new("must be `+`, a country code and more digits").hint("for example \"+4930\""))
    }
}

pub(super) fn socket_addr(value: &Value) -> Result<SocketAddr, Wrong> {
    any_text(value)?.parse().map_err(|_| {
        Wrong::new("must be an IP address and a port")
            .hint("for example \"127.0.0.1:18080\" or \"[::1]:18080\"")
    })
}

/// A network in CIDR notation, without bits behind its prefix: `10.1.2.3/8` leaves open what was
/// meant.
pub(super) fn network(value: &Value) -> Result<IpNet, Wrong> {
    let text = any_text(value)?;
    let Ok(network) = text.parse::<IpNet>() else {
        let wrong = Wrong::new("must be a network in CIDR notation");
        return Err(match text.parse::<std::net::IpAddr>() {
            Ok(address) => wrong.hint(format!(
                "for this one address write \"{}\"",
                IpNet::from(address)
            )),
            Err(_) => wrong.hint("for example \"10.0.0.0/8\" or \"127.0.0.1/32\""),
        });
    };
    if network.trunc() == network {
        Ok(network)
    } else {
        let one = IpNet::from(network.addr());
        let wrong = Wrong::new(format!(
            "has bits behind the prefix of {} bits",
            network.prefix_len()
        ));
        Err(wrong.hint(format!(
            "write \"{}\" for the network or \"{one}\" for the address",
            network.trunc()
        )))
    }
}

pub(super) fn url(value: &Value) -> Result<http::Uri, Wrong> {
    super::url::http_url(any_text(value)?).map_err(Wrong::new)
}

pub(super) fn path(value: &Value) -> Result<PathBuf, Wrong> {
    text(PATH_MAX)(value).map(PathBuf::from)
}

/// Linux refuses longer ones (PATH_MAX).
const PATH_MAX: usize = 4095;

/// Names and other short texts of an operator; the API has the same limit for names.
pub(super) const TEXT_MAX: usize = 255;

pub(super) fn any_text(value: &Value) -> Result<&str, Wrong> {
    match value {
        Value::Text(text) => Ok(text),
        other => Err(Wrong::not("a string", other)),
    }
}

fn out_of(range: &RangeInclusive<i64>) -> Wrong {
    Wrong::new(format!(
        "must be between {} and {}",
        range.start(),
        range.end()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str) -> Value {
        Value::Text(text.to_owned())
    }

    #[test]
    fn a_network_says_exactly_what_it_covers() {
        assert_eq!(
            network(&written("10.0.0.0/8")).unwrap().to_string(),
            "10.0.0.0/8"
        );
        assert!(network(&written("::1/128")).is_ok());
        let wrong = network(&written("127.0.0.1")).unwrap_err();
        assert_eq!(
            wrong.hint.unwrap(),
            "for this one address write \"127.0.0.1/32\""
        );
        let wrong = network(&written("10.1.2.3/8")).unwrap_err();
        assert!(wrong.hint.unwrap().contains("\"10.0.0.0/8\""));
        assert!(network(&written("10.0.0.0/33")).is_err());
    }

    #[test]
    fn prices_are_finite_and_not_negative() {
        assert_eq!(price(&Value::Real(0.035)).unwrap(), 0.035);
        assert_eq!(price(&Value::Whole(1)).unwrap(), 1.0);
        for bad in [
            Value::Real(f64::NAN),
            Value::Real(f64::INFINITY),
            Value::Real(-0.1),
            Value::Whole(i64::MAX),
        ] {
            assert!(price(&bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn durations_keep_their_unit() {
        assert_eq!(
            millis(0..=9)(&Value::Whole(5)).unwrap(),
            Duration::from_millis(5)
        );
        assert_eq!(
            hours(0..=9)(&Value::Whole(5)).unwrap(),
            Duration::from_secs(18_000)
        );
        assert!(seconds(1..=9)(&Value::Whole(0)).is_err());
        assert!(seconds(1..=9)(&Value::Whole(i64::MIN)).is_err());
        assert!(seconds(1..=9)(&Value::Real(1.0)).is_err());
    }

    #[test]
    fn numbers_lose_their_plus_and_keep_their_digits() {
        assert_eq!(msisdn(&written("+4915112345678")).unwrap(), "4915112345678");
        assert_eq!(number_prefix(&written("+4930")).unwrap(), "+4930");
        for bad in ["", "+", "12", "49151 1234", "++49151", "+49é51"] {
            assert!(msisdn(&written(bad)).is_err(), "{bad}");
        }
        for bad in ["4930", "+", "+0", "+49x"] {
            assert!(number_prefix(&written(bad)).is_err(), "{bad}");
        }
    }
}
