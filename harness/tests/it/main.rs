//! Tests of the whole: the command as its users call it, on real and on broken plugins.

mod faults;
mod prerequisites;
mod upstream;
mod users;
mod walls;
