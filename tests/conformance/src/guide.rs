//! The code in a page, so that what a reader copies is what a test has run.

use std::path::{Path, PathBuf};

/// A page.
#[derive(Debug)]
pub struct Guide {
    name: String,
    text: String,
}

impl Guide {
    /// The page of this name in `docs`.
    ///
    /// # Panics
    /// If there is none.
    pub fn read(name: &str) -> Self {
        let path = root().join("docs").join(name);
        let text = std::fs::read_to_string(&path)
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let name = name.to_owned();
        Self { name, text }
    }

    /// The whole page.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The block of code whose first line says that it is this file: ```` ```python app.py ````.
    ///
    /// # Panics
    /// If there is none.
    pub fn file(&self, name: &str) -> &str {
        self.blocks()
            .find(|(mark, _)| mark.split(' ').nth(1) == Some(name))
            .map_or_else(
                || panic!("{} has no file {name}", self.name),
                |(_, code)| code,
            )
    }

    /// Writes that block into a folder.
    ///
    /// # Panics
    /// If there is none, or it cannot be written.
    pub fn write(&self, name: &str, folder: &Path) -> PathBuf {
        let path = folder.join(name);
        std::fs::write(&path, self.file(name)).expect("a file");
        path
    }

    /// What a reader types, in the order of the page: the lines behind a prompt (```` ```console ````),
    /// without it, and each script (```` ```sh ````) as a whole.
    pub fn commands(&self) -> Commands<'_> {
        let mut typed = Vec::new();
        for (mark, code) in self.blocks() {
            match mark {
                "console" => typed.extend(code.lines().filter_map(|line| line.strip_prefix("$ "))),
                "sh" => typed.push(code.trim_end()),
                _ => {}
            }
        }
        Commands {
            page: &self.name,
            typed: typed.into_iter(),
        }
    }

    /// What stands behind the fence, and the lines up to the next.
    fn blocks(&self) -> impl Iterator<Item = (&str, &str)> {
        let fenced = self.text.split("```").skip(1).step_by(2);
        fenced.filter_map(|block| block.split_once('\n'))
    }
}

/// The commands of a page. A test that asks for them comes to the last of them, or fails.
#[derive(Debug)]
pub struct Commands<'a> {
    page: &'a str,
    typed: std::vec::IntoIter<&'a str>,
}

impl<'a> Commands<'a> {
    /// The next one.
    ///
    /// # Panics
    /// If there is none.
    pub fn typed(&mut self) -> &'a str {
        self.typed
            .next()
            .unwrap_or_else(|| panic!("{} has one more command", self.page))
    }

    /// Leaves out the next one, which begins like this, because a test must not do that. What it
    /// says, for the test to look at.
    ///
    /// # Panics
    /// If it begins otherwise.
    pub fn not_here(&mut self, beginning: &str) -> &'a str {
        let next = self.typed();
        assert!(next.starts_with(beginning), "{}: {next}", self.page);
        next
    }
}

impl Commands<'_> {
    /// Leaves out the rest, where what it needs is not there and is not wanted.
    pub fn leave(mut self, why: &str) {
        println!("{}: left out, for {why}", self.page);
        self.typed = Vec::new().into_iter();
    }
}

impl Drop for Commands<'_> {
    fn drop(&mut self) {
        let left = self.typed.as_slice();
        assert!(
            left.is_empty() || std::thread::panicking(),
            "{}: no test types {left:?}",
            self.page
        );
    }
}

/// The top of this tree.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
