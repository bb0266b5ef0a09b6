//! What an instance does: all of it, unless it shares the work with others.

use std::fmt;
use std::str::FromStr;

/// A part of the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Answers processors and `/v1`.
    Api,
    /// Publishes events.
    Relay,
    /// Consumes queues, books what processors report, and tells endpoints of events.
    Worker,
    /// Ends holds of which nothing more is heard.
    Sweeper,
}

/// Which parts of the work an instance does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Roles([bool; Role::ALL.len()]);

impl Role {
    /// Every role.
    pub const ALL: [Self; 4] = [Self::Api, Self::Relay, Self::Worker, Self::Sweeper];

    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Relay => "relay",
            Self::Worker => "worker",
            Self::Sweeper => "sweeper",
        }
    }
}

impl Roles {
    /// Every role.
    pub const ALL: Self = Self([true; Role::ALL.len()]);

    /// Whether this is one of them.
    #[must_use]
    pub fn has(self, role: Role) -> bool {
        Role::ALL.into_iter().zip(self.0).any(|(of, has)| of == role && has)
    }
}

/// The text is no list of roles.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RolesError {
    /// There is no such role.
    #[error("{0:?} is no role; name some of api, relay, worker and sweeper, with commas between")]
    Unknown(String),
    /// None is named.
    #[error("no role is named; name some of api, relay, worker and sweeper, with commas between")]
    None,
}

/// Reads `api,relay`.
impl FromStr for Roles {
    type Err = RolesError;

    fn from_str(text: &str) -> Result<Self, RolesError> {
        let words = text.split(',').map(str::trim).filter(|word| !word.is_empty());
        let role = |word: &str| Role::ALL.into_iter().find(|role| role.as_str() == word);
        let roles = words.map(|word| role(word).ok_or_else(|| RolesError::Unknown(word.to_owned())));
        let roles = roles.collect::<Result<Vec<Role>, _>>()?;
        match roles.is_empty() {
            true => Err(RolesError::None),
            false => Ok(Self(Role::ALL.map(|role| roles.contains(&role)))),
        }
    }
}

/// As they are read.
impl fmt::Display for Roles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = Role::ALL.into_iter().filter(|role| self.has(*role)).map(Role::as_str);
        f.write_str(&words.collect::<Vec<_>>().join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_read_as_they_are_written() {
        assert_eq!("api,relay,worker,sweeper".parse(), Ok(Roles::ALL));
        let some: Roles = " sweeper, api ,".parse().expect("roles");
        assert_eq!(some.to_string(), "api,sweeper");
        assert!(some.has(Role::Api) && !some.has(Role::Relay));
        assert_eq!("".parse::<Roles>(), Err(RolesError::None));
        assert_eq!("api,boss".parse::<Roles>(), Err(RolesError::Unknown("boss".to_owned())));
    }
}
