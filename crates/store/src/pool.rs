//! Connections of a store that is a server.

/// A pool of connections at this moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolUse {
    /// What the connections are for.
    pub pool: &'static str,
    /// Connections, at most.
    pub max: usize,
    /// Open connections.
    pub total: usize,
    /// Those of them that nobody uses.
    pub idle: usize,
    /// Who waits for one.
    pub waiting: usize,
}

impl PoolUse {
    /// Which part of the connections that there may be is in use, 0 to 1.
    #[must_use]
    pub fn utilisation(&self) -> f64 {
        let part = |count: usize| u32::try_from(count).map_or(f64::MAX, f64::from);
        part(self.total.saturating_sub(self.idle)) / part(self.max.max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn utilisation_is_of_the_most_that_may_be_open() {
        let pool = PoolUse { pool: "reads", max: 20, total: 10, idle: 5, waiting: 0 };
        assert!((pool.utilisation() - 0.25).abs() < f64::EPSILON);
        let none = PoolUse { max: 0, total: 0, idle: 0, ..pool };
        assert!(none.utilisation().abs() < f64::EPSILON);
    }
}
