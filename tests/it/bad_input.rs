//! What people read when something is wrong, and that nothing half done remains: each test breaks
//! one thing of a small company whose pack is in order, and has the real binary look at it.

mod commands;
mod company;
mod databases;
mod delivery;
mod names;
mod pack;
mod rows;
mod rules;
mod scripts;
mod signals;
