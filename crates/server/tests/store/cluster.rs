//! A PostgreSQL server of our own, from the installed binaries, in a temporary folder.
//!
//! It listens on a Unix socket in that folder and nowhere else. A shell stands between it and the
//! tests: when the test process ends, however it ends, the shell's input does too, and the shell
//! stops the server and removes the folder. No server is left behind by a test that was killed.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use countersign_witness::{Keep, Started};
use tempfile::TempDir;
use tokio_postgres::{Client, NoTls};

/// Set to `1` where there is no PostgreSQL and none is wanted.
const SKIP: &str = "COUNTERSIGN_SKIP_POSTGRES";
/// How long a server may take to come up, on a machine that does other things as well.
const PATIENCE: Duration = Duration::from_secs(60);

/// The server that this test process shares, or none if it is to be done without.
pub(crate) fn shared() -> Option<&'static Cluster> {
    static SHARED: LazyLock<Option<Cluster>> = LazyLock::new(Cluster::start);
    SHARED.as_ref()
}

pub(crate) struct Cluster {
    folder: TempDir,
    owner: Option<Owner>,
    binaries: PathBuf,
    port: u16,
    settings: Vec<String>,
    running: Option<Started>,
}

impl Cluster {
    /// Makes a server and starts it. None if the environment says to do without.
    pub(crate) fn start() -> Option<Self> {
        let mut cluster = Self::make()?;
        cluster.run();
        Some(cluster)
    }

    /// Makes one that also listens on this port of `localhost`, with TLS and passwords only.
    pub(crate) fn start_with_tls(port: u16, certificate: &str, key: &str) -> Option<Self> {
        let mut cluster = Self::make()?;
        let rules = "local all all trust\nhostssl all all all scram-sha-256\n";
        for (name, text) in [
            ("server.pem", certificate),
            ("server.key", key),
            ("hba", rules),
        ] {
            let path = cluster.folder.path().join(name);
            fs::write(&path, text).expect("a file");
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("its owner's");
            if let Some(owner) = &cluster.owner {
                chown(&path, Some(owner.uid), Some(owner.gid)).expect("root may give it away");
            }
            let setting = match name {
                "server.pem" => "ssl_cert_file",
                "server.key" => "ssl_key_file",
                _ => "hba_file",
            };
            cluster
                .settings
                .push(format!("{setting}={}", path.display()));
        }
        cluster
            .settings
            .push("listen_addresses=localhost".to_owned());
        cluster.settings.push(format!("port={port}"));
        cluster.settings.push("ssl=on".to_owned());
        cluster.port = port;
        cluster.run();
        Some(cluster)
    }

    fn make() -> Option<Self> {
        let Some(binaries) = binaries() else {
            assert!(
                std::env::var(SKIP).is_ok_and(|skip| skip == "1"),
                "no PostgreSQL found: the store is tested on both engines. Install it (Debian: \
                 apt-get install postgresql), or set {SKIP}=1 to test SQLite alone"
            );
            // Straight to the terminal: what is printed by a test that passes is not shown.
            let loud = "SKIPPED: no PostgreSQL is installed, so only half of this was tested";
            writeln!(std::io::stderr(), "{loud} ({SKIP}=1)").expect("somebody listens");
            if let Some(mut log) = countersign_witness::log("skipped") {
                writeln!(log, "{loud}").expect("its words are kept");
            }
            return None;
        };
        let folder = tempfile::tempdir().expect("a temporary folder");
        let owner = Owner::when_root();
        if let Some(owner) = &owner {
            chown(folder.path(), Some(owner.uid), Some(owner.gid)).expect("root may give it away");
        }
        copy(
            &template(&binaries, owner.as_ref()),
            &folder.path().join("data"),
        );
        let settings = Vec::new();
        Some(Self {
            folder,
            owner,
            binaries,
            port: 5432,
            settings,
            running: None,
        })
    }

    /// Starts the server again.
    pub(crate) fn run(&mut self) {
        let (folder, data) = (self.folder.path(), self.folder.path().join("data"));
        let log = fs::File::create(folder.join("log")).expect("a log");
        let script = r#"
            cd "$1" && shift
            "$@" & server=$!
            read -r forever
            kill -QUIT $server
            wait $server
            test -e keep || rm -rf "$PWD""#;
        let mut shell = command(self.owner.as_ref(), Path::new("/bin/sh"));
        shell
            .args(["-c", script, "sh"])
            .arg(folder)
            .arg(self.binaries.join("postgres"));
        shell.arg("-D").arg(data).arg("-k").arg(folder);
        // Nothing here has to outlive a power cut, and a test wants little of everything.
        for setting in [
            "listen_addresses=",
            "fsync=off",
            "max_connections=200",
            "shared_buffers=32MB",
            "autovacuum=off",
        ] {
            shell.args(["-c", setting]);
        }
        for setting in &self.settings {
            shell.args(["-c", setting]);
        }
        shell
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(log);
        self.running = Some(shell.start().expect("a shell"));
    }

    /// Stops the server and keeps its data: connections break, and no new ones are made.
    pub(crate) fn stop(&mut self) {
        let keep = self.folder.path().join("keep");
        fs::write(&keep, "").expect("a mark");
        if let Some(mut shell) = self.running.take() {
            drop(shell.stdin.take());
            shell.wait().expect("the shell ends");
        }
        fs::remove_file(keep).expect("the mark");
    }

    /// The URL of a database of this server.
    pub(crate) fn url(&self, database: &str) -> String {
        let socket = self.folder.path().display().to_string().replace('/', "%2F");
        format!("postgres://countersign@{socket}:{}/{database}", self.port)
    }

    /// The file of the server's socket.
    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.path().join(format!(".s.PGSQL.{}", self.port))
    }

    /// The URL of a new, empty database.
    pub(crate) async fn new_database(&self) -> String {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let name = format!("test_{}", MADE.fetch_add(1, Ordering::Relaxed));
        let admin = self.admin("postgres").await;
        admin
            .batch_execute(&format!("CREATE DATABASE {name}"))
            .await
            .expect("a new database");
        self.url(&name)
    }

    /// A connection of the test's own, once the server answers.
    pub(crate) async fn admin(&self, database: &str) -> Client {
        connect(&self.url(database)).await
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if let Some(mut shell) = self.running.take() {
            drop(shell.stdin.take());
            // The folder goes with the server; what is left of it goes after.
            let _ = shell.wait();
        }
    }
}

/// A plain connection to `url`, which may just be coming up.
pub(crate) async fn connect(url: &str) -> Client {
    let started = Instant::now();
    loop {
        match tokio_postgres::connect(url, NoTls).await {
            Ok((client, connection)) => {
                tokio::spawn(connection);
                return client;
            }
            Err(error) => assert!(started.elapsed() < PATIENCE, "no PostgreSQL: {error:?}"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Who runs the server: it refuses to be run by root.
struct Owner {
    name: &'static str,
    uid: u32,
    gid: u32,
}

impl Owner {
    fn when_root() -> Option<Self> {
        if !rustix::process::geteuid().is_root() {
            return None;
        }
        let id = |flag: &str, name: &str| {
            let output = Command::new("id").args([flag, name]).run().ok()?;
            String::from_utf8(output.stdout).ok()?.trim().parse().ok()
        };
        let owner = ["postgres", "nobody"].into_iter().find_map(|name| {
            Some(Self {
                name,
                uid: id("-u", name)?,
                gid: id("-g", name)?,
            })
        });
        Some(owner.expect("a user to run PostgreSQL as: it refuses root"))
    }
}

fn command(owner: Option<&Owner>, program: &Path) -> Command {
    let Some(owner) = owner else {
        return Command::new(program);
    };
    let mut command = Command::new("setpriv");
    command
        .arg(format!("--reuid={}", owner.name))
        .arg(format!("--regid={}", owner.gid));
    command.arg("--clear-groups").arg("--").arg(program);
    command
}

/// The folder with `postgres` and `initdb`: on the path, or where Debian keeps them.
fn binaries() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    if let Ok(versions) = fs::read_dir("/usr/lib/postgresql") {
        folders.extend(versions.flatten().map(|version| version.path().join("bin")));
    }
    folders.into_iter().find(|folder| {
        ["postgres", "initdb"]
            .iter()
            .all(|program| folder.join(program).is_file())
    })
}

/// A fresh data folder, made once and copied for each server: making one takes seconds.
fn template(binaries: &Path, owner: Option<&Owner>) -> PathBuf {
    let version = Command::new(binaries.join("postgres"))
        .arg("--version")
        .run();
    let version = String::from_utf8(version.expect("postgres runs").stdout).expect("a version");
    let name: String = version
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .collect();
    let owned_by = owner.map_or("self", |owner| owner.name);
    let place = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let template = place.join(format!("{name}-{owned_by}"));
    if template.exists() {
        return template;
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    if let Some(owner) = owner {
        chown(folder.path(), Some(owner.uid), Some(owner.gid)).expect("root may give it away");
    }
    let made = folder.path().join("data");
    let mut initdb = command(owner, &binaries.join("initdb"));
    initdb.args([
        "--auth=trust",
        "--username=countersign",
        "--encoding=UTF8",
        "--locale=C",
    ]);
    initdb
        .args(["--no-sync", "--wal-segsize=1", "-D"])
        .arg(&made)
        .current_dir("/");
    let output = initdb.run().expect("initdb runs");
    assert!(
        output.status.success(),
        "initdb: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    // Several test processes may make it at once: each copies its own, and one name is as good as
    // the other.
    let staged = tempfile::tempdir_in(place)
        .expect("a folder beside it")
        .keep();
    copy(&made, &staged.join("data"));
    if fs::rename(staged.join("data"), &template).is_err() {
        assert!(template.exists(), "{} cannot be made", template.display());
    }
    fs::remove_dir_all(staged).expect("the folder beside it");
    template
}

fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-a").arg(from).arg(to).run();
    assert!(
        copied.expect("cp runs").status.success(),
        "{} cannot be copied",
        from.display()
    );
    fs::set_permissions(to, fs::Permissions::from_mode(0o700)).expect("its owner's alone");
}
