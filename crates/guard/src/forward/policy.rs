//! What is asked of which request.
//!
//! Rules name a path and all that lies below it, and may name methods. The longest path decides,
//! and for one path a rule that names the method comes before one that names none. What no rule
//! names is asked what the policy says for everything else.

use std::fmt::{self, Debug, Formatter};

use countersign::AccessClaims;
use http::Method;
use http::request::Parts;

use super::disguise;
use super::proxy::{Original, Proxy};
use super::rule::{Access, PolicyError, Ready, Rule};
use crate::refusal::Why;

/// What is asked of which request.
pub struct Policy<C = AccessClaims> {
    by_path: Option<(Proxy, Vec<Ready<C>>)>,
    otherwise: Access<C>,
}

impl<C> Policy<C> {
    /// The same is asked of every request, whatever its path and method.
    pub fn same_for_all(access: Access<C>) -> Self {
        Self {
            by_path: None,
            otherwise: access,
        }
    }

    /// What is asked depends on the path and the method, which `proxy` tells.
    ///
    /// # Errors
    ///
    /// [`PolicyError`] if a rule's path is not plain or looks like a pattern, a method is not known,
    /// two rules are for the same requests, or a rule that asks for a token of some methods leaves the
    /// others of its path to a rule without methods, or the policy's own word, that asks for none. What a
    /// rule opens by the name of a method is meant, below its path as well.
    pub fn by_path(
        proxy: Proxy,
        rules: impl IntoIterator<Item = Rule<C>>,
        otherwise: Access<C>,
    ) -> Result<Self, PolicyError> {
        let mut ready = Vec::<Ready<C>>::new();
        for rule in rules {
            let rule = Ready::check(rule)?;
            if let Some(method) = ready.iter().find_map(|other| rule.clashes(other)) {
                return Err(PolicyError::Twice {
                    path: rule.text,
                    method,
                });
            }
            ready.push(rule);
        }
        let open = |rule: &Ready<C>| leaves_open(rule, &ready, &otherwise);
        if let Some(rule) = ready.iter().find(|rule| open(rule)) {
            let path = rule.text.clone();
            return Err(PolicyError::OpenElse { path });
        }
        Ok(Self {
            by_path: Some((proxy, ready)),
            otherwise,
        })
    }

    /// What is asked of the request that the question is about, and its method if that is known.
    pub(super) fn access(&self, question: &Parts) -> Result<(Option<Method>, &Access<C>), Why> {
        let Some((proxy, rules)) = &self.by_path else {
            return Ok((None, &self.otherwise));
        };
        let by_method = rules.iter().any(|rule| !rule.methods.is_empty());
        if disguise::names_a_path(&question.headers)
            || by_method && disguise::names_a_method(&question.headers)
        {
            return Err(Why::AmbiguousRequest);
        }
        let Original { method, path } = proxy.original(question)?;
        let folded = path.folded();
        let exact = decisive(rules, &method, |rule| path.is_within(&rule.path));
        let lax = decisive(rules, &method, |rule| folded.is_within(&rule.folded));
        // A service that does not tell `/Admin` from `/admin` must not be told that they differ.
        if exact != lax {
            return Err(Why::AmbiguousRequest);
        }
        let rule = exact.and_then(|index| rules.get(index));
        Ok((
            Some(method),
            rule.map_or(&self.otherwise, |rule| &rule.access),
        ))
    }
}

/// Whether the rule asks something of its own methods, and no rule of its path says what the others are
/// asked, which is then nothing. A rule above that opens one of them by its name was not forgotten:
/// reading is free, or the browser's `OPTIONS` is, which comes without a token.
fn leaves_open<C>(rule: &Ready<C>, rules: &[Ready<C>], otherwise: &Access<C>) -> bool {
    if rule.methods.is_empty() || rule.access.is_open() {
        return false;
    }
    let others = rules
        .iter()
        .filter(|other| other.methods.is_empty() && rule.folded.is_within(&other.folded))
        .max_by_key(|other| other.folded.len());
    match others {
        Some(other) => other.folded != rule.folded && other.access.is_open(),
        None => otherwise.is_open(),
    }
}

/// Which of the rules decides, of those that the path is within.
fn decisive<C>(
    rules: &[Ready<C>],
    method: &Method,
    within: impl Fn(&Ready<C>) -> bool,
) -> Option<usize> {
    rules
        .iter()
        .enumerate()
        .filter(|(_, rule)| rule.methods.is_empty() || rule.methods.contains(method))
        .filter(|(_, rule)| within(rule))
        .max_by_key(|(_, rule)| (rule.folded.len(), !rule.methods.is_empty()))
        .map(|(index, _)| index)
}

impl<C> Debug for Policy<C> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let rules = self.by_path.as_ref().map(|(_, rules)| rules.len());
        f.debug_struct("Policy")
            .field("rules", &rules)
            .field("otherwise", &self.otherwise)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;
    use crate::require::Requirements;

    /// Which rule decides, by the name of a requirement.
    fn decided(policy: &Policy<AccessClaims>, method: &str, target: &str) -> String {
        let question = Request::get("/verify")
            .header("x-original-method", method)
            .header("x-original-uri", target)
            .body(())
            .expect("a request");
        match policy.access(&question.into_parts().0) {
            Ok((_, access)) => format!("{access:?}"),
            Err(why) => why.code().to_owned(),
        }
    }

    fn role(name: &str) -> Access {
        Access::Caller(Requirements::new().role(name))
    }

    fn policy(rules: Vec<Rule>) -> Policy {
        Policy::by_path(Proxy::Nginx, rules, Access::Closed).expect("good rules")
    }

    /// These for administrators, all else for everybody.
    fn policy_of(paths: &[&str]) -> Policy {
        let rules = paths.iter().map(|path| Rule::new(*path, role("admin")));
        Policy::by_path(Proxy::Nginx, rules, Access::Public).expect("good rules")
    }

    #[test]
    fn the_longest_path_decides_and_then_the_method() {
        let policy = policy(vec![
            Rule::new("/shop", role("any")),
            Rule::new("/shop/orders", role("read")),
            Rule::new("/shop/orders", role("write")).methods([Method::POST, Method::PUT]),
            Rule::new("/shop/orders/public", Access::Public).methods([Method::GET]),
        ]);
        for (method, target, expected) in [
            ("GET", "/", "Closed"),
            ("GET", "/shopping", "Closed"),
            ("GET", "/shop", "any"),
            ("POST", "/shop/basket?x=/shop/orders", "any"),
            ("GET", "/shop/orders", "read"),
            ("DELETE", "/shop/orders/1", "read"),
            ("POST", "/shop/orders/", "write"),
            ("PUT", "/shop/orders/1", "write"),
            ("GET", "/shop/orders/public/1", "Public"),
            ("HEAD", "/shop/orders/public", "Public"),
            ("POST", "/shop/orders/public", "write"),
            ("DELETE", "/shop/orders/public", "read"),
        ] {
            let decided = decided(&policy, method, target);
            assert!(
                decided.contains(expected),
                "{method} {target}: {decided}, not {expected}"
            );
        }
    }

    /// Who frees reading, or the question that a browser asks first, does so on purpose.
    #[test]
    fn a_method_that_is_opened_by_its_name_is_open_below_as_well() {
        let policy = policy(vec![
            Rule::new("/", Access::Public).methods([Method::GET, Method::OPTIONS]),
            Rule::new("/orders", role("write")).methods([Method::POST]),
            Rule::new("/orders/all", role("any")),
        ]);
        for (method, target, expected) in [
            ("POST", "/orders", "write"),
            ("OPTIONS", "/orders", "Public"),
            ("HEAD", "/orders/1", "Public"),
            ("DELETE", "/orders", "Closed"),
            ("GET", "/orders/all", "any"),
            ("OPTIONS", "/orders/all", "any"),
        ] {
            let decided = decided(&policy, method, target);
            assert!(decided.contains(expected), "{method} {target}: {decided}");
        }
    }

    #[test]
    fn a_path_that_only_its_case_takes_from_a_rule_is_refused() {
        let policy = policy(vec![
            Rule::new("/", role("any")),
            Rule::new("/admin", role("admin")),
            Rule::new("/Public", Access::Public),
        ]);
        for target in ["/Admin", "/ADMIN/users", "/public", "/PUBLIC/x"] {
            assert_eq!(
                decided(&policy, "GET", target),
                "ambiguous_request",
                "{target}"
            );
        }
        // `ſ` is an `s`, `K` (Kelvin) a `k` to who folds as Unicode says.
        let letters = policy_of(&["/tasks", "/%CF%83", "/Stra%C3%9Fe"]);
        for target in [
            "/ta%C5%BFks",
            "/tas%E2%84%AAs",
            "/%CF%82",
            "/%CE%A3/x",
            "/STRASSE",
        ] {
            let decided = decided(&letters, "GET", target);
            assert_eq!(decided, "ambiguous_request", "{target}");
        }
        assert!(decided(&letters, "GET", "/%CF%83/x").contains("admin"));
        assert!(decided(&policy, "GET", "/admin/Users").contains("admin"));
        assert!(decided(&policy, "GET", "/Other").contains("any"));
    }

    #[test]
    fn rules_that_say_nothing_clear_are_no_rules() {
        let outcome = |rules: Vec<Rule>| Policy::by_path(Proxy::Nginx, rules, Access::Closed).err();
        for path in [
            "/admin/*",
            "/*",
            "/users/{id}/secrets",
            "/users/:id",
            "/users/<id>",
            "/users/[id]",
            "/a|/b",
            "/admin/.+",
            "/^admin",
            "/admin$",
        ] {
            let error = outcome(vec![Rule::new(path, Access::Public)]);
            let path = path.to_owned();
            assert_eq!(error, Some(PolicyError::Pattern { path }));
        }
        for path in [
            "/a/%2A",
            "/$metadata",
            "/a:b",
            "/c++",
            "/~ada",
            "/@ada",
            "/a(1)",
        ] {
            let error = outcome(vec![Rule::new(path, Access::Public)]);
            assert_eq!(error, None, "{path}");
        }
        for path in ["", "admin", "/a//b", "/a/../b", "/a?b", "/a%2fb", "/a;b"] {
            let error = outcome(vec![Rule::new(path, Access::Public)]);
            let path = path.to_owned();
            assert_eq!(error, Some(PolicyError::Path { path }));
        }
        let twice = |path: &str, method: &str| {
            let (path, method) = (path.to_owned(), method.to_owned());
            Some(PolicyError::Twice { path, method })
        };
        let rule = |path: &str| Rule::new(path, Access::Public);
        assert_eq!(
            outcome(vec![rule("/a"), rule("/A/")]),
            twice("/A/", "every method")
        );
        assert_eq!(
            outcome(vec![
                rule("/a").methods([Method::GET]),
                rule("/a").methods([Method::POST, Method::HEAD])
            ]),
            twice("/a", "HEAD")
        );
        let of = |method: &str| {
            let method = Method::from_bytes(method.as_bytes()).expect("a token");
            outcome(vec![rule("/a").methods([method])])
        };
        for method in ["get", "Get", "GTE", "DELTE", "FETCH"] {
            let error = PolicyError::Method {
                method: method.to_owned(),
            };
            assert_eq!(of(method), Some(error));
        }
        for method in ["GET", "PROPFIND", "VERSION-CONTROL", "PURGE"] {
            assert_eq!(of(method), None, "{method}");
        }
    }

    #[test]
    fn a_method_that_was_forgotten_is_not_open() {
        let get = |path: &str, access: Access| Rule::new(path, access).methods([Method::GET]);
        let all = |path: &str, access: Access| Rule::new(path, access);
        let (public, closed) = (|| Access::Public, || Access::Closed);
        let token = || Access::Caller(Requirements::new());
        let open = |path: &str| {
            let path = path.to_owned();
            Some(PolicyError::OpenElse { path })
        };
        for (rules, otherwise, error) in [
            (
                vec![get("/admin/", role("admin"))],
                public(),
                open("/admin/"),
            ),
            (
                vec![get("/admin", token())],
                Access::Optional,
                open("/admin"),
            ),
            (vec![get("/admin", closed())], public(), open("/admin")),
            (
                vec![all("/", public()), get("/Admin", token())],
                token(),
                open("/Admin"),
            ),
            (
                vec![
                    all("/a", public()),
                    all("/A/b", token()),
                    get("/a/b/c", role("x")),
                ],
                public(),
                None,
            ),
            (
                vec![
                    all("/a", token()),
                    all("/a/b", Access::Optional),
                    get("/a/b/c", role("x")),
                ],
                closed(),
                open("/a/b/c"),
            ),
            // Said at the very path, whatever it is.
            (
                vec![get("/a", role("x")), all("/A", public())],
                public(),
                None,
            ),
            // What is opened on purpose leaves nothing open besides.
            (vec![get("/a", public())], public(), None),
            (
                vec![get("/", public()), get("/a", role("x"))],
                token(),
                None,
            ),
            (vec![get("/a", role("x"))], token(), None),
            (vec![get("/a", role("x"))], closed(), None),
        ] {
            let said = format!("{rules:?} and {otherwise:?}");
            let outcome = Policy::by_path(Proxy::Nginx, rules, otherwise);
            assert_eq!(outcome.err(), error, "{said}");
        }
    }
}
