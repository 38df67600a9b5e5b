//! Cargo, as every step calls it.

use std::ffi::OsStr;

use crate::command::Call;
use crate::workspace::Workspace;

/// Cargo, in the workspace's root.
pub(crate) fn cargo<S: AsRef<OsStr>>(
    workspace: &Workspace,
    arguments: impl IntoIterator<Item = S>,
) -> Call {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut call = Call::new(program, arguments).within(&workspace.root);
    // Cargo told us about our own package; what it builds next must not take that for its own.
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| {
            name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")
        }) {
            call = call.without(&name);
        }
    }
    call
}
