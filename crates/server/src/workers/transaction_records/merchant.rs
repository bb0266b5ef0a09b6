//! A merchant's name as a person would write it, made of what its terminal sent.
//!
//! Own code, for what acquirers put into the name (ISO 8583, field 43) follows no standard that a library could read.

/// What aggregators write before the name of the merchant that they act for.
const AGGREGATORS: [&str; 12] =
    ["SQ *", "SQ*", "TST* ", "TST*", "PAYPAL *", "PP*", "SP ", "SP *", "IN *", "SUMUP *", "IZ *", "ZTL*"];

/// The name without an aggregator, the number of a store, a telephone or an order, and in ordinary letters; `None` if
/// nothing is left of it.
pub(super) fn clean(raw: &str) -> Option<String> {
    let text = raw.split_whitespace().collect::<Vec<_>>().join(" ");
    let text = without_aggregator(&text);
    // `AMZN MKTP US*2X3Y4`: what follows is an order.
    let name = match text.split_once('*') {
        Some((name, _)) if name.chars().any(char::is_alphabetic) => name,
        _ => text,
    };
    let words: Vec<&str> = name.split(' ').filter(|word| !is_number(word)).collect();
    let kept = if words.is_empty() { name.to_owned() } else { words.join(" ") };
    let kept =
        kept.trim_matches(|c: char| c.is_whitespace() || matches!(c, '*' | '#' | '-' | ',' | '.' | '/'));
    (!kept.is_empty()).then(|| in_ordinary_letters(kept))
}

fn without_aggregator(text: &str) -> &str {
    let begins = |with: &str| text.get(..with.len()).is_some_and(|start| start.eq_ignore_ascii_case(with));
    let aggregator = AGGREGATORS.into_iter().filter(|with| begins(with)).max_by_key(|with| with.len());
    match aggregator {
        Some(with) if !text[with.len()..].trim().is_empty() => text[with.len()..].trim(),
        _ => text,
    }
}

/// `#1234`, `00042`, `800-555-0199`: a store, a terminal or a telephone. `7` of `7 Eleven` is a name.
fn is_number(word: &str) -> bool {
    let digits = word.chars().filter(char::is_ascii_digit).count();
    let is_bare =
        word.chars().all(|c| c.is_ascii_digit() || matches!(c, '#' | '-' | '.' | '/' | '(' | ')' | '+'));
    is_bare && (digits >= 3 || word.starts_with('#'))
}

/// `STARBUCKS` is shouted; `McDonald's`, `IBM` and `H&M` are not.
fn in_ordinary_letters(name: &str) -> String {
    if name.chars().any(char::is_lowercase) {
        return name.to_owned();
    }
    name.split(' ').map(capitalized).collect::<Vec<_>>().join(" ")
}

/// Words of at most three letters are mostly initials.
fn capitalized(word: &str) -> String {
    if word.chars().count() <= 3 {
        return word.to_owned();
    }
    let mut is_first = true;
    let letter = |c: char| {
        let is_start = std::mem::replace(&mut is_first, !c.is_alphanumeric() && c != '\'');
        if is_start { c.to_string() } else { c.to_lowercase().collect() }
    };
    word.chars().map(letter).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_people_know() {
        for (raw, expected) in [
            ("STARBUCKS STORE 01234", "Starbucks Store"),
            ("SQ *BLUE BOTTLE COFFEE", "Blue Bottle Coffee"),
            ("TST* THE CORNER BAR", "THE Corner BAR"),
            ("PAYPAL *STEAM GAMES", "Steam Games"),
            ("AMZN MKTP US*2X3Y4", "Amzn Mktp US"),
            ("  WAL-MART   #3893 ", "Wal-Mart"),
            ("McDonald's F1234", "McDonald's F1234"),
            ("7 ELEVEN 800-555-0199", "7 Eleven"),
            ("LOWE'S #00042", "Lowe's"),
            ("H&M", "H&M"),
            ("DELTA AIR 0062345678901", "Delta AIR"),
            ("1234", "1234"),
            ("SQ *", "SQ"),
            ("東京コーヒー", "東京コーヒー"),
            ("CAFÉ MÜLLER", "Café Müller"),
        ] {
            assert_eq!(clean(raw).as_deref(), Some(expected), "{raw}");
        }
        for empty in ["", "  ", "*", "#"] {
            assert_eq!(clean(empty), None, "{empty:?}");
        }
    }
}
