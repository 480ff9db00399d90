//! Prints the JSON Schema of a share task, which holds the rules between fields that the spec tells in prose alone.

use koodrive_share::ShareTask;

fn main() {
    println!("{:#}", ShareTask::json_schema());
}
