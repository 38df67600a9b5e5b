//! A secret does not print.

fn show(secret: countersign::SecretString) {
    println!("{secret}");
}

fn main() {}
