//! What clients hold: every token they were ever given.

use countersign_conformance::{Answer, Http};

/// Every token that was ever handed out.
#[derive(Default)]
pub(crate) struct Tokens(Vec<(String, String)>);

impl Tokens {
    pub(crate) async fn sign_in(
        &mut self,
        http: &Http,
        name: &str,
        password: &str,
    ) -> (String, String) {
        let answer = http.login(name, password).await.expect("an answer");
        assert_eq!(answer.status, 200, "{name}: {}", answer.text);
        self.keep(&answer)
    }

    pub(crate) async fn refresh(&mut self, http: &Http, pair: &(String, String)) {
        let answer = http.refresh(&pair.1).await.expect("an answer");
        assert_eq!(answer.status, 200, "{}", answer.text);
        self.keep(&answer);
    }

    fn keep(&mut self, answer: &Answer) -> (String, String) {
        let pair = (answer.field("access_token"), answer.field("refresh_token"));
        self.0.push(pair.clone());
        pair
    }

    pub(crate) async fn all_refused(&self, http: &Http) {
        assert!(self.0.len() >= 5, "too few to show anything");
        for (access, refresh) in &self.0 {
            let answer = http.me(access).await.expect("an answer");
            assert_eq!(answer.status, 401, "{}", answer.text);
            let answer = http.refresh(refresh).await.expect("an answer");
            assert_eq!(answer.status, 400, "{}", answer.text);
            assert_eq!(answer.field("error"), "invalid_grant");
        }
    }
}
