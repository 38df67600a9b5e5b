//! What is asked of which request.
//!
//! Rules name a path and all that lies below it, and may name methods. The longest path decides,
//! and for one path a rule that names the method comes before one that names none. What no rule
//! names is asked what the policy says for everything else.

use std::fmt::{self, Debug, Formatter};

use countersign::AccessClaims;
use http::Method;
use http::request::Parts;
use thiserror::Error;

use super::disguise;
use super::methods::is_known;
use super::path::PlainPath;
use super::proxy::{Original, Proxy};
use crate::refusal::Why;
use crate::require::Requirements;

/// What a request must bring.
pub enum Access<C = AccessClaims> {
    /// Nothing. A token is not looked at, and whoever sent it is nobody to the service behind.
    Public,
    /// Nothing; but a token that is there must be good, and its bearer is told to the service.
    Optional,
    /// A good token of a caller who meets these requirements.
    Caller(Requirements<C>),
    /// Nobody may.
    Closed,
}

/// One rule of a [`Policy`].
pub struct Rule<C = AccessClaims> {
    path: String,
    methods: Vec<Method>,
    access: Access<C>,
}

impl<C> Rule<C> {
    /// For this path and all below it, in whole segments; `/` is everything. It is taken as it
    /// stands: what looks like a pattern (`/admin/*`, `/users/{id}`) is no path, which
    /// [`Policy::by_path`] says.
    pub fn new(path: impl Into<String>, access: Access<C>) -> Self {
        Self {
            path: path.into(),
            methods: Vec::new(),
            access,
        }
    }

    /// Only for these methods; `GET` is `HEAD` as well. May be called several times.
    #[must_use]
    pub fn methods(mut self, methods: impl IntoIterator<Item = Method>) -> Self {
        self.methods.extend(methods);
        self
    }
}

/// What is asked of which request.
pub struct Policy<C = AccessClaims> {
    by_path: Option<(Proxy, Vec<Ready<C>>)>,
    otherwise: Access<C>,
}

/// A rule, checked.
struct Ready<C> {
    path: PlainPath,
    folded: PlainPath,
    /// None of them: every method.
    methods: Vec<Method>,
    access: Access<C>,
}

/// Why rules are none.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// The path can be read in more than one way.
    #[error(
        "'{path}' is not a plain path: it must begin with '/', and hold no '.' or '..' segments, no \
         doubled slashes, and neither ';', '\\', '?', '#' nor encoded forms of them or of '/' and '%'"
    )]
    Path {
        /// As it was given.
        path: String,
    },
    /// The path has what other software takes for a pattern. Taken as it stands, it would hold of no
    /// request, and what it was to protect would be open.
    #[error(
        "'{path}' looks like a pattern, and a rule's path is taken as it stands: it covers all below \
         it already, so name it up to where the pattern begins; a character that really is in the \
         path is written percent-encoded, '*' as %2A"
    )]
    Pattern {
        /// As it was given.
        path: String,
    },
    /// Two rules are for the same requests, at most told apart by upper and lower case.
    #[error(
        "two rules are for {method} at '{path}' (upper and lower case do not tell paths apart)"
    )]
    Twice {
        /// As the second of them has it.
        path: String,
        /// A method that both of them name, or every method.
        method: String,
    },
    /// The method is none that is registered (RFC 9110 §16.1.1), or not in capitals.
    #[error(
        "'{method}' is not a method of HTTP that is registered: they are written in capitals, such as \
         GET; a rule without methods is for all of them"
    )]
    Method {
        /// As it was given.
        method: String,
    },
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
    /// or two rules are for the same requests.
    pub fn by_path(
        proxy: Proxy,
        rules: impl IntoIterator<Item = Rule<C>>,
        otherwise: Access<C>,
    ) -> Result<Self, PolicyError> {
        let mut ready = Vec::<Ready<C>>::new();
        for rule in rules {
            let text = rule.path.clone();
            let rule = Ready::check(rule)?;
            if let Some(method) = ready.iter().find_map(|other| rule.clashes(other)) {
                return Err(PolicyError::Twice { path: text, method });
            }
            ready.push(rule);
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

impl<C> Ready<C> {
    fn check(rule: Rule<C>) -> Result<Self, PolicyError> {
        let Rule {
            path,
            mut methods,
            access,
        } = rule;
        if is_pattern(&path) {
            return Err(PolicyError::Pattern { path });
        }
        if let Some(method) = methods.iter().find(|method| !is_known(method)) {
            let method = method.to_string();
            return Err(PolicyError::Method { method });
        }
        // HEAD is GET without the content (RFC 9110 §9.3.2).
        if methods.contains(&Method::GET) && !methods.contains(&Method::HEAD) {
            methods.push(Method::HEAD);
        }
        match PlainPath::parse(&path) {
            Ok(plain) => Ok(Self {
                folded: plain.folded(),
                path: plain,
                methods,
                access,
            }),
            Err(_) => Err(PolicyError::Path { path }),
        }
    }

    /// A method for which both would decide.
    fn clashes(&self, other: &Self) -> Option<String> {
        if self.folded != other.folded || self.methods.is_empty() != other.methods.is_empty() {
            return None;
        }
        if self.methods.is_empty() {
            return Some("every method".to_owned());
        }
        let common = |method: &&Method| other.methods.contains(method);
        self.methods.iter().find(common).map(Method::to_string)
    }
}

/// Whether somebody means more by it than it says: wildcards, regular expressions, parameters as
/// frameworks write them (`{id}`, `<id>`, `[id]`, `:id`).
fn is_pattern(path: &str) -> bool {
    path.contains(['*', '{', '}', '<', '>', '[', ']', '|', '^'])
        || path.contains(".+")
        || path.ends_with('$')
        || path.split('/').any(|segment| segment.starts_with(':'))
}

impl<C> Debug for Access<C> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Public => f.write_str("Public"),
            Self::Optional => f.write_str("Optional"),
            Self::Caller(requirements) => f.debug_tuple("Caller").field(requirements).finish(),
            Self::Closed => f.write_str("Closed"),
        }
    }
}

impl<C> Debug for Rule<C> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rule")
            .field("path", &self.path)
            .field("methods", &self.methods)
            .field("access", &self.access)
            .finish()
    }
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
}
