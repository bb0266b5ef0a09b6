//! The fields that are sealed, and where each is.

use std::fmt;

/// What documents are about. Something sealed opens in no other collection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Collection {
    /// Profiles.
    Persons,
    /// Identities.
    Kyc,
    /// Cards.
    Cards,
    /// Purchases.
    History,
}

/// A field that is sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Field {
    /// Of a profile.
    GivenName,
    /// Of a profile.
    FamilyName,
    /// Of a profile.
    Email,
    /// Of a profile.
    Phone,
    /// Of a profile.
    BirthDate,
    /// Of a profile.
    Address,
    /// Of an identity: how thoroughly it was verified.
    Level,
    /// Of an identity: what its provider calls the case.
    ProviderReference,
    /// Of an identity: what was shown.
    Document,
    /// Of a step of a verification: why it was taken.
    Reason,
    /// Of a card: how its person calls it.
    Label,
    /// Of a purchase: the merchant's name.
    Merchant,
    /// Of a purchase: what such merchants sell.
    Category,
}

impl Collection {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Persons => "persons",
            Self::Kyc => "kyc",
            Self::Cards => "cards",
            Self::History => "history",
        }
    }
}

impl Field {
    /// Every field, in order.
    pub const ALL: [Self; 13] = [
        Self::GivenName,
        Self::FamilyName,
        Self::Email,
        Self::Phone,
        Self::BirthDate,
        Self::Address,
        Self::Level,
        Self::ProviderReference,
        Self::Document,
        Self::Reason,
        Self::Label,
        Self::Merchant,
        Self::Category,
    ];

    /// Where it is.
    #[must_use]
    pub const fn collection(self) -> Collection {
        match self {
            Self::GivenName
            | Self::FamilyName
            | Self::Email
            | Self::Phone
            | Self::BirthDate
            | Self::Address => Collection::Persons,
            Self::Level | Self::ProviderReference | Self::Document | Self::Reason => Collection::Kyc,
            Self::Label => Collection::Cards,
            Self::Merchant | Self::Category => Collection::History,
        }
    }

    /// Its name, in stores and in what is sealed with it: never to be changed.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::GivenName => "given_name",
            Self::FamilyName => "family_name",
            Self::Email => "email",
            Self::Phone => "phone",
            Self::BirthDate => "birth_date",
            Self::Address => "address",
            Self::Level => "level",
            Self::ProviderReference => "provider_reference",
            Self::Document => "document",
            Self::Reason => "reason",
            Self::Label => "label",
            Self::Merchant => "merchant",
            Self::Category => "category",
        }
    }

    /// Reads the name back.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|field| field.as_str() == name)
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_field_has_a_name_of_its_own() {
        let names: BTreeSet<_> = Field::ALL.iter().map(|field| field.as_str()).collect();
        assert_eq!(names.len(), Field::ALL.len());
        for field in Field::ALL {
            assert_eq!(Field::from_name(field.as_str()), Some(field));
        }
        assert_eq!(Field::from_name("iban"), None);
    }
}
