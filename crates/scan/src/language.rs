//! Which language a file is written in, by its name.

/// A language that is understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Language {
    /// Python
    Python,
    /// JavaScript and TypeScript, with or without JSX
    JavaScript,
    /// Go
    Go,
    /// Java
    Java,
    /// Rust
    Rust,
}

impl Language {
    /// The language of a file of that name, if it is one that is understood.
    pub fn of_file(name: &str) -> Option<Self> {
        let (_, extension) = name.rsplit_once('.')?;
        Some(match extension {
            "py" | "pyi" | "pyw" => Self::Python,
            "js" | "mjs" | "cjs" | "jsx" | "ts" | "mts" | "cts" | "tsx" => Self::JavaScript,
            "go" => Self::Go,
            "java" => Self::Java,
            "rs" => Self::Rust,
            _ => return None,
        })
    }

    /// What a reader calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Python => "Python",
            Self::JavaScript => "JavaScript",
            Self::Go => "Go",
            Self::Java => "Java",
            Self::Rust => "Rust",
        }
    }
}

/// Folders of tests and of what tests use.
const TEST_FOLDERS: [&str; 12] = [
    "__fixtures__",
    "__mocks__",
    "__tests__",
    "e2e",
    "fixtures",
    "mocks",
    "spec",
    "specs",
    "test",
    "testdata",
    "testing",
    "tests",
];

/// Whether a path, with `/` between its parts, is that of a test by the habits of its language: keys
/// in tests are made up, and that is well.
pub fn is_test(path: &str) -> bool {
    let (folders, name) = path.rsplit_once('/').unwrap_or(("", path));
    let stem = name.split_once('.').map_or(name, |(stem, _)| stem);
    folders
        .split('/')
        .any(|folder| TEST_FOLDERS.contains(&folder))
        || stem.starts_with("test_")
        || stem.ends_with("_test")
        || stem == "conftest"
        || stem == "tests"
        || name.contains(".test.")
        || name.contains(".spec.")
        || name.contains(".e2e-spec.")
        || (Language::of_file(name) == Some(Language::Java) && is_java_test(stem))
}

fn is_java_test(class: &str) -> bool {
    ["Test", "Tests", "IT", "TestCase"]
        .iter()
        .any(|end| class.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_known_by_their_ends() {
        for (name, language) in [
            ("app.py", Some(Language::Python)),
            ("a.service.ts", Some(Language::JavaScript)),
            ("index.mjs", Some(Language::JavaScript)),
            ("main.go", Some(Language::Go)),
            ("JwtUtil.java", Some(Language::Java)),
            ("lib.rs", Some(Language::Rust)),
            ("README.md", None),
            ("Makefile", None),
        ] {
            assert_eq!(Language::of_file(name), language, "{name}");
        }
    }

    #[test]
    fn tests_are_known_by_the_habits_of_their_language() {
        for test in [
            "tests/app.py",
            "pkg/test_auth.py",
            "auth/token_test.go",
            "src/auth.test.ts",
            "src/auth.controller.spec.ts",
            "src/test/java/a/B.java",
            "src/main/java/JwtUtilTest.java",
            "src/auth/tests.rs",
        ] {
            assert!(is_test(test), "{test}");
        }
        for code in [
            "src/contest.py",
            "latest.go",
            "src/attestation.ts",
            "src/main/java/Audit.java",
            "testament/app.py",
        ] {
            assert!(!is_test(code), "{code}");
        }
    }
}
