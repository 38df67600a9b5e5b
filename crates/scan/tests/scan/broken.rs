//! Text that is no good code, or hard to read: it ends the reading of nothing else.

use countersign_scan::{Language, scan};

use crate::expect::expect;

const ALL: [Language; 5] = [
    Language::Python,
    Language::JavaScript,
    Language::Go,
    Language::Java,
    Language::Rust,
];

#[test]
fn prose_in_jsx_costs_no_more_than_its_line() {
    expect(
        Language::JavaScript,
        r#"
import jwt from 'jsonwebtoken';
export const Page = () => <p>Don't panic, it's {name} :)</p>;
const parts = path.split(/['"`]/g), half = size / 2 / x;
const nested = `a ${cond ? `b ${c}` : 'd'} e`;
jwt.sign({ id: 1 }, 'after all that'); // ~ hardcoded-secret no-expiry
"#,
    );
}

#[test]
fn quotes_and_comments_hide_what_they_should() {
    expect(
        Language::Python,
        r#"
import jwt
"""
jwt.encode({}, "secret")
"""
x = 'it\'s' # jwt.encode({}, "secret")
y = r"\" + "x" + rb'''
jwt.encode({}, "secret")
'''
def f(): return jwt.encode({"exp": 1}, \
    "secret")  # ~ hardcoded-secret
"#,
    );
    expect(
        Language::Rust,
        r###"
use jsonwebtoken::*;
/* /* nested */ EncodingKey::from_secret(b"x") */
fn f<'a>(c: char) -> &'a str { if c == '"' || c == '\'' { "" } else { r##"EncodingKey::from_secret("x") "# "## } }
fn g() { EncodingKey::from_secret(b"found"); } // ~ hardcoded-secret
"###,
    );
    expect(
        Language::Java,
        r#"
import io.jsonwebtoken.Jwts;
class A {
    String a = """
        Keys.hmacShaKeyFor("x") "quoted"
        """;
    char q = '"', e = '\'';
    Key k = Keys.hmacShaKeyFor("found".getBytes()); // ~ hardcoded-secret
}
"#,
    );
}

#[test]
fn every_beginning_of_a_file_is_read_without_harm() {
    let samples = [
        "import jwt\njwt.encode({'a': f\"{b}\"}, \"s\\\"\", **x)\n",
        "const jwt = require('jsonwebtoken'); jwt.sign({...a, b: `c ${d} e`}, /[/]/ || 'é', (x) => { })",
        "import \"github.com/golang-jwt/jwt/v5\"\nfunc a(t *jwt.Token) (any, error) { return []byte(`s`), nil }",
        "import io.jsonwebtoken.Jwts; @Value(\"${a:b}\") String s; Jwts.builder().signWith(s).compact();",
        "use jsonwebtoken::*; fn a<'b>() { encode(&H, &C { d: 'e', ..f }, &EncodingKey::from_secret(br#\"g\"#)) }",
    ];
    for sample in samples {
        for language in ALL {
            for end in (0..=sample.len()).filter(|end| sample.is_char_boundary(*end)) {
                scan(language, &sample[..end]);
                scan(language, &format!("jwt {}", &sample[end..]));
            }
        }
    }
}

#[test]
fn brackets_that_do_not_fit_are_passed_over() {
    for language in ALL {
        for text in [
            "jwt )]}",
            "jwt ([{",
            "jwt ({)}",
            "jwt }{",
            "jwt ${`${",
            "jwt '''",
            "jwt \\",
            "jwt @Value(",
        ] {
            assert!(scan(language, text).is_empty(), "{language:?} {text}");
        }
    }
}
