//! Tests of what is told of one customer: why they hear from us or not, and their story in the
//! books.

mod agreement;
mod people;
