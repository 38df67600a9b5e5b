//! Sign-ins, as many as are answered, from everywhere.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::Failure;
use crate::http::Answer;
use crate::load::Caller;
use crate::server::login;

/// What the server must be told so that it believes where these come from.
pub const BELIEVED: [&str; 2] = ["--trusted-proxy", "127.0.0.0/8"];

/// Signs one user in after the other, each time from another address: whoever signs in so often
/// from one would be told to wait.
#[derive(Clone, Debug)]
pub struct SignIns {
    user: String,
    users: u32,
    next: Arc<AtomicU32>,
}

impl SignIns {
    /// So many callers, who share the users `user-0` to `user-(users-1)` among them.
    pub fn callers(user: &str, users: u32, count: usize) -> Vec<Self> {
        let one = Self {
            user: user.to_owned(),
            users,
            next: Arc::default(),
        };
        vec![one; count]
    }
}

impl Caller for SignIns {
    fn request(&mut self) -> Vec<u8> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let [_, a, b, c] = number.to_be_bytes();
        let from = format!("x-forwarded-for: 10.{a}.{b}.{c}\r\n");
        login(&format!("{}-{}", self.user, number % self.users), &from)
    }

    fn answered(&mut self, answer: Answer<'_>) -> Result<(), Failure> {
        answer.text("access_token").map(drop)
    }
}
