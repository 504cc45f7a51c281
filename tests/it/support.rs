//! What several tests share: throwaway databases and folders, and the real binary.

pub mod door;
pub mod pgbouncer;
pub mod postgres;
pub mod program;
pub mod sink;
pub mod smtp;
