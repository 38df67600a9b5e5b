//! Racers, lost answers, crashes, a thief and a clock that jumps, in every order proptest can think
//! of, against one row with compare-and-swap.
//!
//! A request goes through the steps of the server, and any other request may come between two of
//! them:
//!
//! ```text
//! sent --(MAC)--> presented --(store: judged and swapped under one lock)--> rotated -------> answered
//!                                                                      \--> not current --(judged again)--^
//! ```
//!
//! The server may crash after each step; the client then knows nothing. Real time only moves on;
//! the server's clock is real time plus an offset that the test sets back and forth.

use std::collections::BTreeMap;

use countersign_issuer::{EndReason, MacKeys, Presented, Session, SessionPolicy, Verdict};
use proptest::prelude::*;

use crate::cast::{ASKED, at, mac_keys, session};

const GRACE: u64 = 30;
/// Tabs that share what their browser holds.
const TABS: usize = 4;

#[derive(Clone, Debug)]
enum Event {
    /// A tab sends the token its browser holds.
    Send { tab: usize },
    /// The server takes the request of a tab one step on.
    Step { tab: usize },
    /// The server dies with the request, or the answer is lost on the way.
    Lose { tab: usize },
    /// Real time passes.
    Pass { secs: u64 },
    /// The server's clock is set back.
    SetBack { secs: u64 },
    /// The server takes another MAC key into use.
    NewMacKey,
    /// A thief copies the token the browser holds now.
    Steal,
    /// The thief uses it, without any delay on the way.
    UseStolen,
}

fn event(thief: bool, clock: bool) -> impl Strategy<Value = Event> {
    let tab = 0..TABS;
    prop_oneof![
        6 => tab.clone().prop_map(|tab| Event::Send { tab }),
        18 => tab.clone().prop_map(|tab| Event::Step { tab }),
        3 => tab.prop_map(|tab| Event::Lose { tab }),
        6 => prop_oneof![0..3_u64, 0..12_u64, 0..50_u64].prop_map(|secs| Event::Pass { secs }),
        u32::from(clock) * 2 => (1..4_000_u64).prop_map(|secs| Event::SetBack { secs }),
        1 => Just(Event::NewMacKey),
        u32::from(thief) * 2 => Just(Event::Steal),
        u32::from(thief) * 2 => Just(Event::UseStolen),
    ]
}

#[derive(Debug)]
enum Request {
    Sent { token: String },
    Presented { presented: Presented },
    Rotated { presented: Presented, row: Session },
    NotCurrent { presented: Presented, row: Session },
    Answered { token: String },
}

struct World {
    row: Session,
    keys: MacKeys,
    newest_key: u32,
    real: u64,
    offset: u64,
    /// What the browser holds, and what the thief copied.
    held: String,
    stolen: Option<String>,
    requests: [Option<Request>; TABS],
    /// Every token ever answered for a generation.
    answered: BTreeMap<u32, String>,
    /// When each generation was replaced, in real time.
    replaced: Vec<u64>,
    /// Since when the marks agree with the clock: the first swap after it was last set back.
    marks_right_since: Option<u64>,
    /// How often each generation was exchanged.
    swaps_from: BTreeMap<u32, u32>,
}

const START: u64 = 100_000;

impl World {
    fn new() -> Self {
        let keys = mac_keys(1);
        let row = session();
        let held = keys.refresh_token(&row).unwrap().expose().to_owned();
        Self {
            answered: BTreeMap::from([(0, held.clone())]),
            row,
            keys,
            newest_key: 1,
            real: START,
            offset: 0,
            held,
            stolen: None,
            requests: [const { None }; TABS],
            replaced: Vec::new(),
            marks_right_since: Some(0),
            swaps_from: BTreeMap::new(),
        }
    }

    fn now(&self) -> countersign::UnixTime {
        at(self.real - self.offset)
    }

    fn play(&mut self, event: &Event) -> Result<(), TestCaseError> {
        match event {
            Event::Send { tab } => {
                self.requests[*tab] = Some(Request::Sent {
                    token: self.held.clone(),
                });
            }
            Event::Step { tab } => {
                if let Some(request) = self.requests[*tab].take() {
                    self.requests[*tab] = self.step(request)?;
                }
            }
            Event::Lose { tab } => self.requests[*tab] = None,
            Event::Pass { secs } => self.real += secs,
            Event::SetBack { secs } => {
                self.offset = (self.offset + secs).min(START);
                self.marks_right_since = None;
            }
            Event::NewMacKey => {
                self.newest_key = (self.newest_key + 1).min(3);
                self.keys = mac_keys(self.newest_key);
            }
            Event::Steal => self.stolen = Some(self.held.clone()),
            Event::UseStolen => {
                let mut request = self.stolen.clone().map(|token| Request::Sent { token });
                while let Some(next) = request {
                    if let Request::Answered { token } = &next {
                        self.stolen = Some(token.clone());
                        break;
                    }
                    request = self.step(next)?;
                }
            }
        }
        self.check_judgements()?;
        self.check_there_is_no_fork()
    }

    /// One step of the server; `None` when the request was refused or its client has the answer.
    fn step(&mut self, request: Request) -> Result<Option<Request>, TestCaseError> {
        match request {
            Request::Sent { token } => {
                let presented = self.keys.open(&token).expect("a genuine token");
                Ok(Some(Request::Presented { presented }))
            }
            Request::Presented { presented } => Ok(Some(self.store_rotates(presented))),
            Request::Rotated { presented, row } => {
                let redeemed = presented.rotated(row.clone(), ASKED, self.now());
                let redeemed = redeemed.expect("just committed");
                self.answer(redeemed.session()).map(Some)
            }
            Request::NotCurrent { presented, row } => {
                match presented.judge(&row, ASKED, &SessionPolicy::default(), self.now()) {
                    Verdict::Rotate(_) => panic!("it was not current a moment ago"),
                    Verdict::Grace(redeemed) => self.answer(redeemed.session()).map(Some),
                    Verdict::End(theft) => {
                        self.row.end(theft.end_reason(), self.now());
                        Ok(None)
                    }
                    Verdict::Refused(_) => Ok(None),
                }
            }
            Request::Answered { token } => {
                // A browser keeps what came last, also when it is older than what it has.
                self.held = token;
                Ok(None)
            }
        }
    }

    /// The store's verb: the row is read, judged and swapped while nobody else can.
    fn store_rotates(&mut self, presented: Presented) -> Request {
        let verdict = presented.judge(&self.row, ASKED, &SessionPolicy::default(), self.now());
        let Verdict::Rotate(rotation) = verdict else {
            let row = self.row.clone();
            return Request::NotCurrent { presented, row };
        };
        *self.swaps_from.entry(self.row.generation).or_default() += 1;
        self.row = rotation.apply(&self.row).expect("nobody was between");
        self.replaced.push(self.real);
        self.marks_right_since.get_or_insert(self.real);
        let row = self.row.clone();
        Request::Rotated { presented, row }
    }

    fn answer(&mut self, session: &Session) -> Result<Request, TestCaseError> {
        let token = self
            .keys
            .refresh_token(session)
            .unwrap()
            .expose()
            .to_owned();
        let known = self
            .answered
            .entry(session.generation)
            .or_insert_with(|| token.clone());
        prop_assert_eq!(
            known.as_str(),
            token.as_str(),
            "a second successor was made"
        );
        Ok(Request::Answered { token })
    }

    /// What every token ever answered would be worth now.
    fn check_judgements(&self) -> Result<(), TestCaseError> {
        if self.row.is_ended() {
            return Ok(());
        }
        for (generation, token) in &self.answered {
            let presented = self.keys.open(token).unwrap();
            let verdict = presented.judge(&self.row, ASKED, &SessionPolicy::default(), self.now());
            let replaced = usize::try_from(*generation)
                .ok()
                .and_then(|at| self.replaced.get(at));
            let Some(replaced) = replaced else {
                prop_assert!(
                    matches!(verdict, Verdict::Rotate(_)),
                    "the current token is not exchanged"
                );
                continue;
            };
            let age = self.real - replaced;
            if age <= GRACE {
                prop_assert!(
                    matches!(verdict, Verdict::Grace(_)),
                    "a lost answer is lost for good"
                );
            }
            let known_age = self
                .marks_right_since
                .map_or(0, |since| self.real - since.max(*replaced));
            if known_age > GRACE + GRACE / 3 {
                prop_assert!(
                    matches!(verdict, Verdict::End(_)),
                    "a stolen token is still good"
                );
            }
        }
        Ok(())
    }

    /// Whether some honest client would come back with a token replaced longer than the grace ago.
    fn would_be_late(&self, secs: u64) -> bool {
        let under_way = self.requests.iter().flatten().map(|request| match request {
            Request::Sent { token } | Request::Answered { token } => self.keys.open(token).unwrap(),
            Request::Presented { presented }
            | Request::Rotated { presented, .. }
            | Request::NotCurrent { presented, .. } => presented.clone(),
        });
        under_way
            .chain([self.keys.open(&self.held).unwrap()])
            .filter_map(|token| {
                self.replaced
                    .get(usize::try_from(token.generation()).unwrap())
            })
            .any(|replaced| self.real + secs - replaced > GRACE)
    }

    fn check_there_is_no_fork(&self) -> Result<(), TestCaseError> {
        prop_assert!(
            self.swaps_from.values().all(|swaps| *swaps == 1),
            "a token was exchanged twice"
        );
        prop_assert_eq!(
            self.replaced.len(),
            usize::try_from(self.row.generation).unwrap()
        );
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Honest clients only, who retry at once: nothing they do and no crash ever ends their
    /// session.
    #[test]
    fn honest_racers_are_never_logged_out(events in prop::collection::vec(event(false, true), 1..250)) {
        let mut world = World::new();
        for event in events {
            if let Event::Pass { secs } = event && world.would_be_late(secs) {
                settle(&mut world)?;
            }
            world.play(&event)?;
            prop_assert!(!world.row.is_ended(), "{:?} ended an honest session", event);
        }
        settle(&mut world)?;
        // And after all that, every client goes on with a session that has one live token.
        let before = world.row.generation;
        world.play(&Event::Send { tab: 0 })?;
        for _ in 0..5 {
            world.play(&Event::Step { tab: 0 })?;
        }
        prop_assert!(world.row.generation >= before);
        prop_assert_eq!(&world.held, &world.answered[&world.row.generation]);
    }

    /// With a thief about, every token still has one successor, and the session ends for the reason
    /// it should.
    #[test]
    fn a_thief_never_makes_a_fork(events in prop::collection::vec(event(true, false), 1..250)) {
        let mut world = World::new();
        for event in events {
            world.play(&event)?;
        }
        if world.row.is_ended() {
            prop_assert_eq!(world.row.end_reason, Some(EndReason::RefreshReused));
        }
    }

    /// The same with a clock that is set back.
    #[test]
    fn a_clock_that_jumps_makes_no_fork(events in prop::collection::vec(event(true, true), 1..250)) {
        let mut world = World::new();
        for event in events {
            world.play(&event)?;
        }
    }
}

/// Whatever is under way is lost, and the browser asks once more.
fn settle(world: &mut World) -> Result<(), TestCaseError> {
    world.requests = [const { None }; TABS];
    world.play(&Event::Send { tab: 0 })?;
    for _ in 0..5 {
        world.play(&Event::Step { tab: 0 })?;
    }
    Ok(())
}

/// The thief who uses a token first is found out when its owner comes, and the other way round.
#[test]
fn whoever_comes_second_after_the_grace_ends_the_session() {
    for thief_first in [true, false] {
        let mut world = World::new();
        world.play(&Event::Steal).unwrap();
        let step = Event::Step { tab: 0 };
        let owner = [
            Event::Send { tab: 0 },
            step.clone(),
            step.clone(),
            step.clone(),
            step,
        ];
        let wait = Event::Pass {
            secs: GRACE + GRACE / 3 + 1,
        };
        if thief_first {
            world.play(&Event::UseStolen).unwrap();
        } else {
            play_all(&mut world, &owner);
        }
        assert!(!world.row.is_ended());
        world.play(&wait).unwrap();
        if thief_first {
            play_all(&mut world, &owner);
        } else {
            world.play(&Event::UseStolen).unwrap();
        }
        assert_eq!(world.row.end_reason, Some(EndReason::RefreshReused));
    }
}

fn play_all(world: &mut World, events: &[Event]) {
    for event in events {
        world.play(event).unwrap();
    }
}
