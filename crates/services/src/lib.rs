//! Services of the system's own packages, and one that stands in for MongoDB, run for developer tasks and tests:
//! where their programs are, which account may run them, and how they start and stop.

mod kept;
mod log;
mod mongodb;
mod nginx;
mod postgres;
mod process;
mod rabbitmq;
mod redis;
mod runner;
mod system;

pub use mongodb::{Flush, MongoDb};
pub use nginx::{Front, Nginx};
pub use postgres::{Life, Postgres, write_private};
pub use rabbitmq::{Node, Ports, RabbitMq};
pub use redis::Redis;
pub use runner::Runner;
pub use system::{find, free_port, is_root, random};

/// What went wrong, for the person at the terminal.
pub type Error = String;
