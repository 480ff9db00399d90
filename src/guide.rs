//! Further reading: the pages of `docs/`.

/// Makes a module of each page. Of two definitions of a link, Markdown uses the first: `links.md` leads to the modules,
/// the pages to the files.
macro_rules! pages {
    ($($name:ident: $file:literal;)+) => {
        $(
            #[doc = include_str!("guide/links.md")]
            #[doc = include_str!("guide/pictures.md")]
            #[doc = include_str!(concat!("../", $file))]
            pub mod $name {}
        )+
    };
}

pages! {
    after_a_failure: "docs/after-a-failure.md";
    architecture: "docs/architecture.md";
    faults: "docs/faults.md";
    glossary: "docs/glossary.md";
    operations: "docs/operations.md";
    performance: "PERFORMANCE.md";
    security: "SECURITY.md";
    testing: "docs/testing.md";
    tool: "docs/tool.md";
}
