//! `cargo xtask package`: the Debian package, from the release binary.
//!
//! The folder `packaging/` holds what is written by hand; the man pages and completions are printed
//! by the binary itself, so they cannot say other than it does. What comes out is looked at before
//! it is called done: unpacked, run, and its unit read by systemd.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::command::Call;
use crate::debian;
use crate::failure::Failure;
use crate::options::Options;
use crate::tally::Tally;
use crate::tests;
use crate::workspace::Workspace;

/// Above this, `systemd-analyze security` finds the unit too open. Tenths; 0 is shut, 100 is open.
const EXPOSURE: u32 = 20;

/// Builds the binary as it is shipped, and the package around it.
pub(crate) fn release(workspace: &Workspace) -> Result<(), Failure> {
    tests::command(workspace)?;
    let package = build(workspace, &tests::binary(workspace))?;
    inspect(workspace, &package)?;
    println!("{}", package.display());
    Ok(())
}

/// The same as a step of the tests.
pub(crate) fn check(workspace: &Workspace, _: Options, _: &mut Tally) -> Result<(), Failure> {
    if !Call::new("dpkg-deb", ["--version"]).succeeds() {
        println!("!! NOT CHECKED: this is no Debian, there is no dpkg-deb to make a package with");
        return Ok(());
    }
    release(workspace)
}

fn build(workspace: &Workspace, binary: &Path) -> Result<PathBuf, Failure> {
    let folder = workspace.target.join("package");
    let tree = folder.join("tree");
    let _ = fs::remove_dir_all(&tree);
    let written = workspace.root.join("packaging");

    let program = tree.join("usr/bin/countersign");
    put(binary, &program, 0o755)?;
    Call::new("strip", [&program]).run()?;
    put(
        &written.join("systemd/countersign.service"),
        &tree.join("lib/systemd/system/countersign.service"),
        0o644,
    )?;
    for (file, mode) in [("countersign.toml", 0o644), ("countersign.env", 0o640)] {
        let place = tree.join("etc/countersign").join(file);
        put(&written.join("debian").join(file), &place, mode)?;
    }
    documents(workspace, &program, &tree)?;
    control(workspace, &written.join("debian"), &program, &tree)?;

    let package = folder.join(format!(
        "countersign_{}_{}.deb",
        version(workspace)?,
        architecture()?
    ));
    Call::new("dpkg-deb", ["--build", "--root-owner-group"])
        .argument(&tree)
        .argument(&package)
        .run()?;
    Ok(package)
}

/// Man pages, completions, licences, changelog.
fn documents(workspace: &Workspace, program: &Path, tree: &Path) -> Result<(), Failure> {
    let pages = tree.join("usr/share/man/man1");
    made(fs::create_dir_all(&pages), &pages)?;
    Call::new(program, ["manual", "man"])
        .argument(&pages)
        .run()?;
    Call::new("gzip", ["-9n"])
        .arguments(listing(&pages)?)
        .run()?;
    for (shell, path) in [
        ("bash", "usr/share/bash-completion/completions/countersign"),
        ("zsh", "usr/share/zsh/vendor-completions/_countersign"),
        (
            "fish",
            "usr/share/fish/vendor_completions.d/countersign.fish",
        ),
    ] {
        let script = Call::new(program, ["completions", shell]).read()?;
        write(&tree.join(path), &script, 0o644)?;
    }
    let docs = tree.join("usr/share/doc/countersign");
    put(
        &workspace.root.join("CHANGELOG.md"),
        &docs.join("changelog"),
        0o644,
    )?;
    Call::new("gzip", ["-9n"])
        .argument(docs.join("changelog"))
        .run()?;
    let mut copyright = String::from(
        "Countersign is licensed under either of Apache-2.0 or MIT, at your option.\n\n",
    );
    for licence in ["LICENSE-MIT", "LICENSE-APACHE"] {
        let path = workspace.root.join(licence);
        copyright += &fs::read_to_string(&path).map_err(|error| unreadable(&path, &error))?;
        copyright.push('\n');
    }
    write(&docs.join("copyright"), &copyright, 0o644)
}

/// What dpkg reads, and the scripts that it runs.
fn control(
    workspace: &Workspace,
    written: &Path,
    program: &Path,
    tree: &Path,
) -> Result<(), Failure> {
    let folder = tree.join("DEBIAN");
    let text = format!(
        "Package: countersign\n\
         Version: {version}\n\
         Architecture: {architecture}\n\
         Maintainer: The Countersign maintainers <maintainers@countersign.invalid>\n\
         Depends: libc6 (>= {libc}), adduser\n\
         Recommends: ca-certificates\n\
         Section: net\n\
         Priority: optional\n\
         Homepage: https://github.com/countersign/countersign\n\
         Description: JWT authentication for APIs\n \
         A small auth server that signs users and services in and hands out short-lived access\n \
         tokens with rotating refresh tokens, a forward-auth guard for proxies, and a command line.\n",
        version = version(workspace)?,
        architecture = architecture()?,
        libc = newest_libc(program)?,
    );
    write(&folder.join("control"), &text, 0o644)?;
    write(
        &folder.join("conffiles"),
        "/etc/countersign/countersign.env\n/etc/countersign/countersign.toml\n",
        0o644,
    )?;
    for script in ["postinst", "prerm", "postrm"] {
        put(&written.join(script), &folder.join(script), 0o755)?;
    }
    Ok(())
}

/// Unpacks the package and uses what is in it.
fn inspect(workspace: &Workspace, package: &Path) -> Result<(), Failure> {
    let root = workspace.target.join("package/unpacked");
    let _ = fs::remove_dir_all(&root);
    Call::new("dpkg-deb", ["--extract"])
        .argument(package)
        .argument(&root)
        .run()?;
    let program = root.join("usr/bin/countersign");
    Call::new(&program, ["--version"]).run()?;
    shipped_settings_are_good(workspace, &program, &root)?;
    for script in ["postinst", "prerm", "postrm"] {
        let path = workspace.root.join("packaging/debian").join(script);
        Call::new("sh", ["-n"]).argument(path).run()?;
    }
    if !Call::new("systemd-analyze", ["--version"]).succeeds() {
        debian::install(&["systemd"], "read the unit as systemd does")?;
    }
    let unit = "lib/systemd/system/countersign.service";
    Call::new(
        "systemd-analyze",
        ["verify", "--man=no", "--recursive-errors=no"],
    )
    .argument(format!("--root={}", root.display()))
    .argument("countersign.service")
    .run()?;
    Call::new(
        "systemd-analyze",
        ["security", "--offline=yes", "--no-pager"],
    )
    .argument(format!("--threshold={EXPOSURE}"))
    .argument(root.join(unit))
    .read()
    .map(drop)
}

/// Looks at the shipped settings as `config check` does, with the folder of its database in the
/// unpacked tree.
fn shipped_settings_are_good(
    workspace: &Workspace,
    program: &Path,
    root: &Path,
) -> Result<(), Failure> {
    let file = root.join("etc/countersign/countersign.toml");
    let text = fs::read_to_string(&file).map_err(|error| unreadable(&file, &error))?;
    let folder = root.join("var/lib/countersign");
    made(fs::create_dir_all(&folder), &folder)?;
    let own = "sqlite:/var/lib/countersign/";
    if !text.contains(own) {
        return Err(Failure::new(
            "the shipped settings name no database in /var/lib/countersign",
        ));
    }
    let text = text.replace(own, &format!("sqlite:{}/", folder.display()));
    let copy = workspace.target.join("package/countersign.toml");
    write(&copy, text, 0o644)?;
    Call::new(program, ["config", "check"]).argument(copy).run()
}

/// The newest version of the C library that the program asks for.
fn newest_libc(program: &Path) -> Result<String, Failure> {
    let needs = Call::new("objdump", ["-p"]).argument(program).read()?;
    // Packed relocations came with 2.36, under a name of their own.
    let needs = needs.replace("GLIBC_ABI_DT_RELR", "GLIBC_2.36");
    needs
        .split(|byte: char| !(byte.is_ascii_alphanumeric() || matches!(byte, '_' | '.')))
        .filter_map(|word| word.strip_prefix("GLIBC_2."))
        .filter_map(|minor| minor.split('.').next()?.parse::<u32>().ok())
        .max()
        .map(|minor| format!("2.{minor}"))
        .ok_or_else(|| Failure::new("the binary names no version of the C library"))
}

fn version(workspace: &Workspace) -> Result<String, Failure> {
    Ok(workspace.package("countersign-cli")?.version.clone())
}

fn architecture() -> Result<String, Failure> {
    let name = Call::new("dpkg", ["--print-architecture"]).read()?;
    Ok(name.trim().to_owned())
}

fn listing(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let entries = fs::read_dir(folder).map_err(|error| unreadable(folder, &error))?;
    let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    Ok(paths)
}

fn put(from: &Path, to: &Path, mode: u32) -> Result<(), Failure> {
    let bytes = fs::read(from).map_err(|error| unreadable(from, &error))?;
    write(to, bytes, mode)
}

fn write(to: &Path, bytes: impl AsRef<[u8]>, mode: u32) -> Result<(), Failure> {
    if let Some(folder) = to.parent() {
        made(fs::create_dir_all(folder), folder)?;
    }
    made(fs::write(to, bytes), to)?;
    made(
        fs::set_permissions(to, fs::Permissions::from_mode(mode)),
        to,
    )
}

fn made(result: std::io::Result<()>, path: &Path) -> Result<(), Failure> {
    result.map_err(|error| Failure::new(format!("cannot write {}: {error}", path.display())))
}

fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(format!("cannot read {}: {error}", path.display()))
}
