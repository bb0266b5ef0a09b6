//! Where a card may be used, or may not: lists of places, and how a message tells that it is there.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::mcc_group;
use crate::merchant::{Channel, Country, Mcc, Merchant};
use crate::text::Token;
use crate::word::words;

/// Where a card may be used, or may not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MerchantRule {
    /// Whether the places are the only ones, or the excluded ones.
    pub list: List,
    /// Which places.
    pub of: Places,
}

words! {
    /// What a list of places means.
    pub enum List {
        /// Only there. What a message does not tell is not there.
        Allow = "allow",
        /// Anywhere but there.
        Deny = "deny",
    }
}

/// Places of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Places {
    /// By merchant category.
    Mccs(Vec<MccSet>),
    /// By the acquirer's id of the merchant.
    Merchants(Vec<Token>),
    /// The merchant of the first purchase; `None` until there was one.
    FirstMerchant(Option<Token>),
    /// By country.
    Countries(Vec<Country>),
    /// By how the card is used.
    Channels(Vec<Channel>),
}

/// Some merchant categories.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MccSet {
    /// From one to another, both included; a single one is from itself to itself.
    Range(Mcc, Mcc),
    /// A group of [`mcc_group::MCC_GROUPS`], by its name.
    Group(&'static str),
    /// A group of the processor's, by the name that its messages give.
    Processors(Token),
}

/// The text names no merchant categories.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no category (5411), range (5960-5969), group of ours (gambling) or of the processor's (processor:NAME)"
)]
pub struct MccSetError(String);

impl MerchantRule {
    /// Whether the card may be used there.
    #[must_use]
    pub fn allows(&self, merchant: &Merchant) -> bool {
        match self.list {
            List::Allow => self.of.contains(merchant),
            List::Deny => !self.of.contains(merchant),
        }
    }
}

impl Places {
    /// Whether the message tells that it is one of these places.
    fn contains(&self, merchant: &Merchant) -> bool {
        match self {
            Self::Mccs(sets) => sets.iter().any(|set| set.contains(merchant)),
            Self::Merchants(ids) => merchant.id.as_ref().is_some_and(|id| ids.contains(id)),
            Self::FirstMerchant(None) => merchant.id.is_some(),
            Self::FirstMerchant(first) => merchant.id == *first,
            Self::Countries(countries) => {
                merchant.country.as_ref().is_some_and(|code| countries.iter().any(|of| of.is_same(code)))
            }
            Self::Channels(channels) => merchant.channels.iter().any(|channel| channels.contains(channel)),
        }
    }
}

impl MccSet {
    /// Reads `5411`, `5960-5969`, the name of a group, or `processor:` and a name of the processor's.
    ///
    /// # Errors
    /// The text is anything else.
    pub fn parse(text: &str) -> Result<Self, MccSetError> {
        let error = || MccSetError(text.chars().take(64).collect());
        if let Some(name) = text.strip_prefix("processor:") {
            return Token::new(name).map(Self::Processors).map_err(|_| error());
        }
        if let Some((name, _)) = mcc_group::find_group(text) {
            return Ok(Self::Group(name));
        }
        let mcc = |text: &str| Mcc::parse(text).map_err(|_| error());
        match text.split_once('-') {
            None => mcc(text).map(|one| Self::Range(one, one)),
            Some((first, last)) => {
                let (first, last) = (mcc(first)?, mcc(last)?);
                if first <= last { Ok(Self::Range(first, last)) } else { Err(error()) }
            }
        }
    }

    fn contains(&self, merchant: &Merchant) -> bool {
        match self {
            Self::Range(first, last) => merchant.mcc.is_some_and(|mcc| (*first..=*last).contains(&mcc)),
            Self::Group(name) => merchant.mcc.is_some_and(|mcc| {
                mcc_group::find_group(name).is_some_and(|group| mcc_group::contains(group, mcc))
            }),
            Self::Processors(name) => merchant.groups.contains(name),
        }
    }
}

impl fmt::Display for MccSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Range(first, last) if first == last => f.write_str(first.as_str()),
            Self::Range(first, last) => write!(f, "{}-{}", first.as_str(), last.as_str()),
            Self::Group(name) => f.write_str(name),
            Self::Processors(name) => write!(f, "processor:{name}"),
        }
    }
}

impl Serialize for MccSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for MccSet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(text: &str) -> MccSet {
        MccSet::parse(text).expect("categories")
    }

    #[test]
    fn categories_are_read_back_from_their_text() {
        for text in ["5411", "5960-5969", "gambling", "processor:GAMBLING"] {
            assert_eq!(set(text).to_string(), text);
        }
        for text in ["", "541", "5969-5960", "5411-", "gamblin", "processor:", "5411-5412-5413"] {
            assert_eq!(MccSet::parse(text), Err(MccSetError(text.to_owned())));
        }
    }

    #[test]
    fn a_list_tells_where_a_card_may_be_used() {
        let merchant = Merchant {
            id: Token::new("mid-1").ok(),
            mcc: Mcc::parse("7995").ok(),
            country: Country::parse("USA").ok(),
            groups: Token::new("GAMBLING").into_iter().collect(),
            channels: vec![Channel::Ecommerce, Channel::Recurring],
            ..Merchant::default()
        };
        let country = |code| Country::parse(code).expect("a code");
        let token = |text| Token::new(text).expect("a token");
        for (places, is_there) in [
            (Places::Mccs(vec![set("5411"), set("7990-7999")]), true),
            (Places::Mccs(vec![set("gambling")]), true),
            (Places::Mccs(vec![set("processor:GAMBLING")]), true),
            (Places::Mccs(vec![set("processor:FUEL"), set("5411")]), false),
            (Places::Merchants(vec![token("mid-1")]), true),
            (Places::Merchants(vec![token("mid-2")]), false),
            (Places::FirstMerchant(None), true),
            (Places::FirstMerchant(Some(token("mid-1"))), true),
            (Places::FirstMerchant(Some(token("mid-2"))), false),
            (Places::Countries(vec![country("CA"), country("us")]), true),
            (Places::Countries(vec![country("CAN")]), false),
            (Places::Channels(vec![Channel::Atm, Channel::Recurring]), true),
            (Places::Channels(vec![Channel::CardPresent]), false),
        ] {
            let allow = MerchantRule { list: List::Allow, of: places.clone() };
            let deny = MerchantRule { list: List::Deny, of: places.clone() };
            assert_eq!(
                (allow.allows(&merchant), deny.allows(&merchant)),
                (is_there, !is_there),
                "{places:?}"
            );
            let nowhere = Merchant::default();
            assert!(!allow.allows(&nowhere) && deny.allows(&nowhere), "{places:?}");
        }
    }
}
