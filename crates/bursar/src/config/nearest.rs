//! The known name that a wrong one was probably meant to be.

/// The nearest of the known keys, if one is near enough to be meant.
pub(super) fn nearest<'k>(unknown: &str, known: impl Iterator<Item = &'k str> + Clone) -> Option<&'k str> {
    // The right name in the wrong section comes first: its distance can be large.
    let same_name = known.clone().find(|key| name(key) == name(unknown));
    same_name.or_else(|| {
        known
            .map(|key| (distance(unknown, key), key))
            .min_by_key(|(distance, _)| *distance)
            .filter(|(distance, _)| *distance <= unknown.chars().count() / 3)
            .map(|(_, key)| key)
    })
}

/// The part after the section.
fn name(key: &str) -> &str {
    key.rsplit('.').next().unwrap_or(key)
}

/// Letters to insert, remove or replace (Levenshtein).
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (removed, letter) in from.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = removed + 1;
        for (column, other) in to.iter().enumerate() {
            let replaced = diagonal + usize::from(letter != *other);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: [&str; 4] = ["server.listen", "server.body_max_kib", "log.level", "sqlite.readers"];

    #[test]
    fn a_slip_of_the_pen_is_recognised() {
        assert_eq!(nearest("server.lisen", KNOWN.into_iter()), Some("server.listen"));
        assert_eq!(nearest("log.levle", KNOWN.into_iter()), Some("log.level"));
        assert_eq!(nearest("sever.body_max_kb", KNOWN.into_iter()), Some("server.body_max_kib"));
    }

    #[test]
    fn the_right_name_in_the_wrong_section_is_recognised() {
        assert_eq!(nearest("server.level", KNOWN.into_iter()), Some("log.level"));
        assert_eq!(nearest("readers", KNOWN.into_iter()), Some("sqlite.readers"));
    }

    #[test]
    fn something_else_altogether_is_not() {
        assert_eq!(nearest("telemetry.endpoint", KNOWN.into_iter()), None);
        assert_eq!(nearest("", KNOWN.into_iter()), None);
    }

    #[test]
    fn the_distance_counts_letters() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("abc", "abc"), 0);
    }
}
