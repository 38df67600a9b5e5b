//! `cargo xtask bench`: runs the programs of `benches/` and writes down what they print.
//!
//! Each program prints one section of Markdown (the head of `benches/src/lib.rs` says how). Here it
//! is put into `docs/benchmarks.md` between two marks that bear the program's name; whatever else
//! stands on that page, other sections and words around them, stays.

use std::fs;
use std::path::{Path, PathBuf};

use crate::cargo::cargo;
use crate::command::Call;
use crate::failure::Failure;
use crate::workspace::Workspace;

const PAGE: &str = "docs/benchmarks.md";
const PROGRAMS: &str = "benches/src/bin";
const END: &str = "<!-- end -->";

/// What was typed.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    /// Empty: all of them.
    chosen: Vec<String>,
    quick: bool,
    built: bool,
}

impl Asked {
    pub(crate) fn parse(workspace: &Workspace, arguments: &[String]) -> Result<Self, Failure> {
        let known = programs(workspace)?;
        let mut asked = Self::default();
        for argument in arguments {
            match argument.as_str() {
                "--quick" => asked.quick = true,
                "--no-build" => asked.built = true,
                name if known.iter().any(|known| known == name) => {
                    asked.chosen.push(argument.clone());
                }
                _ => {
                    return Err(Failure::new(format!(
                        "`{argument}` is neither an option nor a program of {PROGRAMS}: {}",
                        known.join(", ")
                    )));
                }
            }
        }
        if asked.chosen.is_empty() {
            asked.chosen = known;
        }
        Ok(asked)
    }
}

/// Builds, then runs one program after the other. Each section is written when it is there, so a
/// program that fails takes nothing from those before it.
pub(crate) fn run(workspace: &Workspace, asked: &Asked) -> Result<(), Failure> {
    if !asked.built {
        let packages = ["-p", "countersign-cli", "-p", "countersign-benches"];
        let arguments = ["build", "--release", "--bins"].into_iter().chain(packages);
        cargo(workspace, arguments).run()?;
    }
    for name in &asked.chosen {
        let program = format!("{name}{}", std::env::consts::EXE_SUFFIX);
        let quick: &[&str] = if asked.quick { &["--quick"] } else { &[] };
        let section = Call::new(workspace.target.join("release").join(program), quick)
            .within(&workspace.root)
            .run_reading()?;
        println!("\n{section}");
        if !asked.quick {
            write(&workspace.root.join(PAGE), name, &section)?;
        }
    }
    Ok(())
}

/// The programs there are, in the order of their names.
fn programs(workspace: &Workspace) -> Result<Vec<String>, Failure> {
    let folder = workspace.root.join(PROGRAMS);
    let entries = fs::read_dir(&folder)
        .map_err(|error| Failure::new(format!("cannot read {}: {error}", folder.display())))?;
    let stem = |path: PathBuf| Some(path.file_stem()?.to_str()?.to_owned());
    let mut names: Vec<String> = entries
        .flatten()
        .filter_map(|entry| stem(entry.path()))
        .collect();
    names.sort();
    Ok(names)
}

fn write(page: &Path, name: &str, section: &str) -> Result<(), Failure> {
    let failed = |error| Failure::new(format!("{}: {error}", page.display()));
    let old = fs::read_to_string(page).map_err(failed)?;
    fs::write(page, with_section(&old, name, section)).map_err(failed)
}

/// The page with this section in the place of the one of that name, or at the end.
fn with_section(page: &str, name: &str, section: &str) -> String {
    let mark = format!("<!-- bench {name} -->");
    let fresh = format!("{mark}\n{}\n{END}", section.trim_end());
    let kept = page
        .split_once(&mark)
        .and_then(|(before, rest)| Some((before, rest.split_once(END)?.1)));
    match kept {
        Some((before, after)) => format!("{before}{fresh}{after}"),
        None => format!("{}\n\n{fresh}\n", page.trim_end()),
    }
}

#[cfg(test)]
mod tests {
    use super::with_section;

    #[test]
    fn a_new_section_goes_to_the_end() {
        let page = with_section("# Page\n", "one", "## One\n");
        assert_eq!(page, "# Page\n\n<!-- bench one -->\n## One\n<!-- end -->\n");
    }

    #[test]
    fn a_known_section_is_replaced_and_nothing_else() {
        let page = "# Page\n\n<!-- bench one -->\n## Old\n<!-- end -->\n\nWords.\n\n\
                    <!-- bench two -->\n## Two\n<!-- end -->\n";
        let new = with_section(page, "one", "## New\n");
        assert_eq!(new, page.replace("## Old", "## New"));
    }
}
