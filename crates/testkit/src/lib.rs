//! What tests share: builders, a ledger in a place of its own on either store, random histories, faults.
//!
//! ```
//! # use bursar_testkit::{SqlitePlace, given, given::usd};
//! # async fn example() {
//! let place = SqlitePlace::new();
//! let ledger = place.open_ledger();
//! let account = given::account(ledger.as_ref(), usd("100.00")).await;
//! let swipe = given::authorization(&account, usd("30.00")).message("auth-1");
//! let first = given::sent(ledger.as_ref(), &swipe).await;
//! assert!(first.is_approved());
//! # }
//! ```

mod ca;
pub mod faulty;
mod faulty_broker;
mod gate;
pub mod history;
mod https;
mod links;
pub mod meddler;
mod mongo_server;
mod nginx;
mod place;
mod pooler;
mod proxy;
mod rabbit_server;
mod redis_server;
mod server;
mod stores;
pub mod trial;
mod wire;

pub use bursar_documents::contract::Place as DocumentsPlace;
pub use bursar_store::contract::{NOON, Place, SetClock, assert_books_are_right, given};
pub use ca::Ca;
pub use faulty::{FaultyLedger, ReadFault};
pub use faulty_broker::{FaultyBroker, Way};
pub use gate::Gate;
pub use https::HttpsClient;
pub use meddler::{Deed, Meddler};
pub use mongo_server::MongoServer;
pub use nginx::Nginx;
pub use place::{BrokerFolder, DocumentsFolder, MongoPlace, PostgresPlace, RabbitPlace, SqlitePlace};
pub use pooler::Pooler;
pub use proxy::{Fault, Proxy};
pub use rabbit_server::RabbitServer;
pub use redis_server::RedisServer;
pub use server::PostgresServer;
pub use stores::{Store, assert_passed};
pub use trial::Trial;
pub use wire::Message;
