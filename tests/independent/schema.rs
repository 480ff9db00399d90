//! Prints the JSON Schema of a share task. It has the rules between fields, which the spec states only in prose.

use koodrive_share::ShareTask;

fn main() {
    println!("{:#}", ShareTask::json_schema());
}
