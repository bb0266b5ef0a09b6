//! `bursar check`.
