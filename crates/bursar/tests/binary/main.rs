//! The real binary under kills, hang-ups, full disks and strace.

mod common;
mod disk;
mod faults;
mod flush;
mod kill;
