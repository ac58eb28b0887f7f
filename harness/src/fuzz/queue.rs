//! Questions on their way to labs, and answers on their way back.
//!
//! Whoever asks puts in **rounds** and gets them back whole, in their order, while any number of labs takes
//! from all rounds that wait: no lab waits for another's round to end.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::Instant;

use super::executor::{Outcome, Request};
use crate::error::HarnessError;
use crate::runner::interruption;

/// The outcomes of a round; none where the time was over.
pub type RoundOutcomes = Vec<(Request, Option<Outcome>)>;

/// A request, and where its answer belongs.
#[derive(Debug)]
pub struct Ticket {
    /// The request.
    pub request: Request,
    /// The number of its round, from the first that was put in.
    round: usize,
    /// Its place there.
    place: usize,
}

/// The rounds that are not yet done.
pub struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// Questions that no lab has taken yet.
    waiting: VecDeque<Ticket>,
    /// Rounds that were not handed back, the oldest first.
    rounds: VecDeque<Round>,
    /// How many were handed back.
    handed_back: usize,
    is_closed: bool,
    failure: Option<HarnessError>,
    until: Option<Instant>,
}

struct Round {
    answers: Vec<Option<(Request, Option<Outcome>)>>,
    unanswered: usize,
}

impl Round {
    fn is_under_way(&self) -> bool {
        self.unanswered > 0
    }
}

impl Queue {
    /// Nothing is handed to a lab after `until`.
    pub fn new(until: Option<Instant>) -> Self {
        Self {
            state: Mutex::new(State {
                until,
                ..State::default()
            }),
            changed: Condvar::new(),
        }
    }

    /// When nothing is handed to labs any more.
    pub fn until(&self) -> Option<Instant> {
        self.lock().until
    }

    /// Moves the deadline to an earlier `until`; a later one changes nothing.
    pub fn end_by(&self, until: Instant) {
        let mut state = self.lock();
        state.until = state.until.map(|later| later.min(until));
    }

    /// Puts in a round.
    pub fn put(&self, requests: Vec<Request>) {
        let mut state = self.lock();
        let round = state.handed_back + state.rounds.len();
        state.rounds.push_back(Round {
            unanswered: requests.len(),
            answers: requests.iter().map(|_| None).collect(),
        });
        let tickets = requests.into_iter().enumerate();
        state.waiting.extend(tickets.map(|(place, request)| Ticket {
            request,
            round,
            place,
        }));
        self.changed.notify_all();
    }

    /// How many rounds are not handed back yet.
    pub fn rounds(&self) -> usize {
        self.lock().rounds.len()
    }

    /// Waits until the oldest round is done, and hands it back; none if there is none. An error if labs could not go on.
    pub fn next(&self) -> Result<Option<RoundOutcomes>, HarnessError> {
        let is_under_way = |state: &mut State| {
            !state.is_closed && state.rounds.front().is_some_and(Round::is_under_way)
        };
        let mut state = self.wait_while(self.lock(), is_under_way);
        if let Some(failure) = state.failure.take() {
            return Err(failure);
        }
        let Some(round) = state.rounds.pop_front_if(|round| !round.is_under_way()) else {
            return Ok(None);
        };
        state.handed_back += 1;
        Ok(Some(round.answers.into_iter().flatten().collect()))
    }

    /// The next requests for one of `labs` labs, at most `most`: fewer when few are left, so that no lab waits long for
    /// another. An idle lab waits for requests, and gets none only once the queue is closed.
    pub fn take(&self, labs: usize, most: usize, is_idle: bool) -> Vec<Ticket> {
        let has_nothing = |state: &mut State| {
            let is_over = state.until.is_some_and(|until| Instant::now() >= until);
            if is_over || interruption::asked().is_some() {
                self.withdraw(state);
            }
            is_idle && state.waiting.is_empty() && !state.is_closed
        };
        let mut state = self.wait_while(self.lock(), has_nothing);
        let count = (state.waiting.len() / (2 * labs)).clamp(1, most);
        let count = count.min(state.waiting.len());
        state.waiting.drain(..count).collect()
    }

    /// Stores the outcome of a ticket.
    pub fn answer(&self, ticket: Ticket, outcome: Outcome) {
        self.note(&mut self.lock(), ticket, Some(outcome));
    }

    /// Returns unanswered tickets; they are handed out next.
    pub fn give_back(&self, tickets: impl DoubleEndedIterator<Item = Ticket>) {
        let mut state = self.lock();
        for ticket in tickets.rev() {
            state.waiting.push_front(ticket);
        }
        self.changed.notify_all();
    }

    /// Marks tickets as unanswered for good.
    pub fn leave(&self, tickets: impl Iterator<Item = Ticket>) {
        let mut state = self.lock();
        tickets.for_each(|ticket| self.note(&mut state, ticket, None));
    }

    /// Ends it, since a lab cannot go on.
    pub fn fail(&self, error: HarnessError) {
        let mut state = self.lock();
        state.failure.get_or_insert(error);
        state.waiting.clear();
        state.is_closed = true;
        self.changed.notify_all();
    }

    /// Nothing will be put in any more.
    pub fn close(&self) {
        self.lock().is_closed = true;
        self.changed.notify_all();
    }

    fn withdraw(&self, state: &mut State) {
        while let Some(ticket) = state.waiting.pop_front() {
            self.note(state, ticket, None);
        }
    }

    /// Whoever waits for a round need not be woken before it is done.
    fn note(&self, state: &mut State, ticket: Ticket, outcome: Option<Outcome>) {
        let index = ticket.round - state.handed_back;
        let round = &mut state.rounds[index];
        round.answers[ticket.place] = Some((ticket.request, outcome));
        round.unanswered -= 1;
        if !round.is_under_way() {
            self.changed.notify_all();
        }
    }

    /// A poisoned lock is no harm: every change of the state is complete, and the panic is reported elsewhere.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|error| error.into_inner())
    }

    fn wait_while<'a>(
        &self,
        state: MutexGuard<'a, State>,
        condition: impl FnMut(&mut State) -> bool,
    ) -> MutexGuard<'a, State> {
        let waited = self.changed.wait_while(state, condition);
        waited.unwrap_or_else(|error| error.into_inner())
    }
}

#[cfg(test)]
mod tests {
    use cni_types::Operation;
    use proptest::prelude::*;

    use super::super::case::{Case, Invocation};
    use super::super::executor::Mode;
    use super::*;

    const LABS: usize = 3;
    const MOST: usize = 4;

    fn request(number: usize) -> Request {
        Request {
            case: Case::of(Invocation::new(
                Operation::Add,
                number.to_string().into_bytes(),
            )),
            how: Mode::Once,
        }
    }

    fn number(request: &Request) -> String {
        request.case.invocations[0].stdin.text()
    }

    /// An outcome that identifies its request.
    fn outcome(request: &Request) -> Outcome {
        Outcome {
            seen: Vec::new(),
            broken: Vec::new(),
            residue: Some(number(request)),
            lost: false,
            transcript: None,
        }
    }

    #[derive(Debug, Clone, Copy)]
    enum Deed {
        Put(usize),
        Take(usize),
        Answer(usize),
        GiveBack(usize),
    }

    fn deed() -> impl Strategy<Value = Deed> {
        prop_oneof![
            (1..12_usize).prop_map(Deed::Put),
            (0..LABS).prop_map(Deed::Take),
            (0..LABS).prop_map(Deed::Answer),
            (0..LABS).prop_map(Deed::GiveBack),
        ]
    }

    proptest! {
        #[test]
        fn rounds_come_back_whole_and_in_order(deeds in prop::collection::vec(deed(), 0..80)) {
            let queue = Queue::new(None);
            let mut asked = Vec::new();
            let mut held: [VecDeque<Ticket>; LABS] = Default::default();
            for deed in deeds {
                match deed {
                    Deed::Put(count) => {
                        let first: usize = asked.iter().sum();
                        queue.put((first..first + count).map(request).collect());
                        asked.push(count);
                    }
                    Deed::Take(lab) => {
                        let taken = queue.take(LABS, MOST, false);
                        prop_assert!(taken.len() <= MOST);
                        held[lab].extend(taken);
                    }
                    Deed::Answer(lab) => {
                        if let Some(ticket) = held[lab].pop_front() {
                            let outcome = outcome(&ticket.request);
                            queue.answer(ticket, outcome);
                        }
                    }
                    Deed::GiveBack(lab) => queue.give_back(held[lab].drain(..)),
                }
            }
            for mut held in held {
                queue.give_back(held.drain(..));
            }
            loop {
                let taken = queue.take(1, MOST, false);
                if taken.is_empty() {
                    break;
                }
                for ticket in taken {
                    let outcome = outcome(&ticket.request);
                    queue.answer(ticket, outcome);
                }
            }
            let mut next = 0;
            for count in asked {
                let done = queue.next().unwrap().unwrap();
                prop_assert_eq!(done.len(), count);
                for (request, outcome) in done {
                    prop_assert_eq!(number(&request), next.to_string());
                    prop_assert_eq!(outcome.unwrap().residue, Some(next.to_string()));
                    next += 1;
                }
            }
            prop_assert!(queue.next().unwrap().is_none());
        }
    }

    #[test]
    fn what_is_given_back_is_handed_out_first() {
        let queue = Queue::new(None);
        queue.put((0..16).map(request).collect());
        let taken = queue.take(1, MOST, true);
        let numbers = |tickets: &[Ticket]| -> Vec<String> {
            tickets
                .iter()
                .map(|ticket| number(&ticket.request))
                .collect()
        };
        let first = numbers(&taken);
        queue.give_back(taken.into_iter());
        assert_eq!(numbers(&queue.take(1, MOST, true)), first);
    }

    #[test]
    fn after_the_time_is_over_nothing_is_handed_out_and_nobody_waits() {
        let queue = Queue::new(Some(Instant::now()));
        std::thread::scope(|scope| {
            let idle = scope.spawn(|| queue.take(1, MOST, true).len());
            // Rounds that are put in after the deadline are still handed back.
            for count in [1, 20] {
                queue.put((0..count).map(request).collect());
                let done = queue.next().unwrap().unwrap();
                assert_eq!(done.len(), count);
                assert!(done.iter().all(|(_, outcome)| outcome.is_none()));
            }
            queue.close();
            assert_eq!(idle.join().unwrap(), 0);
        });
    }

    #[test]
    fn a_failure_reaches_who_waits_and_ends_who_is_idle() {
        let queue = Queue::new(None);
        queue.put(vec![request(0)]);
        let _taken = queue.take(1, 1, true);
        std::thread::scope(|scope| {
            let idle = scope.spawn(|| queue.take(1, 1, true).len());
            let waiting = scope.spawn(|| queue.next().map(|_| ()));
            queue.fail(HarnessError::new("no lab can be made"));
            assert_eq!(idle.join().unwrap(), 0);
            let error = waiting.join().unwrap().unwrap_err();
            assert_eq!(error.what, "no lab can be made");
        });
    }
}
