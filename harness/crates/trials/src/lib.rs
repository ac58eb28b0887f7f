//! Test targets with `harness = false`: tests can be generated, and what the machine lacks is found when they run.
//!
//! A target's main file has `fn main() -> ExitCode { trials::main(generated) }`; its modules say `use trials::test;` and
//! then `#[test]`, or `#[test(Netns, Nft)]` where a test needs something. A test that lacks a prerequisite is ignored, and
//! says why. If `CNISPEC_REQUIRE` names the prerequisite, as in `CNISPEC_REQUIRE=netns,nft`, the test fails.

mod need;

use std::process::ExitCode;

pub use inventory;
use libtest_mimic::{Arguments, Completion, Failed, Trial};
pub use need::Need;
pub use trials_macros::test;

/// A registered test function.
pub struct Test {
    /// The module that it stands in.
    pub module: &'static str,
    /// Its name.
    pub name: &'static str,
    /// Its needs of the machine.
    pub needs: &'static [Need],
    /// The function.
    pub run: fn(),
}

inventory::collect!(Test);

/// A generated test.
pub struct Generated {
    /// Its name, with the modules before it.
    pub name: String,
    /// Its needs of the machine.
    pub needs: &'static [Need],
    /// Does it; an error is what the test says when it fails.
    pub run: Box<dyn FnOnce() -> Result<(), String> + Send>,
}

impl From<&'static Test> for Generated {
    fn from(test: &'static Test) -> Self {
        // The first part is the target.
        let module = test.module.split_once("::").map_or("", |(_, inner)| inner);
        let name = match module {
            "" => test.name.to_owned(),
            _ => format!("{module}::{}", test.name),
        };
        Self {
            name,
            needs: test.needs,
            run: Box::new(|| {
                (test.run)();
                Ok(())
            }),
        }
    }
}

/// Runs the registered tests and these, as the command line says. It speaks libtest's protocol, so `cargo nextest` works.
pub fn main(generated: impl IntoIterator<Item = Generated>) -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads = arguments.test_threads.or_else(most_at_once);
    let registered = inventory::iter::<Test>.into_iter().map(Generated::from);
    let mut tests: Vec<Generated> = registered.chain(generated).collect();
    tests.sort_by(|one, other| one.name.cmp(&other.name));
    let trials = tests
        .into_iter()
        .map(|test| trial(test, &arguments))
        .collect();
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// Two tests for each processor: half of a test's time, the kernel makes and removes namespaces.
fn most_at_once() -> Option<usize> {
    std::thread::available_parallelism()
        .ok()
        .map(|processors| 2 * processors.get())
}

/// A reason can be shown only by a test that runs, and a flag be seen only in a list, which is what nextest reads.
fn trial(test: Generated, arguments: &Arguments) -> Trial {
    let Generated { name, needs, run } = test;
    let is_flagged = arguments.list || arguments.ignored || arguments.include_ignored;
    if is_flagged {
        let is_ignored = need::lacking(needs).is_some_and(|need| !need::is_required(need));
        return Trial::test(name.clone(), move || alone(name, run)).with_ignored_flag(is_ignored);
    }
    Trial::ignorable_test(name.clone(), move || match need::lacking(needs) {
        None => alone(name, run).map(|()| Completion::Completed),
        Some(need) if need::is_required(need) => Err(Failed::from(format!(
            "CNISPEC_REQUIRE names `{}`: {}",
            need.word(),
            need.reason()
        ))),
        Some(need) => Ok(Completion::ignored_with(need.reason())),
    })
}

/// Runs a test in a thread of its own, named after it: namespaces belong to threads.
fn alone(name: String, run: Box<dyn FnOnce() -> Result<(), String> + Send>) -> Result<(), Failed> {
    let thread = std::thread::Builder::new().name(name).spawn(run)?;
    match thread.join() {
        Ok(outcome) => outcome.map_err(Failed::from),
        Err(panic) => std::panic::resume_unwind(panic),
    }
}
