//! `countersign user`: who may sign in.

use std::io::{self, IsTerminal};

use clap::{Args, Subcommand};
use countersign::UnixTime;
use countersign_issuer::record::User;
use countersign_issuer::{Password, PasswordParameters};
use countersign_server::store::UserChange;
use countersign_server::{Config, Directory, Rights};
use serde::Serialize;

use super::database::{DatabaseArgs, FirstUse};
use super::import::{self, ImportArgs};
use super::password::PasswordCost;
use super::prompt;
use crate::failure::Failure;
use crate::output;
use crate::printable::printable;

/// Add, list and change users. Works beside a running server: it notices within a moment.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  countersign user add ada --role admin
  pass show ada | countersign user passwd ada --password-stdin
  countersign user disable ada
  countersign user delete ada
  countersign user import users.csv
  countersign user list --json | jq -r '.[].username'")]
pub(crate) struct UserArgs {
    #[command(subcommand)]
    command: UserCommand,
}

#[derive(Debug, Subcommand)]
enum UserCommand {
    /// Add a user; the password is asked for
    Add {
        /// The name to sign in with; upper and lower case are the same
        name: String,
        /// A role for the `roles` claim; may be given several times
        #[arg(long = "role", value_name = "ROLE")]
        roles: Vec<String>,
        /// A scope the user's tokens may have; may be given several times
        #[arg(long = "scope", value_name = "SCOPE")]
        scopes: Vec<String>,
        #[command(flatten)]
        password: PasswordArgs,
        #[command(flatten)]
        common: Common,
    },
    /// Give a user other roles, or another scope; if something is taken away, every session ends
    Change(ChangeArgs),
    /// List the users
    List {
        #[command(flatten)]
        common: Common,
    },
    /// Show a user
    Show {
        /// Whom
        name: String,
        #[command(flatten)]
        common: Common,
    },
    /// Give a user another password and end every session of theirs
    Passwd {
        /// Whose password
        name: String,
        #[command(flatten)]
        password: PasswordArgs,
        #[command(flatten)]
        common: Common,
    },
    /// Keep a user out: no sign-in, no refresh, every session ended
    Disable {
        /// Whom
        name: String,
        #[command(flatten)]
        common: Common,
    },
    /// Let a disabled user sign in again
    Enable {
        /// Whom
        name: String,
        #[command(flatten)]
        common: Common,
    },
    /// Delete a user and every session of theirs; another one may have the name then
    Delete {
        /// Whom
        name: String,
        /// Do not ask whether it is meant
        #[arg(long)]
        yes: bool,
        #[command(flatten)]
        common: Common,
    },
    /// Take users over from another system, with the password hashes they have there
    ///
    /// Hashes of Werkzeug, Django, bcrypt, and PHC strings of Argon2 and scrypt are checked as they
    /// are, and replaced by one of ours at the next sign-in. A bad line is reported with its number
    /// and the rest goes on. Run again, the command passes over what is there.
    Import(ImportArgs),
}

#[derive(Debug, Args)]
struct ChangeArgs {
    /// Whom
    name: String,
    /// A role, instead of those there are; may be given several times
    #[arg(long = "role", value_name = "ROLE", conflicts_with = "no_roles")]
    roles: Vec<String>,
    /// No role at all
    #[arg(long)]
    no_roles: bool,
    /// A scope, instead of those there are; may be given several times
    #[arg(long = "scope", value_name = "SCOPE", conflicts_with = "no_scope")]
    scopes: Vec<String>,
    /// No scope at all
    #[arg(long)]
    no_scope: bool,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Args)]
struct PasswordArgs {
    /// Read the password from standard input instead of asking for it
    #[arg(long)]
    password_stdin: bool,
    #[command(flatten)]
    cost: PasswordCost,
}

#[derive(Debug, Args)]
struct Common {
    #[command(flatten)]
    database: DatabaseArgs,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: UserArgs) -> Result<(), Failure> {
    super::run_async(change(args.command))
}

async fn change(command: UserCommand) -> Result<(), Failure> {
    match command {
        UserCommand::Add {
            name,
            roles,
            scopes,
            password,
            common,
        } => {
            // Asked for first: a database that is not there yet is not made for a cancelled prompt.
            let cost = password.cost.parameters()?;
            let password = password.read(&format!("Password for {name}"))?;
            let directory = common.open_or_make(cost).await?;
            let user = directory
                .add(
                    &name,
                    password,
                    Rights {
                        roles,
                        scope: scopes.join(" "),
                    },
                )
                .await
                .map_err(Failure::failed)?;
            directory.close().await;
            common.say(&Row::from(&user), &format!("added {}", user.username))
        }
        UserCommand::Change(args) => args.run().await,
        UserCommand::List { common } => list(&common).await,
        UserCommand::Passwd {
            name,
            password,
            common,
        } => {
            let cost = password.cost.parameters()?;
            common.database.existing()?;
            let password = password.read(&format!("New password for {name}"))?;
            let directory = common.open_at(cost).await?;
            let ended = directory
                .set_password(&name, password)
                .await
                .map_err(Failure::failed)?;
            directory.close().await;
            common.say(
                &Changed {
                    username: &name,
                    sessions_ended: ended,
                },
                &format!("changed the password of {name}, {}", ended_words(ended)),
            )
        }
        UserCommand::Disable { name, common } => {
            let directory = common.open().await?;
            let ended = directory.disable(&name).await.map_err(Failure::failed)?;
            directory.close().await;
            common.say(
                &Changed {
                    username: &name,
                    sessions_ended: ended,
                },
                &format!("disabled {name}, {}", ended_words(ended)),
            )
        }
        UserCommand::Enable { name, common } => {
            let directory = common.open().await?;
            directory.enable(&name).await.map_err(Failure::failed)?;
            directory.close().await;
            common.say(
                &Changed {
                    username: &name,
                    sessions_ended: 0,
                },
                &format!("enabled {name}"),
            )
        }
        UserCommand::Show { name, common } => show(&name, &common).await,
        UserCommand::Delete { name, yes, common } => {
            // Before the question: a mistyped database has no such user.
            common.database.existing()?;
            prompt::deletion("user", &name, yes)?;
            let directory = common.open().await?;
            let deleted = directory.delete(&name).await;
            directory.close().await;
            let ended = deleted.map_err(Failure::failed)?;
            common.say(
                &Changed {
                    username: &name,
                    sessions_ended: ended,
                },
                &format!("deleted {name}, {}", ended_words(ended)),
            )
        }
        UserCommand::Import(args) => import::run(&args).await,
    }
}

async fn show(name: &str, common: &Common) -> Result<(), Failure> {
    let directory = common.open().await?;
    let found = directory.user(name).await;
    directory.close().await;
    let row = Row::from(&found.map_err(Failure::failed)?);
    if common.json {
        return output::json(&row);
    }
    let state = if row.disabled { "disabled" } else { "active" };
    let date = |seconds| super::date(UnixTime::from_secs(seconds));
    let lines = [
        ("username", row.username),
        ("id", row.id),
        ("state", state.to_owned()),
        ("roles", row.roles.join(" ")),
        ("scope", row.scope),
        ("created", date(row.created_at)),
        ("password changed", date(row.password_changed_at)),
    ];
    for (name, value) in lines.iter().filter(|(_, value)| !value.is_empty()) {
        output::line(&format!("{name:18}{}", printable(value)))?;
    }
    Ok(())
}

async fn list(common: &Common) -> Result<(), Failure> {
    const PAGE: u32 = 200;
    let directory = common.open().await?;
    let mut rows = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let page = directory
            .list(after.as_deref(), PAGE)
            .await
            .map_err(Failure::failed)?;
        after = page.last().map(|user| user.username.clone());
        rows.extend(page.iter().map(Row::from));
        if page.len() < PAGE as usize {
            break;
        }
    }
    if common.json {
        return output::json(&rows);
    }
    if rows.is_empty() {
        return output::note("no users yet; add one with: countersign user add NAME");
    }
    let names: Vec<_> = rows.iter().map(|row| printable(&row.username)).collect();
    let widest = names.iter().map(|name| name.chars().count()).max();
    let widest = widest.unwrap_or_default();
    for (row, name) in rows.iter().zip(&names) {
        let state = if row.disabled { "disabled" } else { "active" };
        let roles = printable(&row.roles.join(","));
        output::line(format!("{name:widest$}  {state:8}  {roles}").trim_end())?;
    }
    Ok(())
}

/// A user as it is printed.
#[derive(Serialize)]
struct Row {
    id: String,
    username: String,
    roles: Vec<String>,
    scope: String,
    disabled: bool,
    created_at: u64,
    password_changed_at: u64,
}

impl From<&User> for Row {
    fn from(user: &User) -> Self {
        Self {
            id: user.id.clone(),
            username: user.username.clone(),
            roles: user.roles.clone(),
            scope: user.scope.clone(),
            disabled: user.disabled,
            created_at: user.created_at.as_secs(),
            password_changed_at: user.password_changed_at.as_secs(),
        }
    }
}

#[derive(Serialize)]
struct Changed<'a> {
    username: &'a str,
    sessions_ended: usize,
}

fn ended_words(count: usize) -> String {
    match count {
        0 => "no session was open".into(),
        1 => "1 session ended".into(),
        more => format!("{more} sessions ended"),
    }
}

impl ChangeArgs {
    async fn run(self) -> Result<(), Failure> {
        let Self {
            name,
            roles,
            no_roles,
            scopes,
            no_scope,
            common,
        } = self;
        let change = UserChange {
            roles: (no_roles || !roles.is_empty()).then_some(roles),
            scope: (no_scope || !scopes.is_empty()).then(|| scopes.join(" ")),
            ..UserChange::default()
        };
        if change == UserChange::default() {
            return Err(Failure::usage(
                "nothing to change: give --role, --no-roles, --scope or --no-scope",
            ));
        }
        let directory = common.open().await?;
        let changed = directory.change(&name, change).await;
        directory.close().await;
        let ended = changed.map_err(Failure::failed)?;
        common.say(
            &Changed {
                username: &name,
                sessions_ended: ended,
            },
            &format!("changed {name}, {}", ended_words(ended)),
        )
    }
}

impl Common {
    async fn open(&self) -> Result<Directory, Failure> {
        self.open_at(PasswordParameters::default()).await
    }

    /// With what a password that is set shall cost.
    async fn open_at(&self, passwords: PasswordParameters) -> Result<Directory, Failure> {
        let config = Config {
            passwords,
            ..self.database.existing()?
        };
        Directory::open(&config).await.map_err(Failure::failed)
    }

    /// The same; an installation that is not there is made, and that is said.
    async fn open_or_make(&self, passwords: PasswordParameters) -> Result<Directory, Failure> {
        let config = Config {
            passwords,
            ..self.database.config()?
        };
        let first_use = FirstUse::of(&config);
        let directory = Directory::open(&config).await.map_err(Failure::failed)?;
        first_use.say()?;
        Ok(directory)
    }

    fn say(&self, value: &impl Serialize, words: &str) -> Result<(), Failure> {
        if self.json {
            output::json(value)
        } else {
            output::note(words)
        }
    }
}

impl PasswordArgs {
    /// From a prompt without echo, or from standard input: never from the arguments, which every
    /// process on the machine can read.
    fn read(&self, prompt: &str) -> Result<Password, Failure> {
        let text = if self.password_stdin {
            prompt::from_stdin()?
        } else if io::stdin().is_terminal() {
            let first =
                rpassword::prompt_password(format!("{prompt}: ")).map_err(Failure::failed)?;
            let again = rpassword::prompt_password("Once more: ").map_err(Failure::failed)?;
            if first != again {
                return Err(Failure::failed("the two passwords are not the same"));
            }
            first
        } else {
            return Err(Failure::usage(
                "there is no terminal to ask for a password: pipe it in with --password-stdin",
            ));
        };
        Password::new(text).map_err(Failure::failed)
    }
}
