//! A session: a lab that stays and handles requests, one line of JSON each.
//!
//! As in [`super::worker`], `cnispec` starts the lab's init; this one lasts until its standard input ends.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, ExitCode};
use std::sync::mpsc;
use std::sync::{LazyLock, Mutex};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::interruption::Watched;
use super::worker;
use super::workers::Program;
use crate::engine::lab::Lab;
use crate::engine::process::poll_until;
use crate::engine::{Job, isolation};
use crate::error::HarnessError;

/// Answers the requests of a session, in its lab.
pub trait Handler: Sized {
    /// The word by which `cnispec` starts itself as the lab's init, with this handler.
    const WORD: &'static str;
    /// True if calls of delegates are recorded.
    const WATCHES_DELEGATES: bool;
    /// A request.
    type Request: DeserializeOwned;
    /// A response.
    type Response: Serialize;

    /// Takes the lab over.
    fn new(lab: Lab) -> Result<Self, HarnessError>;

    /// Answers. After an error the lab is of no use any more.
    fn handle(&mut self, request: Self::Request) -> Result<Self::Response, HarnessError>;
}

#[derive(Serialize, Deserialize)]
enum Response<A> {
    Done(A),
    Failed { what: String, hint: Option<String> },
}

/// A lab in which a handler answers; it ends when this is dropped.
pub struct Session {
    worker: Child,
    /// None once it is to be waited for.
    watched: Option<Watched>,
    stdin: ChildStdin,
    /// Requests that the pipe has no room for yet: a lab that is answering does not read.
    unsent: Vec<u8>,
    stdout: BufReader<ChildStdout>,
}

impl Session {
    /// Makes the lab that the job's fixture asks for. What fails in it is reported by the first response.
    pub(super) fn open<S: Handler>(
        program: &Program,
        job: &impl Serialize,
    ) -> Result<Self, HarnessError> {
        let failed = |error: io::Error| HarnessError::new(format!("cannot start a lab: {error}"));
        let (worker, watched) = spawn_lastingly(program, S::WORD)?;
        let mut session = Self::with(worker).map_err(failed)?;
        session.watched = Some(watched);
        session.send(job);
        Ok(session)
    }

    fn with(mut worker: Child) -> io::Result<Self> {
        let no_pipe = || io::Error::from(io::ErrorKind::NotFound);
        let stdin = worker.stdin.take().ok_or_else(no_pipe)?;
        let stdout = worker.stdout.take().ok_or_else(no_pipe)?;
        rustix::io::ioctl_fionbio(&stdin, true)?;
        Ok(Self {
            stdin,
            unsent: Vec::new(),
            stdout: BufReader::new(stdout),
            worker,
            watched: None,
        })
    }

    /// Asks, and waits for the answer for at most as long as `patience` lasts.
    pub fn request<Q: Serialize, A: DeserializeOwned>(
        &mut self,
        request: &Q,
        patience: Duration,
    ) -> Result<A, HarnessError> {
        self.send(request);
        self.receive(patience)
    }

    /// Asks without waiting. Answers come in the order of requests.
    pub fn send(&mut self, request: &impl Serialize) {
        self.unsent
            .extend(serde_json::to_vec(request).unwrap_or_default());
        self.unsent.push(b'\n');
        self.flush();
    }

    /// Waits for the next answer for at most as long as `patience` lasts.
    pub fn receive<A: DeserializeOwned>(&mut self, patience: Duration) -> Result<A, HarnessError> {
        match self.line(Instant::now() + patience) {
            Ok(line) => match serde_json::from_slice(&line) {
                Ok(Response::Done(answer)) => Ok(answer),
                Ok(Response::Failed { what, hint }) => Err(HarnessError { what, hint }),
                Err(error) => Err(HarnessError::new(format!(
                    "a lab's answer is not understood: {error}"
                ))),
            },
            Err(error) => Err(HarnessError::new(match error.kind() {
                io::ErrorKind::TimedOut => {
                    format!("a lab did not answer within {} s", patience.as_secs())
                }
                io::ErrorKind::UnexpectedEof => {
                    format!("a lab ended without an answer: {}", self.complaint().trim())
                }
                _ => format!("cannot read from a lab: {error}"),
            })),
        }
    }

    /// The next line, once all of it is there.
    fn line(&mut self, until: Instant) -> io::Result<Vec<u8>> {
        let mut line = Vec::new();
        while !line.ends_with(b"\n") {
            if self.stdout.buffer().is_empty() {
                self.wait_for_output(until)?;
            }
            let there = self.stdout.fill_buf()?;
            if there.is_empty() {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let end = there.iter().position(|byte| *byte == b'\n');
            let count = end.map_or(there.len(), |end| end + 1);
            line.extend_from_slice(&there[..count]);
            self.stdout.consume(count);
        }
        Ok(line)
    }

    /// Sends unsent requests meanwhile.
    fn wait_for_output(&mut self, until: Instant) -> io::Result<()> {
        loop {
            if Instant::now() >= until {
                return Err(io::ErrorKind::TimedOut.into());
            }
            let mut fds = vec![PollFd::new(self.stdout.get_ref(), PollFlags::IN)];
            if !self.unsent.is_empty() {
                fds.push(PollFd::new(&self.stdin, PollFlags::OUT));
            }
            poll_until(&mut fds, until)?;
            if !fds[0].revents().is_empty() {
                return Ok(());
            }
            self.flush();
        }
    }

    /// Sends what there is room for. A lab that has died says why when it is asked for the answer; a broken pipe here would
    /// hide it.
    fn flush(&mut self) {
        while !self.unsent.is_empty() {
            match self.stdin.write(&self.unsent) {
                Ok(count) => drop(self.unsent.drain(..count)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => self.unsent.clear(),
            }
        }
    }

    fn complaint(&mut self) -> String {
        let _ = self.worker.kill();
        let mut complaint = String::new();
        if let Some(stderr) = &mut self.worker.stderr {
            let _ = stderr.read_to_string(&mut complaint);
        }
        complaint
    }
}

/// An init, and what ends it when the run is to end.
type Started = (Child, Watched);

/// Starts a worker from a thread that lasts: a worker dies with the thread that it was started by.
fn spawn_lastingly(program: &Program, handler: &'static str) -> Result<Started, HarnessError> {
    type Order = (
        Program,
        &'static str,
        mpsc::Sender<Result<Started, HarnessError>>,
    );
    static STARTER: LazyLock<Mutex<mpsc::Sender<Order>>> = LazyLock::new(|| {
        let (send, receive) = mpsc::channel::<Order>();
        std::thread::spawn(move || {
            for (program, handler, reply) in receive {
                // A receiver that is gone needs no answer.
                let _ = reply.send(worker::start(&program, handler));
            }
        });
        Mutex::new(send)
    });
    let gone = || HarnessError::new("the thread that starts labs is gone");
    let (reply, answer) = mpsc::channel();
    let starter = STARTER.lock().map_err(|_| gone())?;
    let order = (program.clone(), handler, reply);
    starter.send(order).map_err(|_| gone())?;
    answer.recv().map_err(|_| gone())?
}

impl Drop for Session {
    fn drop(&mut self) {
        let _ = self.worker.kill();
        self.watched = None;
        let _ = self.worker.wait();
    }
}

/// The init's main: makes the lab, and lets the handler answer until standard input ends.
pub fn init<S: Handler>() -> ExitCode {
    if worker::become_ready().is_err() {
        return ExitCode::FAILURE;
    }
    let done = serve::<S>();
    isolation::end();
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn serve<S: Handler>() -> io::Result<()> {
    let mut lines = io::stdin().lock().split(b'\n');
    let Some(job) = lines.next() else {
        return Ok(());
    };
    let lab = Job::read(&job?).and_then(|job| Lab::new(job, S::WATCHES_DELEGATES));
    let mut handler = match lab.and_then(S::new) {
        Ok(handler) => handler,
        Err(error) => return reply::<S::Response>(Err(error)),
    };
    for line in lines {
        let answer = handler.handle(serde_json::from_slice(&line?)?);
        let over = answer.is_err();
        reply(answer)?;
        if over {
            break;
        }
    }
    Ok(())
}

fn reply<A: Serialize>(answer: Result<A, HarnessError>) -> io::Result<()> {
    let answer = match answer {
        Ok(answer) => Response::Done(answer),
        Err(HarnessError { what, hint }) => Response::Failed { what, hint },
    };
    let mut line = serde_json::to_vec(&answer)?;
    line.push(b'\n');
    let mut stdout = io::stdout().lock();
    stdout.write_all(&line)?;
    stdout.flush()
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    /// A session with a program instead of a lab.
    fn with(script: &str) -> Session {
        let worker = Command::new("sh")
            .args(["-c", script])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        Session::with(worker).unwrap()
    }

    const PATIENCE: Duration = Duration::from_secs(20);

    #[test]
    fn a_lab_accepts_requests_while_it_writes_a_long_response() {
        // It reads no more before its output is read.
        let mut session = with("cat");
        let requests = ["a", "b", "c"].map(|letter| letter.repeat(1 << 20));
        for request in &requests {
            session.send(&Response::Done(request));
        }
        for request in &requests {
            let answer: String = session.receive(PATIENCE).unwrap();
            assert!(answer == *request);
        }
    }

    #[test]
    fn the_end_of_a_lab_is_told_with_its_last_words() {
        let mut session = with("head -c 9 >/dev/null; echo 'no room left' >&2");
        let answer: Result<String, _> = session.request(&"q".repeat(1 << 20), PATIENCE);
        assert_eq!(
            answer.unwrap_err().what,
            "a lab ended without an answer: no room left"
        );
    }

    #[test]
    fn nobody_waits_forever() {
        let mut session = with("exec sleep 1000");
        let answer: Result<String, _> = session.request(&"request", Duration::from_millis(50));
        assert!(answer.unwrap_err().what.starts_with("a lab did not answer"));
    }
}
