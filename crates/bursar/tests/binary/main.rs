//! The real binary: its commands, and itself under kills, hang-ups, full disks and strace.

mod caches;
mod commands;
mod common;
mod copy;
mod demo;
mod disk;
mod dlq;
mod faults;
mod flush;
mod home;
mod kill;
mod load;
mod migrate;
mod nginx;
mod outages;
mod persons;
mod postgres;
mod privacy;
mod rebuild;
mod roles;
mod simulate;
mod stack;
