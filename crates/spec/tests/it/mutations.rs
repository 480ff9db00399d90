//! Mistakes and changes that a maintainer may make: the check or the sentence that catches each, whatever
//! `info.version` is.

use std::sync::LazyLock;

use serde_json::{Value, json};
use spec::{Input, Report, Step, canonical, check, walk};

use crate::support::{at, input, put, released, remove, rename};

const DUMP: &str =
    "/paths/~1koodrive~1ose~1v1~1share~1tasks/post/requestBody/content/application~1json/examples/dump/value";
const QUERY: &str =
    "/paths/~1koodrive~1ose~1v1~1share~1taskDetail/post/requestBody/content/application~1json/examples/query/value";
const PACKAGED: &str = "/paths/~1koodrive~1ose~1v1~1share~1taskDetail/post/responses/200/content/application~1json/examples/packaged/value";

/// The check or the sentence that catches a mutation.
enum Caught {
    /// A check, by its name, and its finding.
    Check(&'static str, &'static str),
    /// A sentence of the diff, which `openapi/CHANGES.md` has to hold.
    Diff(&'static str),
}

use Caught::{Check, Diff};

/// The name of a mutation, the change, and what catches it.
type Mutation = (&'static str, fn(&mut Value), Caught);

#[rustfmt::skip]
const MUTATIONS: &[Mutation] = &[
    ("an optional header is new", |spec| { add_header(spec, json!({"description": "Region. Source: source document.", "example": "a", "in": "header", "name": "X-Region", "schema": {"type": "string"}})); }, Diff("createBatchTask request: header X-Region is new, optional (added-parameter): nobody breaks: it is optional; minor; also reached from getBatchTask request: header X-Region")),
    ("a required header is new", |spec| { add_header(spec, json!({"description": "Region. Source: source document.", "example": "a", "in": "header", "name": "X-Region", "required": true, "schema": {"type": "string"}})); }, Diff("createBatchTask request: header X-Region is new, required (new-required): callers without it break; major; also reached from getBatchTask request: header X-Region")),
    ("a header of one operation alone", |spec| { put(spec, "/paths/~1koodrive~1ose~1v1~1share~1tasks/post/parameters/9", json!({"example": "a", "in": "header", "name": "X-Region", "schema": {"type": "string"}})); }, Check("generator", "/paths/~1koodrive~1ose~1v1~1share~1tasks/post/parameters: createBatchTask and getBatchTask differ in their headers: [\"x-region (optional)\"] against []; let all operations refer to the same headers, which the client sends with each request")),
    ("a header is gone", |spec| { remove(spec, "/paths/~1koodrive~1ose~1v1~1share~1tasks/post/parameters/2"); remove(spec, "/paths/~1koodrive~1ose~1v1~1share~1taskDetail/post/parameters/2"); }, Diff("createBatchTask request: header X-Traceid is gone (removed-parameter): callers who send it break; major; also reached from getBatchTask request: header X-Traceid")),
    ("a header becomes required", |spec| { put(spec, "/components/parameters/X-Traceid/required", json!(true)); }, Diff("createBatchTask request: header X-Traceid is required, was optional (new-required): callers without it break; major; also reached from getBatchTask request: header X-Traceid")),
    ("a request's optional field is new", |spec| { put(spec, "/components/schemas/CreateBatchTaskRequest/properties/region", json!({"description": "Region.", "type": "string"})); put(spec, &format!("{DUMP}/region"), json!("a")); }, Diff("createBatchTask request: $.region is new, optional (added-field): nobody breaks: it is optional; minor")),
    ("a request's field is in no example", |spec| { put(spec, "/components/schemas/CreateBatchTaskRequest/properties/region", json!({"description": "Region.", "type": "string"})); }, Check("example-missing", "/components/schemas/CreateBatchTaskRequest/properties/region: a field that no example of the request has; add `region` to one of its `examples`: the constraints are tried on them")),
    ("a request's required field is new", |spec| { put(spec, "/components/schemas/GetBatchTaskRequest/properties/region", json!({"description": "Region.", "type": "string"})); put(spec, "/components/schemas/GetBatchTaskRequest/required/9", json!("region")); put(spec, &format!("{QUERY}/region"), json!("a")); put(spec, "/paths/~1koodrive~1ose~1v1~1share~1tasks/post/responses/200/links/getBatchTask/requestBody/region", json!("a")); }, Diff("getBatchTask request: $.region is new, required (new-required): callers without it break; major")),
    ("a request's field is gone", |spec| { remove(spec, "/components/schemas/CreateBatchTaskRequest/properties/kdstoken"); remove(spec, &format!("{DUMP}/kdstoken")); }, Diff("createBatchTask request: $.kdstoken is gone (removed-field): callers who send it break; major")),
    ("a request's field is renamed", |spec| { rename(spec, "/components/schemas/CreateBatchTaskRequest/properties", "zipName", "zipNmae"); }, Check("examples", "/paths/~1koodrive~1ose~1v1~1share~1tasks/post/requestBody/content/application~1json/examples/packageDownload/value: Additional properties are not allowed ('zipName' was unexpected); correct it, or the schema at /paths/~1koodrive~1ose~1v1~1share~1tasks/post/requestBody/content/application~1json/schema")),
    ("a request's field may be left out", |spec| { remove(spec, "/components/schemas/CreateBatchTaskRequest/required/1"); }, Diff("createBatchTask request: $.containerId is optional, was required (no-longer-required): nobody breaks; minor")),
    ("a reply's field is new", |spec| { put(spec, "/components/schemas/TaskInfo/properties/size", json!({"description": "Bytes.", "type": "integer"})); }, Diff("getBatchTask reply 200: $.taskInfos.size is new, optional (added-field): nobody breaks: readers ignore what they do not know; minor; also reached from getBatchTask reply 200: $.taskInfos[].size")),
    ("a reply's field is gone", |spec| { remove(spec, "/components/schemas/TaskInfo/properties/newFileId"); }, Diff("getBatchTask reply 200: $.taskInfos.newFileId is gone (removed-field): readers who need it break; major; also reached from getBatchTask reply 200: $.taskInfos[].newFileId")),
    ("a reply's field may be left out", |spec| { remove(spec, "/components/schemas/CreateBatchTaskResponse/required"); }, Diff("createBatchTask reply 200: $.code is optional, was required (no-longer-required): readers who count on it break; major")),
    ("a reply's field may be null", |spec| { put(spec, "/components/schemas/ServiceCode/oneOf/1/nullable", json!(true)); }, Diff("createBatchTask reply 200, 400, 401, 500: $.code has `nullable` true, was none (widened-type): readers who do not expect it break; major; also reached from createBatchTask reply 400, 401, 500: $.error_code; getBatchTask reply 200, 400, 401, 500: $.code; getBatchTask reply 400, 401, 500: $.error_code")),
    ("an operation is new", |spec| { put(spec, "/paths/~1new", operation("newTask")); }, Diff("newTask: post /new is new (added-operation): nobody breaks; minor")),
    ("an operation is gone", |spec| { remove(spec, "/paths/~1koodrive~1ose~1v1~1share~1taskDetail"); remove(spec, "/paths/~1koodrive~1ose~1v1~1share~1tasks/post/responses/200/links"); }, Diff("getBatchTask: post /koodrive/ose/v1/share/taskDetail is gone (removed-operation): its callers break; major")),
    ("an operation is renamed", |spec| { put(spec, "/paths/~1koodrive~1ose~1v1~1share~1taskDetail/post/operationId", json!("getTask")); put(spec, "/paths/~1koodrive~1ose~1v1~1share~1tasks/post/responses/200/links/getBatchTask/operationId", json!("getTask")); }, Diff("getBatchTask: the operation has the id getTask (renamed-operation): code that calls its generated method breaks; major")),
    ("an upper bound falls", |spec| { put(spec, "/components/schemas/CreateBatchTaskRequest/properties/fileIds/maxItems", json!(500)); put(spec, "/components/schemas/CreateBatchTaskRequest/properties/fileIds/description", json!("Files to work on, 1 to 500. Rule `file-ids-count`, enforced by the wrapper.")); }, Diff("createBatchTask request: $.fileIds holds at most 500 items, was 1000 (narrowed-bound): callers with more break; major")),
    ("a lower bound falls", |spec| { put(spec, "/components/schemas/CreateBatchTaskRequest/properties/fileIds/minItems", json!(0)); }, Check("prose", "/components/schemas/CreateBatchTaskRequest/properties/fileIds/description: says 1, and `minItems` is 0; correct the one that is wrong")),
    ("a schema of many places is limited", |spec| { put(spec, "/components/schemas/ContainerId/maxLength", json!(64)); }, Diff("createBatchTask request: $.containerId has at most 64 characters, was unbounded (narrowed-bound): callers with more break; major; also reached from createBatchTask request: $.targetFileId.containerId")),
    ("a pattern is another one", |spec| { put(spec, "/components/schemas/HeaderText/pattern", json!("^[!-~]+$")); }, Diff("createBatchTask request: header X-Hw-Agentname has `pattern` \"^[!-~]+$\", was \"^[!-~]([ -~]*[!-~])?$\" (changed-type): callers who send what it was break; major; also reached from createBatchTask request: header X-User-Id; getBatchTask request: header X-Hw-Agentname; getBatchTask request: header X-User-Id")),
    ("an enum value is gone", |spec| { put(spec, "/components/schemas/TaskType/enum", json!([2])); remove(spec, "/paths/~1koodrive~1ose~1v1~1share~1tasks/post/requestBody/content/application~1json/examples/packageDownload"); }, Check("examples", "/paths/~1koodrive~1ose~1v1~1share~1taskDetail/post/responses/200/content/application~1json/examples/packaged/value/jobInfo/taskType: 1 is not one of 2; correct it, or the schema at /paths/~1koodrive~1ose~1v1~1share~1taskDetail/post/responses/200/content/application~1json/schema")),
    ("an enum value is new", |spec| { put(spec, "/components/schemas/TaskType/enum/9", json!(3)); }, Diff("createBatchTask request: $.taskType takes 3, too (added-enum-value): nobody breaks; minor")),
    ("a type is a narrower one", |spec| { put(spec, "/components/schemas/JobInfo/properties/progress/type", json!("integer")); }, Diff("getBatchTask reply 200: $.jobInfo.progress has `type` \"integer\", was \"number\" (narrowed-type): nobody breaks; minor")),
    ("a type is another one", |spec| { put(spec, "/components/schemas/TaskInfo/properties/newFileId/type", json!("integer")); }, Diff("getBatchTask reply 200: $.taskInfos.newFileId has `type` \"integer\", was \"string\" (changed-type): readers who expect what it was break; major; also reached from getBatchTask reply 200: $.taskInfos[].newFileId")),
    ("a type that its examples are not of", |spec| { put(spec, "/components/schemas/JobInfo/properties/userId/type", json!("integer")); }, Check("examples", "/paths/~1koodrive~1ose~1v1~1share~1taskDetail/post/responses/200/content/application~1json/examples/packaged/value/jobInfo/userId: \"1505084218764547200\" is not of types \"null\", \"integer\"; correct it, or the schema at /paths/~1koodrive~1ose~1v1~1share~1taskDetail/post/responses/200/content/application~1json/schema")),
    ("a reference is to another schema", |spec| { put(spec, "/components/schemas/CreateBatchTaskRequest/properties/shareId/allOf/0/$ref", json!("#/components/schemas/TaskId")); }, Diff("createBatchTask request: $.shareId is TaskId, was ShareId (changed-reference)")),
    ("a status is gone", |spec| { remove(spec, "/paths/~1koodrive~1ose~1v1~1share~1tasks/post/responses/401"); }, Diff("createBatchTask reply 401: the reply is gone (removed-answer): readers who expect it break; major")),
    ("a media type is another one", |spec| { rename(spec, "/paths/~1koodrive~1ose~1v1~1share~1tasks/post/requestBody/content", "application/json", "text/json"); }, Diff("createBatchTask request: application/json is gone (removed-content): callers who send it break; major")),
    ("a claim in prose is another one", |spec| { put(spec, "/paths/~1koodrive~1ose~1v1~1share~1tasks/post/description", json!("Packs or dumps. Idempotent: it may be repeated. Source: source document.")); }, Diff("createBatchTask: the operation has the description \"Packs or dumps. Idempotent: it may be repeated. Source: source document.\", was \"Packs files behind a share link into a zip (`taskType` 1), or dumps them into a space (`taskType` 2). The reply carries a task id; the work goes on behind it. Not idempotent: sent twice, it makes two tasks. Source: carrier reference, createBatchTask.\" (changed-text)")),
    ("a claim in prose is belied by a bound", |spec| { put(spec, "/components/schemas/CreateBatchTaskRequest/properties/fileIds/description", json!("Files to work on, 1 to 2000. Rule `file-ids-count`, enforced by the wrapper.")); }, Check("prose", "/components/schemas/CreateBatchTaskRequest/properties/fileIds/description: says 2000, and `maxItems` is 1000; correct the one that is wrong")),
    ("a way to say who calls is gone", |spec| { remove(spec, "/paths/~1koodrive~1ose~1v1~1share~1tasks/post/security/0"); }, Diff("createBatchTask: the operation can no longer be called with accessToken (removed-security): callers with those credentials break; major")),
    ("security is emptied", |spec| { put(spec, "/paths/~1koodrive~1ose~1v1~1share~1tasks/post/security", json!([])); }, Check("security", "/paths/~1koodrive~1ose~1v1~1share~1tasks/post/security: createBatchTask may be called by anyone; list the schemes that it takes, as the other operations do")),
    ("security names no scheme", |spec| { put(spec, "/paths/~1koodrive~1ose~1v1~1share~1tasks/post/security/0", json!({"acessToken": []})); }, Check("security", "/paths/~1koodrive~1ose~1v1~1share~1tasks/post/security: no scheme is called acessToken; name one of accessToken, appSignature")),
    ("a scheme that the client does not know", |spec| { put(spec, "/components/securitySchemes/accessToken/scheme", json!("basic")); }, Check("security", "/components/securitySchemes/accessToken: neither a bearer token nor a value of the header Authorization, which is all the client sends; write one of the two, or teach the client this one first")),
    ("a server of http", |spec| { put(spec, "/servers/0/url", json!("http://intl.myhuaweicloud-koodrive.com")); }, Check("servers", "/servers/0/url: http://intl.myhuaweicloud-koodrive.com is not https; write https: credentials go there")),
    ("a server on another host", |spec| { put(spec, "/servers/0/url", json!("https://intl.myhuaweicloud-koodrlve.com")); }, Check("servers", "/servers/0/url: https://intl.myhuaweicloud-koodrlve.com is no endpoint of the library; correct it, or the constants ENDPOINT_… in src/client/builder.rs")),
    ("a secret without a type of ours", |spec| { put(spec, "/components/schemas/LinkPassword", json!({"description": "Code of a share. Source: source document.", "format": "password", "type": "string"})); put(spec, "/components/schemas/JobInfo/properties/code", json!({"allOf": [{"$ref": "#/components/schemas/LinkPassword"}], "description": "Code."})); }, Check("secrets", "/components/schemas/LinkPassword: LinkPassword is a secret without a Rust type that hides it from `Debug`; write the type in src/ and add (\"LinkPassword\", \"crate::…\") to openapi/replacements.rs")),
    ("a number of a request with limits and no schema of its own", |spec| { put(spec, "/components/schemas/CreateBatchTaskRequest/properties/priority", json!({"description": "Priority. Rule `not-empty`, enforced by the wrapper.", "maximum": 9, "minimum": 1, "type": "integer"})); put(spec, &format!("{DUMP}/priority"), json!(1)); }, Check("generator", "/components/schemas/CreateBatchTaskRequest/properties/priority/minimum: `minimum` limits $.priority of createBatchTask, whose type the generator chooses; make it a schema of /components/schemas, refer to it, and name its Rust type in openapi/replacements.rs, as for PageSize")),
    ("a number of a request with limits and no type of ours", |spec| { put(spec, "/components/schemas/Priority", json!({"description": "Priority. Source: ours.", "maximum": 9, "type": "integer"})); put(spec, "/components/schemas/CreateBatchTaskRequest/properties/priority", json!({"allOf": [{"$ref": "#/components/schemas/Priority"}], "description": "Priority."})); put(spec, &format!("{DUMP}/priority"), json!(1)); }, Check("generator", "/components/schemas/Priority/maximum: `maximum` limits $.priority of createBatchTask, whose type the generator chooses; make it a schema of /components/schemas, refer to it, and name its Rust type in openapi/replacements.rs, as for PageSize")),
    ("a secret without a name", |spec| { put(spec, "/components/schemas/JobInfo/properties/code", json!({"description": "Code.", "format": "password", "type": "string"})); }, Check("secrets", "/components/schemas/JobInfo/properties/code: a secret without a name: the generator makes a plain string of it, which `Debug` shows; make it a schema of /components/schemas and refer to it")),
    ("a secret that is none any more", |spec| { remove(spec, "/components/schemas/KdsToken/format"); }, Check("secrets", "/components/schemas/KdsToken: called a secret, and not of `format: password`; add the format, or correct the description")),
    ("an example of a secret", |spec| { put(spec, &format!("{DUMP}/kdstoken"), json!("f83kdLw92mcXq")); }, Check("secrets", "/paths/~1koodrive~1ose~1v1~1share~1tasks/post/requestBody/content/application~1json/examples/dump/value/kdstoken: the example of a secret is not seen to be made up; write `example` into it, as in https://download.example.com/…")),
    ("an example that is a token", |spec| { put(spec, &format!("{DUMP}/shareId"), json!("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl")); }, Check("secrets", "/paths/~1koodrive~1ose~1v1~1share~1tasks/post/requestBody/content/application~1json/examples/dump/value/shareId: looks like a JSON web token; take it out of the document and its history, and renew it")),
    ("an example that is a signed URL", |spec| { put(spec, &format!("{PACKAGED}/jobInfo/downloadUrl"), json!("https://example.com/p.zip?X-Amz-Signature=0a")); }, Check("secrets", "/paths/~1koodrive~1ose~1v1~1share~1taskDetail/post/responses/200/content/application~1json/examples/packaged/value/jobInfo/downloadUrl: looks like a signed URL; take it out of the document and its history, and renew it")),
    ("a link to no operation", |spec| { put(spec, "/paths/~1koodrive~1ose~1v1~1share~1tasks/post/responses/200/links/getBatchTask/operationId", json!("getTask")); }, Check("links", "/paths/~1koodrive~1ose~1v1~1share~1tasks/post/responses/200/links/getBatchTask/operationId: no operation is \"getTask\"; name one of getBatchTask, createBatchTask")),
    ("a link to no field", |spec| { put(spec, "/paths/~1koodrive~1ose~1v1~1share~1tasks/post/responses/200/links/getBatchTask/requestBody/taskId", json!("$response.body#/task_id")); }, Check("links", "/paths/~1koodrive~1ose~1v1~1share~1tasks/post/responses/200/links/getBatchTask/requestBody/taskId: $response.body#/task_id leads nowhere: createBatchTask has no field task_id; name a field of that body")),
    ("a link whose extension leads to no field", |spec| { put(spec, "/paths/~1koodrive~1ose~1v1~1share~1tasks/post/responses/200/links/getBatchTask/x-request-body", json!({"shareId": "$request.body#/share", "taskId": "$response.body#/taskId"})); }, Check("links", "/paths/~1koodrive~1ose~1v1~1share~1tasks/post/responses/200/links/getBatchTask/x-request-body/shareId: $request.body#/share leads nowhere: createBatchTask has no field share; name a field of that body")),
    ("a link that lacks a field", |spec| { remove(spec, "/paths/~1koodrive~1ose~1v1~1share~1tasks/post/responses/200/links/getBatchTask/requestBody/shareId"); }, Check("links", "/paths/~1koodrive~1ose~1v1~1share~1tasks/post/responses/200/links/getBatchTask/requestBody: getBatchTask needs shareId, which the link does not give; say where it comes from")),
    ("a rule on the wrong field", |spec| { put(spec, "/components/schemas/CreateBatchTaskRequest/properties/shareId/description", json!("Share. Rule `file-ids-count`, enforced by the wrapper.")); }, Check("rules", "/components/schemas/CreateBatchTaskRequest/properties/shareId/description: rule `file-ids-count` where no `minItems` is stated; correct the name, or move the mark to the field that the rule is about")),
    ("a rule that there is not", |spec| { put(spec, "/components/schemas/CreateBatchTaskRequest/properties/zipName/description", json!("Name. Rule `zip-name-mandatory`, enforced by the wrapper.")); }, Check("rules", "/components/schemas/CreateBatchTaskRequest/properties/zipName/description: rule `zip-name-mandatory` is none of OF_REQUESTS in src/rules.rs; correct the name, or write the rule")),
    ("a limit without a rule", |spec| { put(spec, "/components/schemas/ZipName/description", json!("Name. Source: source document.")); }, Check("rules", "/components/schemas/ZipName: `minLength` limits $.zipName of createBatchTask and no rule is marked; name the wrapper's rule in the description, as in \"Rule `not-empty`, enforced by the wrapper.\"")),
    ("an allOf that contradicts itself", |spec| { put(spec, "/components/schemas/CreateBatchTaskRequest/properties/shareId/allOf/9", json!({"type": "integer"})); }, Check("schemas", "/components/schemas/CreateBatchTaskRequest/properties/shareId/allOf/1/type: \"integer\" here and \"string\" at /components/schemas/ShareId/type: no value keeps both; let one of the two be stated")),
    ("a required field that is no property", |spec| { put(spec, "/components/schemas/FileIdInfo/required/9", json!("fileName")); }, Check("schemas", "/components/schemas/FileIdInfo/required: fileName is required and no property; correct its name, or add the property")),
    ("a minimum above the maximum", |spec| { put(spec, "/components/schemas/CreateBatchTaskRequest/properties/fileIds/minItems", json!(1001)); }, Check("schemas", "/components/schemas/CreateBatchTaskRequest/properties/fileIds: `minItems` 1001 is more than `maxItems` 1000: no value keeps both; correct one of the two")),
    ("the version of OpenAPI 3.1", |spec| { put(spec, "/openapi", json!("3.1.0")); }, Check("grammar", "/openapi: the generator reads OpenAPI 3.0, not \"3.1.0\"; write \"3.0.3\"")),
    ("a list of types", |spec| { put(spec, "/components/schemas/ShareId/type", json!(["string", "null"])); }, Check("grammar", "/components/schemas/ShareId/type: [\"string\",\"null\"] came with OpenAPI 3.1; write one type, and `nullable: true` for `null`")),
    ("a keyword of OpenAPI 3.1", |spec| { put(spec, "/components/schemas/TaskType/const", json!(1)); }, Check("grammar", "/components/schemas/TaskType/const: `const` of a schema came with OpenAPI 3.1; write `enum` with one value")),
    ("a description beside a reference", |spec| { put(spec, "/components/parameters/X-Date/schema/description", json!("When.")); }, Check("grammar", "/components/parameters/X-Date/schema/description: OpenAPI 3.0 ignores what stands beside a `$ref`; 3.1 does not; put the reference into an `allOf`, or remove this")),
    ("a typo in a keyword", |spec| { rename(spec, "/components/schemas/CreateBatchTaskRequest/properties/fileIds", "minItems", "minItmes"); }, Check("grammar", "/components/schemas/CreateBatchTaskRequest/properties/fileIds/minItmes: OpenAPI 3.0 knows no `minItmes` of a schema; did you mean `minItems`?")),
    ("a bound that is a text", |spec| { put(spec, "/components/schemas/ShareId/minLength", json!("1")); }, Check("grammar", "/components/schemas/ShareId/minLength: \"1\" is not a whole number; write a whole number")),
    ("a reference to nowhere", |spec| { put(spec, "/components/schemas/CreateBatchTaskRequest/properties/targetFileId/allOf/0/$ref", json!("#/components/schemas/FileIdInof")); }, Check("references", "/components/schemas/CreateBatchTaskRequest/properties/targetFileId/allOf/0/$ref: #/components/schemas/FileIdInof does not exist; correct its name, or add the component")),
    ("a schema that holds itself", |spec| { put(spec, "/components/schemas/TaskInfo/properties/parent", json!({"$ref": "#/components/schemas/TaskInfo"})); }, Check("references", "/components/schemas/TaskInfo: refers to itself, which no check and no reader here can follow; break the circle")),
    ("an operation's id is used twice", |spec| { put(spec, "/paths/~1koodrive~1ose~1v1~1share~1taskDetail/post/operationId", json!("createBatchTask")); }, Check("operations", "/paths/~1koodrive~1ose~1v1~1share~1tasks/post/operationId: `createBatchTask` is the id of /paths/~1koodrive~1ose~1v1~1share~1taskDetail/post/operationId, too; give one of the two another id: methods are named by them")),
    ("errors of two schemas", |spec| { put(spec, "/components/responses/InternalError/content/application~1json/schema/$ref", json!("#/components/schemas/FileIdInfo")); }, Check("generator", "/paths/~1koodrive~1ose~1v1~1share~1taskDetail/post/responses/500: {\"$ref\":\"#/components/schemas/FileIdInfo\"} is not the schema of /paths/~1koodrive~1ose~1v1~1share~1taskDetail/post/responses/400; give all errors of an operation one schema")),
    ("an example of another type", |spec| { put(spec, &format!("{DUMP}/taskType"), json!("2")); }, Check("examples", "/paths/~1koodrive~1ose~1v1~1share~1tasks/post/requestBody/content/application~1json/examples/dump/value/taskType: \"2\" is not of type \"integer\"; correct it, or the schema at /paths/~1koodrive~1ose~1v1~1share~1tasks/post/requestBody/content/application~1json/schema")),
    ("a typo in an example", |spec| { rename(spec, DUMP, "targetFileId", "targetFileID"); }, Check("examples", "/paths/~1koodrive~1ose~1v1~1share~1tasks/post/requestBody/content/application~1json/examples/dump/value: Additional properties are not allowed ('targetFileID' was unexpected); correct it, or the schema at /paths/~1koodrive~1ose~1v1~1share~1tasks/post/requestBody/content/application~1json/schema")),
    ("a letter that only looks the same", |spec| { rename(spec, "/components/schemas/TaskInfo/properties", "fileId", "fil\u{435}Id"); }, Check("identifiers", "/components/schemas/TaskInfo/properties/filеId: \"filеId\" has the letter 'е' (U+0435); write it in ASCII: it may look the same and is not")),
    ("a field that differs in case alone", |spec| { put(spec, "/components/schemas/TaskInfo/properties/fileID", json!({"description": "Id.", "type": "string"})); }, Check("identifiers", "/components/schemas/TaskInfo/properties/fileID: fileID is hard to tell from fileId at /components/schemas/FileIdInfo/properties/fileId; write both alike, or name one otherwise")),
    ("a field without a description", |spec| { put(spec, "/components/schemas/TaskInfo/properties/size", json!({"type": "integer"})); }, Check("prose", "/components/schemas/TaskInfo/properties/size: a field without a description; add one: a field's own description stands beside an `allOf` that refers to its schema")),
    ("a schema without a source", |spec| { put(spec, "/components/schemas/TaskInfo/description", json!("What became of one file.")); }, Check("prose", "/components/schemas/TaskInfo/description: names no source; end it with \"Source: source document.\", or where else it comes from")),
];

/// Adds a header to both operations.
fn add_header(spec: &mut Value, header: Value) {
    put(spec, "/components/parameters/X-Region", header);
    for path in ["tasks", "taskDetail"] {
        let parameters = format!("/paths/~1koodrive~1ose~1v1~1share~1{path}/post/parameters/9");
        put(spec, &parameters, json!({"$ref": "#/components/parameters/X-Region"}));
    }
}

/// A copy of an operation with another id.
fn operation(id: &str) -> Value {
    let mut operation = released()["paths"]["/koodrive/ose/v1/share/taskDetail"].clone();
    operation["post"]["operationId"] = json!(id);
    operation
}

/// The released document with a change and with this version.
fn mutated(change: fn(&mut Value), version: &str) -> Value {
    let mut spec = released();
    change(&mut spec);
    put(&mut spec, "/info/version", json!(version));
    spec
}

fn all_findings(input: &Input) -> Vec<(&'static str, String)> {
    check(input).into_iter().map(|(check, finding)| (check, finding.to_string())).collect()
}

/// All findings, except that a rule is marked nowhere if the rule is newer than the released document.
fn findings(input: &Input) -> Vec<(&'static str, String)> {
    static NEWER: LazyLock<Vec<String>> = LazyLock::new(|| {
        let of_rules = all_findings(&self::input(released())).into_iter().filter(|(check, _)| *check == "rules");
        of_rules.map(|(_, finding)| finding).filter(|finding| finding.contains("is marked nowhere")).collect()
    });
    all_findings(input).into_iter().filter(|(_, finding)| !NEWER.contains(finding)).collect()
}

/// One of the references is in a reply named `default`, which is a name there and not a keyword.
#[test]
fn each_reference_that_leads_nowhere_is_a_finding() {
    let spec = {
        let mut spec = released();
        let replies = "/paths/~1koodrive~1ose~1v1~1share~1tasks/post/responses";
        let reply = at(&mut spec, &format!("{replies}/200")).clone();
        put(&mut spec, &format!("{replies}/default"), reply);
        spec
    };
    let mut references = Vec::new();
    walk(&spec, "", &mut |pointer, fields| {
        references.extend(fields.contains_key("$ref").then(|| pointer.to_owned()));
    });
    assert!(references.iter().any(|pointer| pointer.contains("/responses/default")), "{references:?}");
    for pointer in references {
        let mut broken = spec.clone();
        put(&mut broken, &format!("{pointer}/$ref"), json!("#/components/schemas/Nowhere"));
        let found = all_findings(&input(broken));
        let is = |(by, finding): &(&str, String)| *by == "references" && finding.starts_with(&pointer);
        assert!(found.iter().any(is), "{pointer}: {found:#?}");
    }
}

fn assert_found(name: &str, found: &[(&str, String)], check: &str, expected: &str) {
    let is = |(by, finding): &(&str, String)| *by == check && finding == expected;
    assert!(found.iter().any(is), "{name}: expected of {check}\n{expected}\namong\n{found:#?}");
}

fn each_is_caught(version: &str) {
    for (name, change, caught) in MUTATIONS {
        let spec = mutated(*change, version);
        match caught {
            Check(by, expected) => assert_found(name, &findings(&input(spec)), by, expected),
            Diff(sentence) => assert_told(name, &spec, sentence),
        }
    }
}

#[test]
fn each_mutation_is_caught_under_the_released_version() {
    each_is_caught("1.0.0");
}

#[test]
fn each_mutation_is_caught_after_the_version_was_raised() {
    each_is_caught("9.0.0");
}

/// The diff has the sentence, `CHANGES.md` is stale without it, and the version must move as far as the change asks
/// for.
fn assert_told(name: &str, spec: &Value, sentence: &str) {
    let report = Report::of(&released(), spec);
    assert!(report.text().contains(&format!("  {sentence}\n")), "{name}: expected\n{sentence}\nin\n{}", report.text());
    let up_to_date = input(spec.clone());
    let stale = Input { changes: input(released()).changes, ..up_to_date.clone() };
    assert!(findings(&stale).iter().any(|(check, _)| *check == "changes"), "{name}: CHANGES.md is not stale");
    let found = findings(&up_to_date);
    let moved = spec["info"]["version"] == "9.0.0";
    let asked = found.iter().any(|(check, finding)| *check == "version" && finding.contains(sentence));
    let asks = report.step() > Step::None;
    assert_eq!(asked, asks && !moved, "{name}: {found:#?}");
    assert!(found.iter().all(|(check, _)| *check == "version"), "{name}: {found:#?}");
}

/// The name of a mutation, and the change.
type Harmless = (&'static str, fn(&mut Value));

/// Changes that make no difference to anyone who sends or reads a message.
const HARMLESS: &[Harmless] = &[
    ("the order of an enum", |spec| at(spec, "/components/schemas/TaskType/enum").as_array_mut().unwrap().reverse()),
    ("the order of required fields", |spec| {
        at(spec, "/components/schemas/CreateBatchTaskRequest/required").as_array_mut().unwrap().reverse();
    }),
    ("the order of parameters", |spec| {
        let parameters = "/paths/~1koodrive~1ose~1v1~1share~1tasks/post/parameters";
        at(spec, parameters).as_array_mut().unwrap().reverse();
    }),
    ("the case of a header", |spec| put(spec, "/components/parameters/X-User-Id/name", json!("x-user-id"))),
    ("the text of a tag", |spec| put(spec, "/tags/0/description", json!("Tasks."))),
    ("the summary of an example", |spec| put(spec, &DUMP.replace("/value", "/summary"), json!("A dump."))),
    ("the text about the document", |spec| put(spec, "/info/description", json!("Share tasks."))),
    ("the text of a server", |spec| put(spec, "/servers/0/description", json!("Singapore"))),
    ("an extension", |spec| put(spec, "/components/schemas/TaskType/x-note", json!("new"))),
    ("a default that is stated", |spec| {
        put(spec, "/components/schemas/FileIdInfo/properties/fileId/nullable", json!(false));
    }),
];

#[test]
fn what_is_harmless_raises_no_alarm() {
    for (name, change) in HARMLESS {
        let spec = mutated(*change, "1.0.0");
        assert_ne!(spec, released(), "{name}: nothing changed");
        let input = Input { changes: Report::of(&released(), &released()).changes_file(), ..input(spec) };
        assert_eq!(findings(&input), [], "{name}");
    }
}

#[test]
fn nothing_is_wrong_with_the_document_and_with_the_released_one() {
    assert_eq!(all_findings(&Input::of_repository().unwrap()), []);
    assert_eq!(findings(&input(released())), []);
}

fn formatting(text: String) -> Vec<(&'static str, String)> {
    findings(&Input { text, ..input(released()) })
}

#[test]
fn another_indentation_is_named() {
    let found = formatting(canonical(&released()).replace("  ", "    "));
    let expected = "openapi/koodrive-share.json:2: not formatted canonically: \
                    \"    \\\"components\\\": {\" should be \"  \\\"components\\\": {\"; \
                    run `jq -S . openapi/koodrive-share.json > spec.tmp && mv spec.tmp openapi/koodrive-share.json`";
    assert_found("indentation", &found, "formatting", expected);
}

#[test]
fn another_order_is_named() {
    let text = canonical(&released());
    let named = "\"name\": \"X-Date\",\n        \"required\": true,";
    let reordered = text.replacen(named, "\"required\": true,\n        \"name\": \"X-Date\",", 1);
    assert_ne!(reordered, text);
    let [(_, finding)] = formatting(reordered).try_into().unwrap();
    assert!(
        finding.contains(r#""        \"required\": true," should be "        \"name\": \"X-Date\",""#),
        "{finding}"
    );
}

#[test]
fn a_missing_line_feed_at_the_end_is_named() {
    let [(_, finding)] = formatting(canonical(&released()).trim_end().to_owned()).try_into().unwrap();
    assert!(finding.contains("should be \"a single line feed\""), "{finding}");
}

#[test]
fn a_version_that_goes_back_or_is_none_is_named() {
    for (version, expected) in [
        ("0.9.0", "/info/version: goes back from the released 1.0.0 to 0.9.0; write 1.0.0 or more"),
        ("1.0", "/info/version: not three numbers; write it as in 1.0.0"),
    ] {
        assert_found(version, &findings(&input(mutated(|_| (), version))), "version", expected);
    }
}
