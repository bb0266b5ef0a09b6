//! Words without spaces in them, in one text: `acme coffee berlin`.

/// The text of the words.
#[must_use]
pub fn write(words: &[String]) -> String {
    words.join(" ")
}

/// The words of the text.
#[must_use]
pub fn read(text: &str) -> Vec<String> {
    text.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read() {
        for text in ["", "acme", "card.# *.declined"] {
            assert_eq!(write(&read(text)), text);
        }
    }
}
