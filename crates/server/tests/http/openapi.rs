//! `/openapi.json` is true: to the routes, to the messages, and to the page written from it.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::*;

async fn described(running: &Running) -> Value {
    let answer = running.request(Method::GET, "/openapi.json").send().await;
    let answer = answer.expect("an answer");
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.headers()["content-type"], "application/json");
    answer.json().await.expect("JSON")
}

/// By name, whatever order the JSON library keeps.
fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    let mut members: Vec<_> = value.as_object().expect("an object").iter().collect();
    members.sort_by_key(|(name, _)| *name);
    members.into_iter()
}

#[tokio::test]
async fn it_says_which_version_it_is_of_and_every_reference_leads_somewhere() {
    let running = start().await;
    let description = described(&running).await;
    assert!(
        description["openapi"]
            .as_str()
            .is_some_and(|version| version.starts_with("3.1."))
    );
    assert_eq!(description["info"]["version"], env!("CARGO_PKG_VERSION"));
    let text = description.to_string();
    let references = text.split(r##""$ref":"#"##).skip(1);
    let mut seen = 0;
    for reference in references.filter_map(|rest| rest.split('"').next()) {
        assert!(description.pointer(reference).is_some(), "{reference}");
        seen += 1;
    }
    assert!(seen > 100, "{seen}");
    let mut ids = BTreeSet::new();
    for (path, operations) in members(&description["paths"]) {
        for (method, operation) in members(operations) {
            let id = operation["operationId"].as_str().expect("an id");
            assert!(ids.insert(id.to_owned()), "{method} {path}: {id} twice");
        }
    }
}

/// What a 405 says is allowed at a path is what the description has there.
#[tokio::test]
async fn every_path_takes_the_methods_it_is_described_with() {
    let running = start().await;
    let description = described(&running).await;
    for (path, operations) in members(&description["paths"]) {
        let described: BTreeSet<String> = members(operations)
            .map(|(method, _)| method.to_uppercase())
            .collect();
        let real = path.replace(['{', '}'], "");
        let trace = Method::from_bytes(b"TRACE").expect("a method");
        let answer = running
            .request(trace, &real)
            .send()
            .await
            .expect("an answer");
        assert_eq!(answer.status(), StatusCode::METHOD_NOT_ALLOWED, "{path}");
        let allowed = answer.headers()["allow"].to_str().expect("text");
        let allowed: BTreeSet<String> = allowed
            .split(',')
            .map(|method| method.trim().to_owned())
            // Comes with every GET.
            .filter(|method| method != "HEAD")
            .collect();
        assert_eq!(described, allowed, "{path}");
    }
}

/// The routes are read from the source, where each stands on a line of its own.
#[tokio::test]
async fn no_route_is_left_out() {
    let running = start().await;
    let description = described(&running).await;
    let described: BTreeSet<&String> = members(&description["paths"])
        .map(|(path, _)| path)
        .collect();
    let routes = source("server/src/http/routes.rs");
    let routes: String = routes.split_whitespace().collect();
    let mut seen = 0;
    for place in routes.split(".route(").skip(1) {
        let path = path_of(place);
        assert!(
            described.contains(&path),
            "{path} is not in crates/server/src/http/openapi.json"
        );
        seen += 1;
    }
    assert_eq!(seen, described.len(), "every route stands there once");
}

/// `paths::LOGIN,…`, `&below(paths::ADMIN_USERS,"/{name}"),…` or `&format!("{}/{{sid}}",paths::…),…`.
fn path_of(place: &str) -> String {
    let (_, constant) = place
        .split_once("paths::")
        .expect("a path of the wire crate");
    let name: String = constant
        .chars()
        .take_while(|letter| letter.is_ascii_uppercase() || *letter == '_')
        .collect();
    let wire = source("wire/src/paths.rs");
    let (_, path) = wire
        .split_once(&format!("pub const {name}: &str = \""))
        .expect("the constant");
    let base = path.split('"').next().expect("a text");
    let below = match place.split('"').nth(1) {
        Some(below) if place.starts_with("&below(") => below.to_owned(),
        Some(format) if place.starts_with("&format!(") => format
            .trim_start_matches("{}")
            .replace("{{", "{")
            .replace("}}", "}"),
        _ => String::new(),
    };
    format!("{base}{below}")
}

/// A schema that is named like a message of the wire has its members.
#[tokio::test]
async fn the_messages_have_the_members_they_are_described_with() {
    let running = start().await;
    let description = described(&running).await;
    let wire: String = [
        "account",
        "admin",
        "clients",
        "introspection",
        "problem",
        "revocation",
        "token",
    ]
    .map(|file| source(&format!("wire/src/{file}.rs")))
    .concat();
    let mut seen = 0;
    for (name, schema) in members(&description["components"]["schemas"]) {
        let Some((_, rest)) = wire.split_once(&format!("pub struct {name} {{")) else {
            continue;
        };
        let (body, _) = rest.split_once("\n}").expect("its end");
        let fields: BTreeSet<&str> = body
            .lines()
            .filter_map(|line| line.trim().strip_prefix("pub ")?.split(':').next())
            .collect();
        let described: BTreeSet<&str> = members(&schema["properties"])
            .map(|(member, _)| member.as_str())
            .collect();
        assert_eq!(described, fields, "{name}");
        seen += 1;
    }
    assert!(seen >= 20, "{seen} messages");
}

#[tokio::test]
async fn the_page_says_what_the_description_says() {
    let running = start().await;
    let page = page(&described(&running).await);
    let file = crates().join("../docs/reference/http.md");
    if std::env::var_os("COUNTERSIGN_WRITE_DOCS").is_some() {
        std::fs::write(&file, &page).expect("the page can be written");
    }
    let written = std::fs::read_to_string(&file).expect("there is a page");
    assert!(
        written == page,
        "docs/reference/http.md is not what openapi.json says; to write it anew:\n    \
         COUNTERSIGN_WRITE_DOCS=1 cargo test -p countersign-server --test http the_page_says"
    );
}

const HEAD: &str = "# The HTTP routes

Written from `/openapi.json`, which every server answers with (OpenAPI 3.1), and which tests hold against the
server. Bodies are JSON, at most 16 KiB. Every refusal is `{\"error\", \"error_description\", \"reason\"}`; what the
reasons mean is in [reasons.md](reasons.md). Moments are seconds since 1970.
";

fn page(description: &Value) -> String {
    let mut page = HEAD.to_owned();
    for tag in description["tags"].as_array().expect("tags") {
        let name = tag["name"].as_str().expect("a name");
        let _ = write!(page, "\n## {name}\n\n{}\n", text(&tag["description"]));
        for (path, operations) in members(&description["paths"]) {
            for (method, operation) in members(operations) {
                if operation["tags"][0] == name {
                    route(
                        &mut page,
                        description,
                        &method.to_uppercase(),
                        path,
                        operation,
                    );
                }
            }
        }
    }
    page.push_str("\n## Messages\n\nMembers in bold are always there, or must be.\n");
    for (name, schema) in members(&description["components"]["schemas"]) {
        message(&mut page, name, schema);
    }
    page
}

fn route(page: &mut String, description: &Value, method: &str, path: &str, operation: &Value) {
    let _ = write!(
        page,
        "\n### {method} {path}\n\n{}.",
        text(&operation["summary"])
    );
    if let Some(more) = operation["description"].as_str() {
        let _ = write!(page, " {more}");
    }
    let security = operation["security"].as_array().expect("it says who may");
    let needs = |scheme: &str| security[0].get(scheme).is_some();
    let access = match security.len() {
        0 => "anybody",
        _ if needs("client") => "a client, which says who it is",
        1 if operation["tags"][0] == "Administration" => "an access token with the role `admin`",
        1 => "an access token",
        _ => "an access token, or none",
    };
    let _ = write!(page, "\n\n- Needs: {access}\n");
    for parameter in operation["parameters"].as_array().into_iter().flatten() {
        let parameter = resolved(description, parameter);
        let (name, place) = (text(&parameter["name"]), text(&parameter["in"]));
        let _ = writeln!(
            page,
            "- `{name}` ({place}): {}",
            text(&parameter["description"])
        );
    }
    if let Some(body) = operation.get("requestBody") {
        let (kind, content) = members(&body["content"]).next().expect("a content type");
        let or_none = if body["required"] == true {
            ""
        } else {
            ", or no body"
        };
        let _ = writeln!(
            page,
            "- Body: {} as `{kind}`{or_none}",
            names(&content["schema"])
        );
    }
    let mut refusals = Vec::new();
    for (status, answer) in members(&operation["responses"]) {
        let answer = resolved(description, answer);
        let content = answer.get("content").and_then(Value::as_object);
        let schema = content.and_then(|content| content.values().next());
        let named = schema
            .map(|content| names(&content["schema"]))
            .unwrap_or_default();
        if named == "[Problem](#problem)" {
            refusals.push(status.as_str());
        } else {
            let separator = if named.is_empty() { "" } else { ": " };
            let says = text(&answer["description"]);
            let _ = writeln!(page, "- {status}{separator}{named}. {says}");
        }
    }
    if !refusals.is_empty() {
        let _ = writeln!(page, "- Refusals: {}", refusals.join(", "));
    }
}

fn message(page: &mut String, name: &str, schema: &Value) {
    let _ = write!(page, "\n### {name}\n\n");
    let required: Vec<&str> = schema["required"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    for (member, schema) in members(&schema["properties"]) {
        let member_shown = if required.contains(&member.as_str()) {
            format!("**`{member}`**")
        } else {
            format!("`{member}`")
        };
        let kind = match (&schema["type"], &schema["const"], &schema["enum"]) {
            (Value::String(kind), ..) if kind == "array" => {
                format!("array of {}", names(&schema["items"]))
            }
            (Value::String(kind), ..) => kind.clone(),
            (Value::Array(kinds), ..) => kinds[0].as_str().unwrap_or_default().to_owned(),
            (_, Value::String(only), _) => format!("`{only}`"),
            (_, _, Value::Array(any)) => any
                .iter()
                .map(|one| format!("`{}`", text(one)))
                .collect::<Vec<_>>()
                .join(", "),
            _ => names(schema),
        };
        let says = schema["description"]
            .as_str()
            .map(|says| format!(". {says}"));
        let _ = writeln!(page, "- {member_shown}: {kind}{}", says.unwrap_or_default());
    }
}

/// The schema's name as a link, or what it is.
fn names(schema: &Value) -> String {
    if let Some(any) = schema["anyOf"].as_array() {
        return any.iter().map(names).collect::<Vec<_>>().join(" or ");
    }
    match schema["$ref"]
        .as_str()
        .and_then(|path| path.rsplit('/').next())
    {
        Some(name) => format!("[{name}](#{})", name.to_lowercase()),
        None => text(&schema["type"]).to_owned(),
    }
}

fn resolved<'a>(description: &'a Value, value: &'a Value) -> &'a Value {
    match value["$ref"].as_str() {
        Some(path) => description.pointer(&path[1..]).expect("it leads somewhere"),
        None => value,
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn source(file: &str) -> String {
    std::fs::read_to_string(crates().join(file)).expect("a source file")
}

fn crates() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}
