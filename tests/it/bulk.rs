//! Bulk creation, on the emulator.

mod damage;
mod in_use;
mod input;
mod ledger;
mod order;
mod other_run;
mod packages;
mod patience;
mod resume;
mod stop;
mod unknown;
