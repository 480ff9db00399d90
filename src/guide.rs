//! Further reading: the pages of `docs/`.

/// Makes a module of each page. The first definition of a link counts, so that the pages link each other here, too.
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
