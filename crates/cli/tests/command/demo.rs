//! `countersign demo`: every step, in order, in eighty columns.

use crate::run::run;

#[test]
fn the_whole_story_holds() {
    let ended = run(&["demo"]);
    let words = ended.words.clone();
    let story = ended.done();
    assert!(
        words.is_empty(),
        "nothing goes wrong beside the story: {words}"
    );

    let titles = [
        "Create a user",
        "A wrong password",
        "Sign in",
        "Look into the access token",
        "Call the protected route",
        "No token",
        "A tampered token",
        "An expired token",
        "A missing role",
        "Refresh",
        "A lost answer",
        "A stolen refresh token",
        "Sign in again",
        "Sign out",
        "The access token of the session that ended",
    ];
    let mut rest = story.as_str();
    for (number, title) in titles.iter().enumerate() {
        let heading = format!("\n {:>2}   {title}\n", number + 1);
        let (_, after) = rest.split_once(&heading).expect(title);
        rest = after;
    }
    assert!(rest.contains("All 15 steps held"), "{rest}");
    assert_eq!(story.matches("\n      ok ").count(), titles.len());
    for line in story.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
}
