//! The words that something is found by.

/// Texts as words of `a`–`z` and `0`–`9`, each once: without accents, capitals and signs, other scripts by their sounds.
pub(crate) fn words<'a>(texts: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut words: Vec<String> = texts.into_iter().flat_map(split).collect();
    words.sort_unstable();
    words.dedup();
    words
}

fn split(text: &str) -> Vec<String> {
    // `McDonald's` is one word, whoever looks for it.
    let text = deunicode::deunicode(text).to_ascii_lowercase().replace('\'', "");
    let words = text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_plain() {
        assert_eq!(words(["Café MÜLLER & Söhne", "café"]), ["cafe", "muller", "sohne"]);
        assert_eq!(words(["McDonald's", "7-Eleven"]), ["7", "eleven", "mcdonalds"]);
        assert_eq!(words(["Card •1234"]), ["1234", "card"]);
        assert!(words(["", " -- "]).is_empty());
    }
}
