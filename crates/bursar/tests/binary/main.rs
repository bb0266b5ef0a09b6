//! The real binary: its commands, and itself under kills, hang-ups, full disks and strace.

mod commands;
mod common;
mod copy;
mod demo;
mod disk;
mod faults;
mod flush;
mod kill;
mod migrate;
mod postgres;
mod simulate;
