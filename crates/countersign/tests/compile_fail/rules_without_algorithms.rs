//! Rules cannot be made without saying which algorithms are accepted.

use countersign::Rules;

fn main() {
    let _ = Rules::new("https://login.example", "https://api.example");
}
