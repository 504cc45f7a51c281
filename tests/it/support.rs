//! What several tests share: throwaway databases and folders.

pub mod postgres;
pub mod smtp;
