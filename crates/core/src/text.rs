//! Text that comes from outside: tokens are kept as they are, free text is masked.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use serde::{Deserialize, Deserializer, Serialize};

/// An identifier that somebody else made: a processor's token, an idempotency key. Opaque, 1 to
/// 255 visible ASCII characters, never masked (real merchant ids pass Luhn).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Token(Box<str>);

/// The text cannot be a token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a token has 1 to 255 visible ASCII characters; this one has {0}")]
pub struct TokenError(String);

impl Token {
    /// Takes the text as it is.
    ///
    /// # Errors
    /// The text is empty, too long, or has spaces, control or other characters.
    pub fn new(text: &str) -> Result<Self, TokenError> {
        if text.is_empty() || text.len() > 255 {
            return Err(TokenError(text.len().to_string()));
        }
        match text.bytes().find(|byte| !byte.is_ascii_graphic()) {
            Some(byte) => Err(TokenError(format!("the byte 0x{byte:02x}"))),
            None => Ok(Self(text.into())),
        }
    }

    /// One of our ids as a token: ids are visible ASCII of at most 36 characters.
    #[must_use]
    pub fn from_id(id: &impl fmt::Display) -> Self {
        Self(id.to_string().into())
    }

    /// The token's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl AsRef<[u8]> for Token {
    fn as_ref(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Token {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        Self::new(&text).map_err(serde::de::Error::custom)
    }
}

/// Text that people or merchants wrote, safe to store, show and log: trimmed, without control
/// characters and those that only change how others are shown, at most [`FreeText::CHARS_MAX`] characters, card numbers masked.
#[derive(Clone, PartialEq, Eq, Hash, Default, Serialize)]
pub struct FreeText(Box<str>);

impl FreeText {
    /// Longer text is cut here.
    pub const CHARS_MAX: usize = 255;

    /// Cleans, masks and cuts the text. The masking comes before the cut, so that no part of a
    /// card number is left at the end; of what is much too long, only the beginning is looked at.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let shown = text.trim_start().chars().filter(|c| !is_invisible(*c)).take(Self::CHARS_MAX + SPAN_MAX);
        let clean: String = shown.map(|c| if c.is_control() { ' ' } else { c }).collect();
        let masked = mask_card_numbers(clean.trim());
        let cut: String = masked.chars().take(Self::CHARS_MAX).collect();
        Self(cut.trim_end().into())
    }

    /// The cleaned text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Marks that join, part or turn what stands beside them: between the digits of a card number they
/// would hide it from the mask, and in a list they show one text as another.
const fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

impl fmt::Debug for FreeText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl<'de> Deserialize<'de> for FreeText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::new(&Cow::<'de, str>::deserialize(deserializer)?))
    }
}

/// Replaces all but the last four digits of every run of 13 to 19 digits that passes Luhn.
///
/// The digits of a run may be parted as people write card numbers: by one or two spaces, hyphens,
/// dots or slashes. Other digits may stand beside it, as an expiry date does: every series of
/// whole groups is tried.
#[must_use]
pub fn mask_card_numbers(text: &str) -> Cow<'_, str> {
    if text.bytes().filter(u8::is_ascii_digit).count() < RUN_MIN {
        return Cow::Borrowed(text);
    }
    let groups = digit_groups(text);
    let mut hidden = vec![false; text.len()];
    for first in 0..groups.len() {
        let mut run: Vec<usize> = Vec::new();
        for group in &groups[first..] {
            if !run.is_empty() && !is_parted_as_one(text, &run, group) {
                break;
            }
            run.extend(group.clone());
            if run.len() > RUN_MAX {
                break;
            }
            if run.len() >= RUN_MIN && passes_luhn(text.as_bytes(), &run) {
                run[..run.len() - 4].iter().for_each(|&at| hidden[at] = true);
            }
        }
    }
    if !hidden.contains(&true) {
        return Cow::Borrowed(text);
    }
    let mask = |(at, c): (usize, char)| if hidden[at] { '*' } else { c };
    Cow::Owned(text.char_indices().map(mask).collect())
}

/// A card number has so many digits at least (ISO/IEC 7812-1, and what networks issue).
const RUN_MIN: usize = 13;

/// A card number has so many digits at most.
const RUN_MAX: usize = 19;

/// And takes so many characters, however it is written.
const SPAN_MAX: usize = RUN_MAX * 3;

/// Where digits stand beside each other.
fn digit_groups(text: &str) -> Vec<Range<usize>> {
    let mut groups: Vec<Range<usize>> = Vec::new();
    for (at, _) in text.bytes().enumerate().filter(|(_, byte)| byte.is_ascii_digit()) {
        match groups.last_mut() {
            Some(group) if group.end == at => group.end += 1,
            _ => groups.push(at..at + 1),
        }
    }
    groups
}

/// Whether what stands between the run and the group parts the digits of one number.
fn is_parted_as_one(text: &str, run: &[usize], group: &Range<usize>) -> bool {
    let end = run.last().map_or(0, |last| last + 1);
    let between = &text[end..group.start];
    between.chars().count() <= 2 && between.chars().all(|c| c.is_whitespace() || "-./".contains(c))
}

fn passes_luhn(bytes: &[u8], run: &[usize]) -> bool {
    let sum: u32 = (run.iter().rev().enumerate())
        .map(|(place, &at)| {
            let digit = u32::from(bytes[at] - b'0');
            match (place % 2, digit * 2) {
                (0, _) => digit,
                (_, doubled @ 0..=9) => doubled,
                (_, doubled) => doubled - 9,
            }
        })
        .sum();
    sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn card_numbers_in_free_text_are_masked() {
        for (text, masked) in [
            ("4111111111111111", "************1111"),
            ("paid 4111 1111 1111 1111 thanks", "paid **** **** **** 1111 thanks"),
            ("x4111-1111-1111-1111", "x****-****-****-1111"),
            ("5 4111111111111111", "5 ************1111"),
            ("378282246310005/€", "***********0005/€"),
            ("4111 1111 1111 1111 12/27", "**** **** **** 1111 12/27"),
            ("24 4111\u{a0}1111\u{a0}1111\u{a0}1111", "24 ****\u{a0}****\u{a0}****\u{a0}1111"),
            ("4111.1111.1111.1111 CVV 123", "****.****.****.1111 CVV 123"),
            ("4111  1111 - 4111111111111111", "4111  1111 - ************1111"),
        ] {
            assert_eq!(mask_card_numbers(text), masked);
        }
    }

    #[test]
    fn other_text_is_kept() {
        for text in [
            "425-952-2985",
            "order 4111111111111112",
            "12345678901234567890123",
            "",
            "caffè 24",
            "4111x1111x1111x1111",
        ] {
            assert_eq!(mask_card_numbers(text), text);
        }
    }

    #[test]
    fn free_text_is_trimmed_cut_and_without_control_characters() {
        let long = format!("  a\u{0}b\n{}4111111111111111", "x".repeat(247));
        let text = FreeText::new(&long);
        assert_eq!(text.as_str().chars().count(), FreeText::CHARS_MAX);
        assert!(text.as_str().starts_with("a b x"));
        assert!(!text.as_str().contains("4111"), "{text:?}");
    }

    #[test]
    fn nothing_invisible_parts_the_digits_of_a_card_number_or_turns_the_text_around() {
        let text = FreeText::new("\u{202e}41111111\u{200b}11111111\u{feff} \u{2066}ok");
        assert_eq!(text.as_str(), "************1111 ok");
    }

    #[test]
    fn cleaning_twice_changes_nothing_more() {
        for text in
            [format!("{} 4111111111111111", "x".repeat(254)), "4".repeat(100_000), " a ".repeat(5_000)]
        {
            let once = FreeText::new(&text);
            assert_eq!(FreeText::new(once.as_str()), once);
        }
    }

    #[test]
    fn a_token_is_visible_ascii() {
        assert!(Token::new("7").is_ok());
        assert!(Token::new("").is_err() && Token::new("a b").is_err() && Token::new("é").is_err());
        assert!(Token::new(&"x".repeat(256)).is_err());
    }
}
