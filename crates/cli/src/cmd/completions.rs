//! `countersign completions`: what a shell needs to complete the command line.

use clap::{Args, Command};
use clap_complete::Shell;

use crate::failure::Failure;
use crate::output;

/// Print completions for a shell
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  countersign completions bash \\
      > ~/.local/share/bash-completion/completions/countersign
  countersign completions zsh > \"${fpath[1]}/_countersign\"
  countersign completions fish > ~/.config/fish/completions/countersign.fish")]
pub(crate) struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

/// `definition` is the whole command line.
pub(crate) fn run(args: &CompletionsArgs, mut definition: Command) -> Result<(), Failure> {
    let name = definition.get_name().to_owned();
    // By way of memory: a pipe that is closed early must not end in a panic.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut definition, name, &mut script);
    output::raw(&script)
}
