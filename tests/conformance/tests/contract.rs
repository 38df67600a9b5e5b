//! A server held against its own `/openapi.json` by schemathesis, which sends what the description
//! allows and what it does not, and looks at every answer: status, type, headers and body as
//! described, bad data and other methods refused, nothing open that is said to be closed, and never
//! a failure of the server's own.
//!
//! Which check is left out where, and why, stands in `schemathesis/schemathesis.toml`.

use std::path::Path;
use std::process::Command;

use countersign_conformance::{Server, foreign};
use countersign_wire::paths;
use countersign_witness::Keep;

const PASSWORD: &str = "correct horse battery staple";
/// For each route, in each way of making them up.
const EXAMPLES: &str = "20";

#[tokio::test]
async fn the_server_does_what_its_description_says() {
    // Those who guess come from elsewhere, as this proxy says.
    let mut server = Server::with(["--trusted-proxy", "127.0.0.1/32"]);
    let user = |name: &str, more: &[&str]| {
        let add = ["user", "add", name, "--password-stdin"];
        let arguments = add.into_iter().chain(more.iter().copied());
        server
            .command(arguments)
            .input(format!("{PASSWORD}\n"))
            .succeed();
    };
    user("ada", &["--role", "admin", "--scope", "read"]);
    user("bob", &[]);
    let client = |id: &str| {
        let add = ["client", "add", id, "--scope", "read"];
        let grants = ["--grant", "client_credentials", "--grant", "refresh_token"];
        let arguments = add.into_iter().chain(grants);
        server.command(arguments).succeed().trim().to_owned()
    };
    let secret = client("service");
    client("other");
    server.start().await;

    let settings = "schemathesis/schemathesis.toml";
    let settings = Path::new(env!("CARGO_MANIFEST_DIR")).join(settings);
    let program = foreign::python().with_file_name("schemathesis");
    let description = format!("{}{}", server.url(), paths::OPENAPI);
    let run = Command::new(program)
        .arg("--config-file")
        .arg(settings)
        .args(["--no-color", "run", &description, "-n", EXAMPLES])
        // What it keeps between runs is not kept: one run is like another.
        .args(["--generation-database", "none"])
        .current_dir(server.folder())
        .env("PASSWORD", PASSWORD)
        .env("SECRET", secret)
        .run()
        .expect("`cargo xtask test foreign` installs what is needed");
    let said = String::from_utf8_lossy(&run.stdout);
    println!("{said}{}", String::from_utf8_lossy(&run.stderr));
    assert!(run.status.success(), "what it found is above");
    // It has been everywhere, as somebody who may.
    assert!(
        said.contains("selected") && said.contains(" passed"),
        "{said}"
    );
}
