//! Bulk creation, on the emulator.

mod damage;
mod in_use;
mod input;
mod ledger;
mod missing;
mod order;
mod other_run;
mod packages;
mod patience;
mod resume;
mod settle;
mod stop;
mod unknown;
