//! The code in a page of `docs/guides`, so that what a reader copies is what a test has run.

use std::path::{Path, PathBuf};

/// A page.
#[derive(Debug)]
pub struct Guide {
    name: String,
    text: String,
}

impl Guide {
    /// The page of this name.
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

    /// The lines behind a prompt, without it.
    pub fn commands(&self) -> impl Iterator<Item = &str> {
        self.blocks()
            .filter(|(mark, _)| *mark == "console")
            .flat_map(|(_, code)| code.lines())
            .filter_map(|line| line.strip_prefix("$ "))
    }

    /// What stands behind the fence, and the lines up to the next.
    fn blocks(&self) -> impl Iterator<Item = (&str, &str)> {
        let fenced = self.text.split("```").skip(1).step_by(2);
        fenced.filter_map(|block| block.split_once('\n'))
    }
}

/// The top of this tree.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
