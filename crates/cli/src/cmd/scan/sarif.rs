//! Findings as SARIF 2.1.0 (OASIS), which code scanning services and editors read.

use std::fmt::Write as _;

use countersign_scan::{Finding, Rule};
use serde_json::{Value, json};

const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

pub(super) fn log(findings: &[(String, Finding)]) -> Value {
    let results: Vec<Value> = findings
        .iter()
        .map(|(path, finding)| result(path, finding))
        .collect();
    json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "countersign scan",
                "version": env!("CARGO_PKG_VERSION"),
                "informationUri": env!("CARGO_PKG_REPOSITORY"),
                "rules": Rule::ALL.map(rule),
            }},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

fn rule(rule: Rule) -> Value {
    json!({
        "id": rule.name(),
        "shortDescription": { "text": rule.why() },
        "help": { "text": rule.way_out() },
        "defaultConfiguration": { "level": rule.level().name() },
    })
}

fn result(path: &str, finding: &Finding) -> Value {
    let index = Rule::ALL.iter().position(|rule| *rule == finding.rule);
    let mut text = finding.what.clone();
    if let Some(instead) = finding.instead {
        text.push(' ');
        text.push_str(instead);
    }
    json!({
        "ruleId": finding.rule.name(),
        "ruleIndex": index,
        "level": finding.rule.level().name(),
        "message": { "text": text },
        "locations": [{ "physicalLocation": {
            "artifactLocation": { "uri": uri(path) },
            "region": { "startLine": finding.line, "startColumn": finding.column },
        }}],
    })
}

/// A path as a reference (RFC 3986): an absolute one is a `file` URL, so that no path is taken for
/// something else.
fn uri(path: &str) -> String {
    let mut uri = String::from(if path.starts_with('/') { "file://" } else { "" });
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/!$&'()*+,;=@".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            // Writing into a text does not fail.
            let _ = write!(uri, "%{byte:02X}");
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::uri;

    #[test]
    fn a_path_is_written_as_a_reference() {
        assert_eq!(uri("src/a b.py"), "src/a%20b.py");
        assert_eq!(uri("src/é:1.py"), "src/%C3%A9%3A1.py");
        assert_eq!(uri("/srv/a.py"), "file:///srv/a.py");
    }
}
