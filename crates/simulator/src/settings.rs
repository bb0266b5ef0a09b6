//! What to drive, how hard, and how large a world to build for it.

use std::time::Duration;

use secrecy::SecretString;

use crate::habits::Habits;

/// How a server is driven.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where the server listens, e.g. `http://127.0.0.1:3000`.
    pub base_url: String,
    /// The key of `/v1`.
    pub api_key: SecretString,
    /// User name of the just-in-time funding requests.
    pub jit_username: String,
    /// Their password.
    pub jit_password: SecretString,
    /// What webhooks are signed with, if they are.
    pub webhook_secret: Option<SecretString>,
    /// Swipes a second, 1 or more. The schedule is fixed: a slow server does not slow it down.
    pub rate_per_second: u32,
    /// How long to swipe; `None` goes on until it is stopped.
    pub duration: Option<Duration>,
    /// Equal seeds plan equal swipes.
    pub seed: u64,
    /// Whether purchases live on: the processor reports by webhooks what becomes of them.
    pub has_lives: bool,
    /// The network's bad habits.
    pub habits: Habits,
    /// Companies whose accounts are shared by their cards.
    pub companies: usize,
    /// Business users, spread over the companies.
    pub cardholders: usize,
    /// Cards in all: one for each person, the others for business users.
    pub cards: usize,
    /// Persons, each with a wallet.
    pub persons: usize,
}

/// Settings that no world can be built of.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// Nothing would ever be sent.
    #[error("the rate must be at least one swipe a second")]
    Rate,
    /// There is nobody to swipe.
    #[error("at least one card is needed")]
    NoCards,
    /// Every person has a card.
    #[error("{cards} cards are too few: each of the {persons} persons has one")]
    TooFewCards {
        /// The cards that were asked for.
        cards: usize,
        /// The persons that were asked for.
        persons: usize,
    },
    /// Cards beyond the persons' need business users, and those need a company.
    #[error("cards beyond one for each person need at least one company and one cardholder")]
    NoCardholders,
}

impl Settings {
    /// The usual world at the usual rate: 2 companies, 40 cardholders, 60 cards, 10 persons, 50 swipes
    /// a second until stopped, and what becomes of them, told as it should be.
    #[must_use]
    pub fn new(
        base_url: &str,
        api_key: SecretString,
        jit_username: &str,
        jit_password: SecretString,
    ) -> Self {
        Self {
            base_url: base_url.trim_end_matches('/').to_owned(),
            api_key,
            jit_username: jit_username.to_owned(),
            jit_password,
            webhook_secret: None,
            rate_per_second: 50,
            duration: None,
            seed: 1,
            has_lives: true,
            habits: Habits::default(),
            companies: 2,
            cardholders: 40,
            cards: 60,
            persons: 10,
        }
    }

    /// A world of so many companies, as large as the usual one for each two of them.
    pub fn set_companies(&mut self, companies: usize) {
        self.companies = companies;
        self.cardholders = companies.saturating_mul(20);
        self.cards = companies.saturating_mul(25).saturating_add(self.persons);
    }

    /// Says whether a world can be built of these settings.
    ///
    /// # Errors
    /// See [`SettingsError`].
    pub fn check(&self) -> Result<(), SettingsError> {
        let persons = self.persons;
        let business_cards = self.cards.checked_sub(persons);
        match business_cards {
            _ if self.rate_per_second == 0 => Err(SettingsError::Rate),
            None => Err(SettingsError::TooFewCards { cards: self.cards, persons }),
            Some(_) if self.cards == 0 => Err(SettingsError::NoCards),
            Some(1..) if self.companies == 0 || self.cardholders == 0 => Err(SettingsError::NoCardholders),
            Some(_) if self.companies == 0 && self.cardholders > 0 => Err(SettingsError::NoCardholders),
            Some(_) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> Settings {
        Settings::new("http://127.0.0.1:3000/", "key".into(), "marqeta", "secret".into())
    }

    #[test]
    fn the_usual_settings_are_in_order() {
        assert_eq!(settings().check(), Ok(()));
        assert_eq!(settings().base_url, "http://127.0.0.1:3000");
    }

    #[test]
    fn a_world_that_cannot_be_built_is_refused() {
        let with = |change: fn(&mut Settings)| {
            let mut settings = settings();
            change(&mut settings);
            settings.check()
        };
        assert_eq!(with(|s| s.rate_per_second = 0), Err(SettingsError::Rate));
        assert_eq!(with(|s| s.companies = 0), Err(SettingsError::NoCardholders));
        assert_eq!(with(|s| s.cardholders = 0), Err(SettingsError::NoCardholders));
        assert_eq!(with(|s| s.cards = 9), Err(SettingsError::TooFewCards { cards: 9, persons: 10 }));
        let nobody = with(|s| (s.cards, s.persons) = (0, 0));
        assert_eq!(nobody, Err(SettingsError::NoCards));
    }

    #[test]
    fn two_companies_are_the_usual_world() {
        let mut two = settings();
        two.set_companies(2);
        let usual = settings();
        assert_eq!((two.cardholders, two.cards), (usual.cardholders, usual.cards));
    }

    #[test]
    fn secrets_are_not_shown() {
        assert!(!format!("{:?}", settings()).contains("secret\""));
    }
}
