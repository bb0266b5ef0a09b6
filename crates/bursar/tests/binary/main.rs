//! The real binary: its commands, and itself under kills, hang-ups, full disks and strace. What needs a service is tested
//! where that is built in.

#[cfg(all(feature = "mongodb", feature = "postgres", feature = "rabbitmq", feature = "redis"))]
mod caches;
mod commands;
mod common;
#[cfg(feature = "postgres")]
mod copy;
mod demo;
mod disk;
mod dlq;
mod embedded;
mod faults;
mod flush;
mod home;
mod kill;
#[cfg(feature = "postgres")]
mod load;
#[cfg(all(feature = "mongodb", feature = "postgres", feature = "rabbitmq", feature = "redis"))]
mod matrix;
mod migrate;
#[cfg(all(feature = "mongodb", feature = "postgres", feature = "rabbitmq"))]
mod nginx;
#[cfg(feature = "postgres")]
mod outages;
#[cfg(all(feature = "mongodb", feature = "postgres", feature = "rabbitmq"))]
mod persons;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(all(feature = "mongodb", feature = "postgres", feature = "rabbitmq", feature = "redis"))]
mod privacy;
mod rebuild;
#[cfg(all(feature = "mongodb", feature = "postgres", feature = "rabbitmq"))]
mod roles;
mod simulate;
mod stack;

#[cfg(feature = "postgres")]
use bursar_testkit::on_both_stores;
#[cfg(not(feature = "postgres"))]
use bursar_testkit::on_sqlite as on_both_stores;
