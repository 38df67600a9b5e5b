//! Files of an installation that others can read: said, for nobody would notice. A master key that is
//! so is refused; a database was perhaps opened to a group for its backups.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::config::{Config, Database};
use crate::place::beside;

/// A file that more people can read than should.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exposed {
    path: PathBuf,
    mode: u32,
    /// What takes the rights away that are too many.
    mend: &'static str,
}

impl fmt::Display for Exposed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, mode, mend } = self;
        let path = path.display();
        write!(
            f,
            "{path} can be read by others (mode {mode:03o}); run: {mend} {path}"
        )
    }
}

/// The database, which holds password hashes, and the TLS key. A group of its own for the latter is
/// usual.
pub(crate) fn exposed(config: &Config) -> Vec<Exposed> {
    let database = match &config.database {
        Database::Sqlite(path) => ["", "-wal", "-shm"].map(|end| beside(path, end)).to_vec(),
        Database::Postgres(_) => Vec::new(),
    };
    let database = database
        .into_iter()
        .filter_map(|path| look(path, 0o077, "chmod go="));
    let key = config.tls.iter().map(|tls| tls.key.clone());
    let key = key.filter_map(|path| look(path, 0o007, "chmod o="));
    database.chain(key).collect()
}

fn look(path: PathBuf, too_many: u32, mend: &'static str) -> Option<Exposed> {
    let mode = mode(&path)?;
    (mode & too_many != 0).then_some(Exposed { path, mode, mend })
}

#[cfg(unix)]
fn mode(path: &Path) -> Option<u32> {
    use std::os::unix::fs::PermissionsExt;
    let file = std::fs::metadata(path).ok()?;
    // A folder named by mistake may be anybody's, and is refused for what it is.
    file.is_file().then(|| file.permissions().mode() & 0o777)
}

#[cfg(not(unix))]
fn mode(_path: &Path) -> Option<u32> {
    None
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::config::TlsFiles;

    #[test]
    fn what_others_can_read_is_named_with_what_mends_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        let file = |name: &str, mode| {
            fs::write(at(name), "").expect("a file");
            fs::set_permissions(at(name), fs::Permissions::from_mode(mode)).expect("ours");
        };
        let config = Config {
            database: Database::Sqlite(at("a.db")),
            tls: Some(TlsFiles {
                certificate: at("cert.pem"),
                key: at("key.pem"),
                strict_transport: None,
            }),
            ..Config::default()
        };
        assert_eq!(exposed(&config), [], "nothing is there");
        file("a.db", 0o600);
        file("cert.pem", 0o644);
        file("key.pem", 0o640);
        assert_eq!(exposed(&config), []);
        file("a.db", 0o644);
        file("a.db-wal", 0o660);
        file("key.pem", 0o644);
        let said: Vec<_> = exposed(&config).iter().map(Exposed::to_string).collect();
        let here = folder.path().display();
        let expected = [
            format!("(mode 644); run: chmod go= {here}/a.db"),
            format!("(mode 660); run: chmod go= {here}/a.db-wal"),
            format!("(mode 644); run: chmod o= {here}/key.pem"),
        ];
        let folder = Config {
            database: Database::Sqlite("/tmp".into()),
            ..Config::default()
        };
        assert_eq!(exposed(&folder), [], "a folder is to be shared");
        assert_eq!(said.len(), expected.len(), "{said:?}");
        for (said, expected) in said.iter().zip(expected) {
            assert!(said.ends_with(&expected), "{said}");
        }
    }
}
