//! The objects of OpenAPI 3.0, each with its keywords.

/// An object of OpenAPI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NodeKind {
    Document,
    Info,
    License,
    Server,
    PathItem,
    Operation,
    Parameter,
    Body,
    MediaType,
    Response,
    Header,
    Link,
    Example,
    Components,
    SecurityScheme,
    Schema,
    Tag,
    ExternalDocs,
}

/// What a keyword's value must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Any,
    Bool,
    Count,
    Number,
    Text,
    Texts,
    List,
    Object,
    One(NodeKind),
    ListOf(NodeKind),
    MapOf(NodeKind),
    /// A schema, or whether further properties are allowed.
    SchemaOrBool,
}

use NodeKind::{
    Body, Components, Document, Example, ExternalDocs, Header, Info, License, Link, MediaType, Operation, Parameter,
    PathItem, Response, Schema, SecurityScheme, Server, Tag,
};
use Shape::{Any, Bool, Count, List, ListOf, MapOf, Number, Object, One, SchemaOrBool, Text, Texts};

impl NodeKind {
    /// The name in messages.
    pub(super) fn name(self) -> &'static str {
        match self {
            Document => "the document",
            Info => "the info object",
            License => "a license",
            Server => "a server",
            PathItem => "a path",
            Operation => "an operation",
            Parameter => "a parameter",
            Body => "a request body",
            MediaType => "a media type",
            Response => "a response",
            Header => "a header",
            Link => "a link",
            Example => "an example",
            Components => "the components",
            SecurityScheme => "a security scheme",
            Schema => "a schema",
            Tag => "a tag",
            ExternalDocs => "external documentation",
        }
    }

    /// Whether a reference can stand in its place.
    pub(super) fn may_be_reference(self) -> bool {
        matches!(self, Body | Example | Header | Link | Parameter | PathItem | Response | Schema | SecurityScheme)
    }

    pub(super) fn required(self) -> &'static [&'static str] {
        match self {
            Document => &["openapi", "info", "paths"],
            Info => &["title", "version"],
            Server => &["url"],
            Operation => &["operationId", "responses"],
            Parameter => &["name", "in", "schema"],
            Body => &["content"],
            MediaType => &["schema"],
            Response => &["description"],
            SecurityScheme => &["type"],
            License | Tag => &["name"],
            PathItem | Header | Link | Example | Components | Schema | ExternalDocs => &[],
        }
    }

    pub(super) fn keywords(self) -> &'static [(&'static str, Shape)] {
        match self {
            Document => DOCUMENT,
            Info => &[
                ("title", Text),
                ("description", Text),
                ("termsOfService", Text),
                ("contact", Object),
                ("license", One(License)),
                ("version", Text),
            ],
            License => &[("name", Text), ("url", Text)],
            Server => &[("url", Text), ("description", Text), ("variables", Object)],
            PathItem => PATH_ITEM,
            Operation => OPERATION,
            Parameter => PARAMETER,
            Header => PARAMETER.split_at(2).1,
            Body => &[("description", Text), ("content", MapOf(MediaType)), ("required", Bool)],
            MediaType => {
                &[("schema", One(Schema)), ("example", Any), ("examples", MapOf(Example)), ("encoding", Object)]
            }
            Response => &[
                ("description", Text),
                ("headers", MapOf(Header)),
                ("content", MapOf(MediaType)),
                ("links", MapOf(Link)),
            ],
            Link => &[
                ("operationRef", Text),
                ("operationId", Text),
                ("parameters", Object),
                ("requestBody", Any),
                ("description", Text),
                ("server", One(Server)),
            ],
            Example => &[("summary", Text), ("description", Text), ("value", Any), ("externalValue", Text)],
            Components => COMPONENTS,
            SecurityScheme => SECURITY_SCHEME,
            Schema => SCHEMA,
            Tag => &[("name", Text), ("description", Text), ("externalDocs", One(ExternalDocs))],
            ExternalDocs => &[("description", Text), ("url", Text)],
        }
    }
}

const DOCUMENT: &[(&str, Shape)] = &[
    ("openapi", Text),
    ("info", One(Info)),
    ("servers", ListOf(Server)),
    ("paths", MapOf(PathItem)),
    ("components", One(Components)),
    ("security", List),
    ("tags", ListOf(Tag)),
    ("externalDocs", One(ExternalDocs)),
];

const COMPONENTS: &[(&str, Shape)] = &[
    ("schemas", MapOf(Schema)),
    ("responses", MapOf(Response)),
    ("parameters", MapOf(Parameter)),
    ("examples", MapOf(Example)),
    ("requestBodies", MapOf(Body)),
    ("headers", MapOf(Header)),
    ("securitySchemes", MapOf(SecurityScheme)),
    ("links", MapOf(Link)),
    ("callbacks", Object),
];

const SECURITY_SCHEME: &[(&str, Shape)] = &[
    ("type", Text),
    ("description", Text),
    ("name", Text),
    ("in", Text),
    ("scheme", Text),
    ("bearerFormat", Text),
    ("flows", Object),
    ("openIdConnectUrl", Text),
];

const PATH_ITEM: &[(&str, Shape)] = &[
    ("summary", Text),
    ("description", Text),
    ("servers", ListOf(Server)),
    ("parameters", ListOf(Parameter)),
    ("delete", One(Operation)),
    ("get", One(Operation)),
    ("head", One(Operation)),
    ("options", One(Operation)),
    ("patch", One(Operation)),
    ("post", One(Operation)),
    ("put", One(Operation)),
    ("trace", One(Operation)),
];

const OPERATION: &[(&str, Shape)] = &[
    ("tags", Texts),
    ("summary", Text),
    ("description", Text),
    ("externalDocs", One(ExternalDocs)),
    ("operationId", Text),
    ("parameters", ListOf(Parameter)),
    ("requestBody", One(Body)),
    ("responses", MapOf(Response)),
    ("callbacks", Object),
    ("deprecated", Bool),
    ("security", List),
    ("servers", ListOf(Server)),
];

/// A header has all of these but the first two.
const PARAMETER: &[(&str, Shape)] = &[
    ("name", Text),
    ("in", Text),
    ("description", Text),
    ("required", Bool),
    ("deprecated", Bool),
    ("allowEmptyValue", Bool),
    ("style", Text),
    ("explode", Bool),
    ("allowReserved", Bool),
    ("schema", One(Schema)),
    ("example", Any),
    ("examples", MapOf(Example)),
    ("content", MapOf(MediaType)),
];

const SCHEMA: &[(&str, Shape)] = &[
    ("title", Text),
    ("multipleOf", Number),
    ("maximum", Number),
    ("exclusiveMaximum", Bool),
    ("minimum", Number),
    ("exclusiveMinimum", Bool),
    ("maxLength", Count),
    ("minLength", Count),
    ("pattern", Text),
    ("maxItems", Count),
    ("minItems", Count),
    ("uniqueItems", Bool),
    ("maxProperties", Count),
    ("minProperties", Count),
    ("required", Texts),
    ("enum", List),
    ("type", Text),
    ("allOf", ListOf(Schema)),
    ("oneOf", ListOf(Schema)),
    ("anyOf", ListOf(Schema)),
    ("not", One(Schema)),
    ("items", One(Schema)),
    ("properties", MapOf(Schema)),
    ("additionalProperties", SchemaOrBool),
    ("description", Text),
    ("format", Text),
    ("default", Any),
    ("nullable", Bool),
    ("discriminator", Object),
    ("readOnly", Bool),
    ("writeOnly", Bool),
    ("xml", Object),
    ("externalDocs", One(ExternalDocs)),
    ("example", Any),
    ("deprecated", Bool),
];

/// Keywords that came with OpenAPI 3.1, and what to write in 3.0 instead.
pub(super) const NEWER: &[(&str, &str)] = &[
    ("$comment", "write it into the description"),
    ("$defs", "move the schemas to /components/schemas"),
    ("$dynamicRef", "refer with `$ref`"),
    ("$id", "refer to the schema by its place in /components/schemas"),
    ("$schema", "remove it"),
    ("const", "write `enum` with one value"),
    ("contains", "say it in the description, by the name of a rule"),
    ("contentEncoding", "write `format: byte`"),
    ("contentMediaType", "say it in the description"),
    ("dependentRequired", "say it in the description, by the name of a rule"),
    ("dependentSchemas", "say it in the description, by the name of a rule"),
    ("else", "say it in the description, by the name of a rule"),
    ("examples", "write `example` with one value"),
    ("identifier", "write `url`"),
    ("if", "say it in the description, by the name of a rule"),
    ("jsonSchemaDialect", "remove it"),
    ("pathItems", "write the path out in /paths"),
    ("patternProperties", "write `additionalProperties`"),
    ("prefixItems", "write `items`"),
    ("propertyNames", "say it in the description, by the name of a rule"),
    ("summary", "write it into the description"),
    ("then", "say it in the description, by the name of a rule"),
    ("unevaluatedItems", "remove it"),
    ("unevaluatedProperties", "write `additionalProperties`"),
    ("webhooks", "remove them"),
];
