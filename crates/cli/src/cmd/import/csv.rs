//! One user a line, columns as the header names them, in any order.

use csv::{ReaderBuilder, StringRecord, Trim};

use countersign_server::ForeignUser;

use super::lines::BadLine;

/// Which column holds what.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Columns {
    count: usize,
    username: usize,
    password_hash: usize,
    roles: Option<usize>,
    disabled: Option<usize>,
}

/// Why a header is not one.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum BadHeader {
    #[error("the first line must be a header that names the columns: {0}")]
    Line(BadLine),
    #[error("the header names no column `{0}`")]
    Missing(&'static str),
    #[error("the header names the column `{0}` twice")]
    Twice(&'static str),
    #[error(
        "column {0} of the header is none of username, password_hash, roles, disabled: leave it \
         out, so that nothing is passed over that was meant"
    )]
    Unknown(usize),
}

impl Columns {
    pub(super) fn of_header(text: &str) -> Result<Self, BadHeader> {
        let header = fields(text).map_err(BadHeader::Line)?;
        let find = |name: &'static str| {
            let mut found = (0..header.len()).filter(|column| header.get(*column) == Some(name));
            let first = found.next();
            match found.next() {
                None => Ok(first),
                Some(_) => Err(BadHeader::Twice(name)),
            }
        };
        let found = [
            find("username")?,
            find("password_hash")?,
            find("roles")?,
            find("disabled")?,
        ];
        let [username, password_hash, roles, disabled] = found;
        let columns = Self {
            count: header.len(),
            username: username.ok_or(BadHeader::Missing("username"))?,
            password_hash: password_hash.ok_or(BadHeader::Missing("password_hash"))?,
            roles,
            disabled,
        };
        let unknown = (0..header.len()).find(|column| !found.contains(&Some(*column)));
        unknown.map_or(Ok(columns), |column| Err(BadHeader::Unknown(column + 1)))
    }

    pub(super) fn user(&self, text: &str) -> Result<ForeignUser, BadLine> {
        let fields = fields(text)?;
        if fields.len() != self.count {
            return Err(BadLine::Columns {
                found: fields.len(),
                expected: self.count,
            });
        }
        let field = |column: usize| fields.get(column).unwrap_or_default();
        let optional = |column: Option<usize>| column.map(field).unwrap_or_default();
        Ok(ForeignUser::new(
            field(self.username),
            field(self.password_hash),
            roles(optional(self.roles)),
            disabled(optional(self.disabled))?,
        )?)
    }
}

fn fields(text: &str) -> Result<StringRecord, BadLine> {
    let mut fields = StringRecord::new();
    ReaderBuilder::new()
        .has_headers(false)
        .trim(Trim::All)
        .buffer_capacity(text.len().max(1))
        .from_reader(text.as_bytes())
        .read_record(&mut fields)
        .map_err(|_| BadLine::NotCsv)?;
    Ok(fields)
}

/// Words with spaces, commas or semicolons between them. A role of stranger shape can be given in
/// JSON lines.
fn roles(text: &str) -> Vec<String> {
    let apart = |character: char| character.is_whitespace() || matches!(character, ',' | ';');
    text.split(apart)
        .filter(|role| !role.is_empty())
        .map(str::to_owned)
        .collect()
}

fn disabled(text: &str) -> Result<bool, BadLine> {
    match text.to_ascii_lowercase().as_str() {
        "" | "false" | "f" | "no" | "0" => Ok(false),
        "true" | "t" | "yes" | "1" => Ok(true),
        _ => Err(BadLine::Disabled),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BCRYPT: &str = "$2b$12$EixZaYVK1fsbw1ZfbX3OXePaWxn96p36WQoeG6Lruj3vjPGga31lW";

    #[test]
    fn columns_come_in_any_order_and_two_of_them_may_be_left_out() {
        let columns = Columns::of_header("roles,\"password_hash\", username").expect("columns");
        assert!(columns.user(&format!("\"a,b\",{BCRYPT},ada")).is_ok());
        assert!(Columns::of_header("username,password_hash").is_ok());
    }

    #[test]
    fn a_header_that_leaves_something_open_is_refused() {
        let refused = |header: &str| Columns::of_header(header).expect_err("a refusal");
        assert_eq!(
            refused("username,hash"),
            BadHeader::Missing("password_hash")
        );
        assert_eq!(refused("ada,$2b$12$x"), BadHeader::Missing("username"));
        assert_eq!(
            refused("username,username,password_hash"),
            BadHeader::Twice("username")
        );
        assert_eq!(
            refused("username,password_hash,is_disabled"),
            BadHeader::Unknown(3)
        );
    }

    #[test]
    fn a_stray_quote_spoils_its_own_line() {
        let columns = Columns::of_header("username,password_hash").expect("columns");
        let bad = columns.user(&format!("\"ada,{BCRYPT}")).expect_err("bad");
        assert_eq!(
            bad,
            BadLine::Columns {
                found: 1,
                expected: 2
            }
        );
    }

    #[test]
    fn roles_and_disabled_are_read_as_people_write_them() {
        assert_eq!(roles(" a b,c; d"), ["a", "b", "c", "d"]);
        assert!(roles("").is_empty());
        assert_eq!(disabled("TRUE"), Ok(true));
        assert_eq!(disabled("0"), Ok(false));
        assert_eq!(disabled("maybe"), Err(BadLine::Disabled));
    }
}
