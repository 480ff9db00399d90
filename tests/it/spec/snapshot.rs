//! The API that is generated from the spec, for review beside the spec's diff. It lacks the bodies of functions, which
//! only change with the generator.

use serde_json::Value;
use syn::{
    Attribute, Block, Item,
    visit_mut::{self, VisitMut},
};

use super::{build, spec};

const UPDATE: &str = "EXPECTORATE=overwrite cargo test -p koodrive-share-tests spec::snapshot";

/// The API of the client that a spec generates.
pub(super) fn api_of(spec: &Value) -> String {
    let spec = serde_json::from_value(spec.clone()).unwrap();
    api(&build::client(&spec, false).unwrap())
}

/// The visible API of this code, formatted.
fn api(code: &str) -> String {
    let mut file = syn::parse_file(code).unwrap();
    Api::keep_visible(&mut file.items);
    Api.visit_file_mut(&mut file);
    prettyplease::unparse(&file)
}

struct Api;

impl Api {
    /// Drops imports and the checks that the generator makes at compile time.
    fn keep_visible(items: &mut Vec<Item>) {
        items.retain(|item| match item {
            Item::Use(import) => !matches!(import.vis, syn::Visibility::Inherited),
            Item::Const(constant) => constant.ident != "_",
            _ => true,
        });
    }
}

impl VisitMut for Api {
    fn visit_block_mut(&mut self, block: &mut Block) {
        block.stmts.clear();
    }

    fn visit_attributes_mut(&mut self, attributes: &mut Vec<Attribute>) {
        attributes.retain(|attribute| !attribute.path().is_ident("allow"));
    }

    fn visit_item_mod_mut(&mut self, module: &mut syn::ItemMod) {
        if let Some((_, items)) = &mut module.content {
            Self::keep_visible(items);
        }
        visit_mut::visit_item_mod_mut(self, module);
    }
}

#[test]
fn generated_api_is_the_snapshot() {
    // The output is shown if the comparison fails.
    println!("the spec changed the Rust API; if it should, run `{UPDATE}` and commit the snapshot");
    expectorate::assert_contents("snapshots/client.rs", &api_of(&spec()));
}

/// A type, its conversion and a constant, as the generator writes them.
const CODE: &str = r#"
    use std::fmt;
    /// A file.
    #[derive(Clone)]
    pub struct File {
        /// Its id.
        #[serde(rename = "fileId")]
        pub file_id: String,
    }
    impl From<String> for File {
        fn from(file_id: String) -> Self {
            Self { file_id }
        }
    }
    pub mod headers {
        pub const X_DATE: &str = "x-date";
    }
    const _: () = {};
"#;

#[test]
fn bodies_imports_and_compile_time_checks_are_left_out() {
    for (part, other) in [
        ("Self { file_id }", "let file_id = file_id.into(); Self { file_id }"),
        ("use std::fmt;", ""),
        ("const _: () = {};", ""),
        ("#[derive(Clone)]", "#[allow(dead_code)] #[derive(Clone)]"),
    ] {
        let changed = CODE.replacen(part, other, 1);
        assert_ne!(changed, CODE);
        assert_eq!(api(&changed), api(CODE), "{part}");
    }
}

#[test]
fn all_that_a_user_sees_is_kept() {
    for (part, other) in [
        ("/// A file.", "/// A directory."),
        ("#[derive(Clone)]", ""),
        ("/// Its id.", ""),
        ("rename = \"fileId\"", "rename = \"id\""),
        ("file_id: String,", "file_id: u64,"),
        ("From<String>", "From<&str>"),
        ("(file_id: String)", "(file_id: &str)"),
        ("\"x-date\"", "\"date\""),
    ] {
        let changed = CODE.replacen(part, other, 1);
        assert_ne!(changed, CODE);
        assert_ne!(api(&changed), api(CODE), "{part}");
    }
}
