//! The rules file: TOML, and nothing in it that is not understood.

use std::path::Path;

use countersign_guard::forward::{Access, Rule};
use countersign_guard::{AnyClaims, Requirements};
use toml::{Table, Value};

use crate::failure::Failure;

/// What the file says.
pub(super) struct Rules {
    pub(super) rules: Vec<Rule<AnyClaims>>,
    pub(super) otherwise: Access<AnyClaims>,
}

const FILE_KEYS: [&str; 2] = ["default", "rule"];
const RULE_KEYS: [&str; 7] = [
    "path",
    "methods",
    "access",
    "role",
    "any_role",
    "scope",
    "any_scope",
];
const ACCESS: [&str; 4] = ["token", "optional", "public", "closed"];

pub(super) fn read(file: &Path) -> Result<Rules, Failure> {
    let name = file.display();
    let text = std::fs::read_to_string(file)
        .map_err(|error| Failure::failed(format!("cannot read {name}: {error}")))?;
    parse(&text).map_err(|problem| Failure::usage(format!("{name}: {problem}")))
}

fn parse(text: &str) -> Result<Rules, String> {
    let table: Table = text
        .parse()
        .map_err(|error: toml::de::Error| error.to_string())?;
    known(&table, &FILE_KEYS)?;
    let otherwise = match text_of(&table, "default")? {
        Some(word) => access(word)?,
        None => Access::Caller(Requirements::new()),
    };
    let rules = match table.get("rule") {
        None => &[],
        Some(Value::Array(rules)) => rules.as_slice(),
        Some(_) => return Err("rules are written as [[rule]]".to_owned()),
    };
    let rules = rules
        .iter()
        .enumerate()
        .map(|(index, table)| rule(table).map_err(|why| format!("rule {}: {why}", index + 1)))
        .collect::<Result<_, _>>()?;
    Ok(Rules { rules, otherwise })
}

fn rule(value: &Value) -> Result<Rule<AnyClaims>, String> {
    let table = value.as_table().ok_or("it is written as [[rule]]")?;
    known(table, &RULE_KEYS)?;
    let path = text_of(table, "path")?.ok_or("'path' is missing")?;
    let requirements = requirements(table)?;
    let access = match (text_of(table, "access")?, requirements) {
        (None | Some("token"), Some(requirements)) => Access::Caller(requirements),
        (Some(word), Some(_)) => {
            return Err(format!(
                "access = \"{word}\" asks for no role or scope; leave it out to ask for one"
            ));
        }
        (Some(word), None) => access(word)?,
        (None, None) => Access::Caller(Requirements::new()),
    };
    let methods = texts_of(table, "methods")?
        .unwrap_or_default()
        .into_iter()
        .map(|method| {
            method
                .parse()
                .map_err(|_| format!("'{method}' is not a method"))
        })
        .collect::<Result<Vec<_>, _>>()?;
    Ok(Rule::new(path, access).methods(methods))
}

/// What is asked of the caller beyond a token, if anything is.
fn requirements(table: &Table) -> Result<Option<Requirements<AnyClaims>>, String> {
    let mut all = None::<Requirements<AnyClaims>>;
    let mut and = |change: &dyn Fn(Requirements<AnyClaims>) -> Requirements<AnyClaims>| {
        all = Some(change(all.take().unwrap_or_default()));
    };
    if let Some(role) = one_of(table, "role", "any_role")? {
        and(&|all| all.role(role));
    }
    if let Some(roles) = texts_of(table, "any_role")? {
        named(&roles, "any_role")?;
        and(&|all| all.any_role(roles.clone()));
    }
    if let Some(scope) = one_of(table, "scope", "any_scope")? {
        let words: Vec<_> = scope.split_whitespace().collect();
        words_alone(&words, "scope")?;
        and(&|all| words.iter().copied().fold(all, Requirements::scope));
    }
    if let Some(scopes) = texts_of(table, "any_scope")? {
        named(&scopes, "any_scope")?;
        words_alone(&scopes, "any_scope")?;
        and(&|all| all.any_scope(scopes.clone()));
    }
    Ok(all)
}

/// The text of a key of which the list has another name.
fn one_of<'a>(table: &'a Table, key: &str, of_several: &str) -> Result<Option<&'a str>, String> {
    if table.get(key).is_some_and(Value::is_array) {
        return Err(format!(
            "'{key}' is one text; a list of which one is enough is '{of_several}'"
        ));
    }
    let text = text_of(table, key)?;
    named(text.as_slice(), key)?;
    Ok(text)
}

/// An empty name is a slip; nobody's role is called so.
fn named(texts: &[&str], key: &str) -> Result<(), String> {
    if texts.iter().any(|text| text.trim().is_empty()) {
        return Err(format!("'{key}' is empty"));
    }
    Ok(())
}

/// What is no word of a scope is in no token's, and the rule would let nobody in.
fn words_alone(words: &[&str], key: &str) -> Result<(), String> {
    let slip = |word: &&&str| word.contains(char::is_whitespace) || word.ends_with(',');
    match words.iter().find(slip) {
        None => Ok(()),
        Some(word) => Err(format!(
            "'{key}' has '{word}', which is no word of a scope: in a text a space separates them, in a \
             list each stands alone"
        )),
    }
}

fn access(word: &str) -> Result<Access<AnyClaims>, String> {
    match word {
        "token" => Ok(Access::Caller(Requirements::new())),
        "optional" => Ok(Access::Optional),
        "public" => Ok(Access::Public),
        "closed" => Ok(Access::Closed),
        other => Err(format!(
            "'{other}' is no access; it is one of {}{}",
            ACCESS.join(", "),
            nearest(other, &ACCESS)
        )),
    }
}

/// A key that does nothing would be a rule that is not there.
fn known(table: &Table, keys: &[&str]) -> Result<(), String> {
    match table.keys().find(|key| !keys.contains(&key.as_str())) {
        None => Ok(()),
        Some(key) => Err(format!("unknown key '{key}'{}", nearest(key, keys))),
    }
}

fn nearest(word: &str, known: &[&str]) -> String {
    let distance = |other: &&&str| strsim::damerau_levenshtein(word, other);
    match known.iter().min_by_key(distance) {
        Some(other) if distance(&other) <= 3 => format!("; did you mean '{other}'?"),
        _ => String::new(),
    }
}

fn text_of<'a>(table: &'a Table, key: &str) -> Result<Option<&'a str>, String> {
    table
        .get(key)
        .map(|value| {
            value
                .as_str()
                .ok_or_else(|| format!("'{key}' is not a text"))
        })
        .transpose()
}

fn texts_of<'a>(table: &'a Table, key: &str) -> Result<Option<Vec<&'a str>>, String> {
    let Some(value) = table.get(key) else {
        return Ok(None);
    };
    let texts = value
        .as_array()
        .and_then(|values| values.iter().map(Value::as_str).collect::<Option<Vec<_>>>())
        .ok_or_else(|| format!("'{key}' is not a list of texts"))?;
    if texts.is_empty() {
        return Err(format!(
            "'{key}' is empty; leave it out to ask for nothing of the kind"
        ));
    }
    Ok(Some(texts))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaint(text: &str) -> String {
        match parse(text) {
            Ok(rules) => format!("{:?}", rules.rules),
            Err(problem) => problem,
        }
    }

    #[test]
    fn every_key_is_understood() {
        let rules = parse(
            r#"
            default = "closed"
            [[rule]]
            path = "/"
            [[rule]]
            path = "/a"
            methods = ["GET", "PURGE"]
            role = "admin"
            any_role = ["x", "y"]
            scope = "one two"
            any_scope = ["three", "four"]
            [[rule]]
            path = "/p"
            access = "public"
            [[rule]]
            path = "/o"
            access = "optional"
            "#,
        )
        .expect("good rules");
        assert!(matches!(rules.otherwise, Access::Closed));
        let said: Vec<_> = rules.rules.iter().map(|rule| format!("{rule:?}")).collect();
        assert!(said[0].contains("access: Caller([])"), "{}", said[0]);
        for part in [
            "methods: [GET, PURGE]",
            r#"["role admin", "role x or y", "scope one", "scope two", "scope three or four"]"#,
        ] {
            assert!(said[1].contains(part), "{}", said[1]);
        }
        assert!(said[2].contains("Public") && said[3].contains("Optional"));
        assert!(matches!(
            parse("").expect("no rules").otherwise,
            Access::Caller(_)
        ));
    }

    #[test]
    fn what_is_not_understood_is_refused_with_what_was_meant() {
        for (text, expected) in [
            (
                "defualt = \"closed\"",
                "unknown key 'defualt'; did you mean 'default'?",
            ),
            (
                "[[rules]]\npath = \"/\"",
                "unknown key 'rules'; did you mean 'rule'?",
            ),
            (
                "[[rule]]\npath = \"/\"\nscopes = \"x\"",
                "rule 1: unknown key 'scopes'; did you mean 'scope'?",
            ),
            (
                "[[rule]]\npath = \"/\"\nxyzzyplugh = 1",
                "rule 1: unknown key 'xyzzyplugh'",
            ),
            ("[[rule]]\nrole = \"x\"", "rule 1: 'path' is missing"),
            ("[[rule]]\npath = 1", "rule 1: 'path' is not a text"),
            ("[rule]\npath = \"/\"", "rules are written as [[rule]]"),
            ("rule = [1]", "rule 1: it is written as [[rule]]"),
            (
                "[[rule]]\npath = \"/\"\naccess = \"pubic\"",
                "rule 1: 'pubic' is no access; it is one of token, optional, public, closed; did \
                 you mean 'public'?",
            ),
            (
                "[[rule]]\npath = \"/\"\naccess = \"public\"\nrole = \"x\"",
                "rule 1: access = \"public\" asks for no role or scope; leave it out to ask for one",
            ),
            (
                "[[rule]]\npath = \"/\"\nmethods = \"GET\"",
                "rule 1: 'methods' is not a list of texts",
            ),
            (
                "[[rule]]\npath = \"/\"\nmethods = []",
                "rule 1: 'methods' is empty; leave it out to ask for nothing of the kind",
            ),
            (
                "[[rule]]\npath = \"/\"\nmethods = [\"G T\"]",
                "rule 1: 'G T' is not a method",
            ),
            (
                "[[rule]]\npath = \"/\"\nscope = \" \"",
                "rule 1: 'scope' is empty",
            ),
            (
                "[[rule]]\npath = \"/\"\nrole = \"\"",
                "rule 1: 'role' is empty",
            ),
            (
                "[[rule]]\npath = \"/\"\nany_role = [\"x\", \"\"]",
                "rule 1: 'any_role' is empty",
            ),
            (
                "[[rule]]\npath = \"/\"\nrole = [\"x\"]",
                "rule 1: 'role' is one text; a list of which one is enough is 'any_role'",
            ),
            (
                "[[rule]]\npath = \"/\"\nscope = \"a, b\"",
                "rule 1: 'scope' has 'a,', which is no word of a scope: in a text a space separates them, \
                 in a list each stands alone",
            ),
            (
                "[[rule]]\npath = \"/\"\nany_scope = [\"a b\"]",
                "rule 1: 'any_scope' has 'a b', which is no word of a scope: in a text a space separates \
                 them, in a list each stands alone",
            ),
        ] {
            assert_eq!(complaint(text), expected, "{text}");
        }
        assert!(
            complaint("[[rule]\n").contains("line 1"),
            "{}",
            complaint("[[rule]\n")
        );
    }
}
