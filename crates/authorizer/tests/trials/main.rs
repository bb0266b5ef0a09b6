//! Clients on PostgreSQL while its link fails, and what each defect of a ledger looks like to them.

mod defects;
mod faults;
mod lanes;
