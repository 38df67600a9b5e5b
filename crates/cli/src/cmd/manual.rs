//! `countersign manual`: the definition of the command line as man pages, and as the page
//! `docs/reference/command-line.md` and `configuration.md`. For those who package or change it.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use clap::{Arg, Args, Command, Subcommand};
use countersign_server::metrics::server_families;

use crate::failure::Failure;
use crate::output::{self, folded};
use crate::settings::{self, Takes};

/// The screen of the reference page.
const WIDTH: usize = 80;

/// Write man pages, or the reference pages of command line and settings
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  countersign manual man target/man
  countersign manual reference > docs/reference/command-line.md
  countersign manual configuration > docs/reference/configuration.md
  countersign manual metrics > docs/reference/metrics.md")]
pub(crate) struct ManualArgs {
    #[command(subcommand)]
    command: ManualCommand,
}

#[derive(Debug, Subcommand)]
enum ManualCommand {
    /// Write a man page for each command into a folder
    Man {
        /// The folder; it is made if it is not there
        folder: PathBuf,
    },
    /// Print the reference page of the command line
    Reference,
    /// Print the reference page of the settings
    Configuration,
    /// Print the reference page of the numbers at /metrics
    Metrics,
}

/// `definition` is the whole command line.
pub(crate) fn run(args: &ManualArgs, definition: Command) -> Result<(), Failure> {
    let definition = settled(definition);
    match &args.command {
        ManualCommand::Man { folder } => man(&definition, folder),
        ManualCommand::Reference => output::line(reference(&definition).trim_end()),
        ManualCommand::Configuration => output::line(configuration(&definition).trim_end()),
        ManualCommand::Metrics => output::line(numbers().trim_end()),
    }
}

/// The definition as it is everywhere: without this machine's environment and its screen. The first
/// build settles the full names of all commands.
fn settled(definition: Command) -> Command {
    fn plain(command: Command) -> Command {
        command
            .mut_args(|argument| argument.hide_env_values(true))
            .mut_subcommands(plain)
    }
    let mut definition = plain(definition).term_width(WIDTH);
    definition.build();
    definition
}

fn man(definition: &Command, folder: &Path) -> Result<(), Failure> {
    let cannot =
        |error| Failure::failed(format!("{} cannot be written: {error}", folder.display()));
    fs::create_dir_all(folder).map_err(cannot)?;
    for command in all(definition) {
        let name = full_name(command).replace(' ', "-");
        let mut page = Vec::new();
        clap_mangen::Man::new(command.clone())
            .title(&name)
            .render(&mut page)?;
        fs::write(folder.join(format!("{name}.1")), page).map_err(cannot)?;
    }
    Ok(())
}

fn reference(definition: &Command) -> String {
    let mut page = String::from(
        "# The command line\n\n\
         Printed by `countersign manual reference`; a test holds it to the program. `countersign COMMAND --help` \
         prints the same.\n\n\
         Data goes to standard output, words go to standard error. Colours are for terminals; `NO_COLOR` turns them \
         off, `CLICOLOR_FORCE=1` on. A reader that has had enough (`| head`) is no error.\n\n\
         | exit code | means |\n| --- | --- |\n\
         | 0 | done |\n\
         | 1 | failed; of `scan`: found something |\n\
         | 2 | wrong usage |\n\
         | 3 | refused: bad credentials, a bad token; the reason code stands in brackets |\n\n\
         ## Environment\n\n\
         An option on the command line comes before its variable.\n\n\
         | variable | option | of |\n| --- | --- | --- |\n",
    );
    for (variable, option, commands) in variables(definition) {
        let _ = writeln!(page, "| `{variable}` | `{option}` | {commands} |");
    }
    for command in all(definition) {
        let name = full_name(command);
        let help = command.clone().render_long_help().to_string();
        let help: Vec<&str> = help.trim_end().lines().map(str::trim_end).collect();
        let _ = write!(page, "\n## {name}\n\n```text\n{}\n```\n", help.join("\n"));
    }
    page
}

fn configuration(definition: &Command) -> String {
    let mut page = String::from(
        "# Settings\n\n\
         Printed by `countersign manual configuration`; a test holds it to the program. `countersign config keys` lists \
         the same.\n\n\
         An option on the command line comes before its variable, that before the file, that before the default. The file \
         is named by `--config FILE` or `COUNTERSIGN_CONFIG`; without either it is `countersign.toml` in the folder where \
         the command is run, if it is there, or else `/etc/countersign/countersign.toml`. It is read by `serve` and by every command that works on the database. \
         Relative paths in it begin where the command is run.\n\n\
         A key that is not known, or a value that cannot be, is refused with its line: `countersign config check FILE` \
         says so before the server is started, and whether anything else would keep it from its start: TLS files, \
         addresses, master key, database, a mistyped variable. It changes nothing.\n\n\
         No secret stands in the file or on the command line. The master key is the text in `COUNTERSIGN_MASTER_KEY` or \
         in the file named by `master_key_file`; a database URL with a password in it is best kept in the file named by \
         `database_file`; `key rekey` takes the new master key from `COUNTERSIGN_NEW_MASTER_KEY` or the file named by \
         `COUNTERSIGN_NEW_MASTER_KEY_FILE`. Of a database and the file its URL is in the one from the higher place is heard; \
         both in one place, or a master key and its file, are refused. A variable that is empty is one that is not set.\n\n\
         | key | variable | option | default |\n| --- | --- | --- | --- |\n",
    );
    let keys = settings::keys(definition);
    for key in &keys {
        let default = key.default().filter(|_| key.takes != Takes::Switch);
        let default = default.map_or_else(String::new, |default| format!("`{default}`"));
        let _ = writeln!(
            page,
            "| `{}` | `{}` | `{}` | {default} |",
            key.name, key.variable, key.option
        );
    }
    page.push_str("\n## A file with everything in it\n\n```toml\n");
    for (at, key) in keys.iter().enumerate() {
        let between = if at == 0 { "" } else { "\n" };
        let says: Vec<String> = folded(&key.says, WIDTH - 2)
            .iter()
            .map(|line| format!("# {line}\n"))
            .collect();
        let _ = writeln!(
            page,
            "{between}{}# {} = {}",
            says.concat(),
            key.name,
            key.example()
        );
    }
    page.push_str("```\n");
    page
}

fn numbers() -> String {
    let mut page = String::from(
        "# The numbers at /metrics\n\n\
         Printed by `countersign manual metrics`; tests hold it to the program. The format is Prometheus' text format; who \
         may read it, how it is scraped and what to be woken for is in [Operations](../operations.md#numbers).\n\n\
         No label is ever something that was sent: no name, no id, no path. So there are as many lines after a flood as \
         before it. Every value of a label is there from the start, with zero, where nothing else is said.\n\n\
         ## The server\n",
    );
    for family in server_families() {
        let _ = write!(page, "\n{}", family.reference());
    }
    page.push_str("\n## The sidecar\n\nOf `countersign guard`. What the process is and what the guard decided is as above.\n");
    let above: Vec<&str> = server_families().map(|family| family.name).collect();
    for family in super::guard::families().filter(|family| !above.contains(&family.name)) {
        let _ = write!(page, "\n{}", family.reference());
    }
    page
}

/// Every variable that stands for an option, once, with the commands that have it.
fn variables(definition: &Command) -> Vec<(String, String, String)> {
    let mut found: Vec<(String, String, Vec<String>)> = Vec::new();
    for command in all(definition) {
        for argument in command.get_arguments() {
            let (Some(variable), Some(option)) = (argument.get_env(), argument.get_long()) else {
                continue;
            };
            let name = short_name(command, argument);
            let variable = variable.to_string_lossy().into_owned();
            match found.iter_mut().find(|(known, _, _)| *known == variable) {
                Some((_, _, commands)) if commands.contains(&name) => {}
                Some((_, _, commands)) => commands.push(name),
                None => found.push((variable, format!("--{option}"), vec![name])),
            }
        }
    }
    found.sort();
    found
        .into_iter()
        .map(|(variable, option, commands)| (variable, option, commands.join(", ")))
        .collect()
}

/// The first word of the command an option is of; all of them, where it is of the whole command line.
fn short_name(command: &Command, argument: &Arg) -> String {
    let name = full_name(command);
    let first = name
        .split(' ')
        .nth(1)
        .filter(|_| argument.get_id() != "log");
    first.map_or_else(|| "all".to_owned(), |first| format!("`{first}`"))
}

/// A command and all below it, without those that are hidden or clap's own.
fn all(command: &Command) -> Vec<&Command> {
    let below = command
        .get_subcommands()
        .filter(|command| !command.is_hide_set() && command.get_name() != "help");
    std::iter::once(command)
        .chain(below.flat_map(all))
        .collect()
}

fn full_name(command: &Command) -> String {
    command
        .get_bin_name()
        .unwrap_or_else(|| command.get_name())
        .to_owned()
}
