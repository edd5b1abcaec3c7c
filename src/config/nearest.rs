//! The word somebody probably meant.

/// The candidate closest to `word`, when it is close enough to be a slip of the finger rather than
/// another word.
pub(super) fn nearest<'a>(
    word: &str,
    candidates: impl Iterator<Item = &'a str>,
) -> Option<&'a str> {
    let length = word.chars().count();
    if length > WORD_MAX {
        return None;
    }
    let slips_max = 1 + length / 3;
    candidates
        .map(|candidate| {
            (
                strsim::damerau_levenshtein(&word.to_lowercase(), candidate),
                candidate,
            )
        })
        .filter(|(slips, _)| *slips <= slips_max)
        .min_by_key(|(slips, _)| *slips)
        .map(|(_, candidate)| candidate)
}

/// Longer words are not typed by hand; comparing takes time and memory of length × length.
const WORD_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_recognised_and_another_word_is_not() {
        let known = ["timeout_ms", "backoff_max_ms", "jwt_issuer"];
        assert_eq!(nearest("timout_ms", known.into_iter()), Some("timeout_ms"));
        assert_eq!(nearest("Timeout_MS", known.into_iter()), Some("timeout_ms"));
        assert_eq!(
            nearest("backof_max", known.into_iter()),
            Some("backoff_max_ms")
        );
        assert_eq!(nearest("colour", known.into_iter()), None);
        assert_eq!(nearest("", known.into_iter()), None);
        assert_eq!(
            nearest(&"timeout_ms".repeat(100_000), known.into_iter()),
            None
        );
    }
}
