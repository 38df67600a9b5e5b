//! What a route asks of a caller beyond a good token.

use std::fmt::{self, Debug, Formatter};
use std::sync::Arc;

use countersign::AccessClaims;

use crate::caller::Caller;
use crate::refusal::Why;

/// Scopes, roles and rules of the application's own; all of them must be met.
///
/// ```
/// use countersign_guard::Requirements;
///
/// let requirements = Requirements::<countersign::AccessClaims>::new()
///     .scope("orders:write")
///     .any_role(["clerk", "admin"])
///     .rule("a verified name", |caller| caller.username().is_some());
/// ```
pub struct Requirements<C = AccessClaims> {
    all: Vec<Arc<Requirement<C>>>,
}

enum Requirement<C> {
    AnyScope(Arc<[Box<str>]>),
    AnyRole(Arc<[Box<str>]>),
    Rule { name: Arc<str>, holds: Rule<C> },
}

type Rule<C> = Box<dyn Fn(&Caller<C>) -> bool + Send + Sync>;

impl<C> Requirements<C> {
    /// A good token is enough.
    pub fn new() -> Self {
        Self { all: Vec::new() }
    }

    /// The scope must contain this word.
    #[must_use]
    pub fn scope(self, scope: &str) -> Self {
        self.any_scope([scope])
    }

    /// The scope must contain at least one of these words.
    #[must_use]
    pub fn any_scope(self, scopes: impl IntoIterator<Item = impl Into<Box<str>>>) -> Self {
        self.and(Requirement::AnyScope(
            scopes.into_iter().map(Into::into).collect(),
        ))
    }

    /// The caller must have this role.
    #[must_use]
    pub fn role(self, role: &str) -> Self {
        self.any_role([role])
    }

    /// The caller must have at least one of these roles.
    #[must_use]
    pub fn any_role(self, roles: impl IntoIterator<Item = impl Into<Box<str>>>) -> Self {
        self.and(Requirement::AnyRole(
            roles.into_iter().map(Into::into).collect(),
        ))
    }

    /// The application's own rule; the refusal tells its name.
    #[must_use]
    pub fn rule(
        self,
        name: &str,
        holds: impl Fn(&Caller<C>) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.and(Requirement::Rule {
            name: name.into(),
            holds: Box::new(holds),
        })
    }

    pub(crate) fn check(&self, caller: &Caller<C>) -> Result<(), Why> {
        self.all
            .iter()
            .try_for_each(|requirement| requirement.check(caller))
    }

    pub(crate) fn and_all(mut self, mut others: Self) -> Self {
        self.all.append(&mut others.all);
        self
    }

    fn and(mut self, requirement: Requirement<C>) -> Self {
        self.all.push(Arc::new(requirement));
        self
    }
}

impl<C> Requirement<C> {
    fn check(&self, caller: &Caller<C>) -> Result<(), Why> {
        match self {
            Self::AnyScope(scopes) if !scopes.iter().any(|scope| caller.has_scope(scope)) => {
                Err(Why::MissingScope(Arc::clone(scopes)))
            }
            Self::AnyRole(roles) if !roles.iter().any(|role| caller.has_role(role)) => {
                Err(Why::MissingRole(Arc::clone(roles)))
            }
            Self::Rule { name, holds } if !holds(caller) => Err(Why::Denied(Arc::clone(name))),
            Self::AnyScope(_) | Self::AnyRole(_) | Self::Rule { .. } => Ok(()),
        }
    }
}

impl<C> Default for Requirements<C> {
    fn default() -> Self {
        Self::new()
    }
}

impl<C> Clone for Requirements<C> {
    fn clone(&self) -> Self {
        Self {
            all: self.all.clone(),
        }
    }
}

impl<C> Debug for Requirements<C> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let names = self.all.iter().map(|requirement| match &**requirement {
            Requirement::AnyScope(scopes) => format!("scope {}", scopes.join(" or ")),
            Requirement::AnyRole(roles) => format!("role {}", roles.join(" or ")),
            Requirement::Rule { name, .. } => format!("rule {name}"),
        });
        f.debug_list().entries(names).finish()
    }
}
