//! Measures: a lab for each plugin, and one round after another in all of them, so that what drifts hits all alike.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use cni_types::Version;

use super::attribution;
use super::model::{
    Contention, Failures, Figures, Growth, GrowthPoint, Plugin, Series, Traced, Trend,
};
use super::statistics::{exponent, mean, outliers};
use crate::bench::server::{self, MeasuredOperation, Request, Response, Sample, Server};
use crate::bench::trace::Trace;
use crate::engine::{BIN, Settings, Task, stub};
use crate::error::HarnessError;
use crate::percentile::median;
use crate::report::SubjectFacts;
use crate::runner::Workers;
use crate::runner::session::Session;
use crate::subject::Subject;

/// Rounds that fill caches and do not count.
pub const WARM_UP: usize = 3;
/// Rounds in which links are deleted as well, every so many.
const BARE_EVERY: usize = 4;
/// How often the same call is traced.
const TRACES: usize = 5;
/// The least that an automatic measurement takes, unless it takes too long.
const FEWEST: usize = 30;
/// The most that an automatic measurement takes.
const MOST: usize = 300;
/// How long an automatic measurement takes at most.
const LONGEST: Duration = Duration::from_secs(30);
/// An automatic measurement ends when every ADD's median is known this well, each way.
const PRECISION: f64 = 0.02;
/// How many rounds each point of a curve takes.
const ROUNDS_OF_A_POINT: usize = 20;
/// How many calls at least are made at each degree of contention.
const CALLS_IN_BURSTS: usize = 60;

/// How long to measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Length {
    /// So many rounds.
    Rounds(usize),
    /// As many rounds as fit.
    Time(Duration),
    /// Until the figures are known well enough.
    Automatic,
}

/// The parameters of a measurement.
#[derive(Debug, Clone)]
pub struct Plan<'a> {
    /// The plugins; the first one is the subject.
    pub subjects: &'a [Subject],
    /// The version that network configurations are written in.
    pub version: Version,
    /// How long.
    pub length: Length,
    /// With how many attachments already there, in rising order.
    pub attachments: &'a [usize],
    /// How many calls at once.
    pub parallel: &'a [usize],
    /// Seed and deadline.
    pub settings: Settings,
}

/// Why nothing was measured.
#[derive(Debug)]
pub enum MeasureError {
    /// A plugin does not do what is to be measured.
    Plugin {
        /// Its place in the plan.
        plugin: usize,
        /// Its output.
        how: String,
    },
    /// The harness or its environment failed.
    Harness(HarnessError),
}

impl From<HarnessError> for MeasureError {
    fn from(error: HarnessError) -> Self {
        MeasureError::Harness(error)
    }
}

/// Measures every plugin of the plan. Returns the number of rounds and the figures; `tell` hears how far it has come.
pub fn measure(plan: &Plan<'_>, tell: &dyn Fn(&str)) -> Result<(usize, Vec<Plugin>), MeasureError> {
    let mut runners = plan
        .subjects
        .iter()
        .map(|subject| Runner::start(plan, subject))
        .collect::<Result<Vec<_>, _>>()?;
    let rounds = lives(plan, &mut runners, tell)?;
    for runner in &mut runners {
        tell("tracing");
        runner.trace()?;
    }
    contend(plan, &mut runners, tell)?;
    grow(plan, &mut runners, tell)?;
    Ok((rounds, runners.into_iter().map(Runner::finish).collect()))
}

fn lives(
    plan: &Plan<'_>,
    runners: &mut [Runner<'_>],
    tell: &dyn Fn(&str),
) -> Result<usize, MeasureError> {
    for round in 0..WARM_UP {
        each(runners, round, |runner| runner.life().map(drop))?;
    }
    for (plugin, runner) in runners.iter_mut().enumerate() {
        let samples = runner.life()?;
        let add = samples
            .iter()
            .find(|sample| sample.measured == MeasuredOperation::Add);
        if let Some(how) = add.and_then(|add| add.failure.clone()) {
            return Err(MeasureError::Plugin { plugin, how });
        }
    }
    let began = Instant::now();
    let mut round = 0;
    while !is_enough(plan.length, round, began.elapsed(), runners) {
        tell(&format!("round {}", round + 1));
        each(runners, round, |runner| {
            let samples = runner.life()?;
            runner.samples.push(samples);
            if round.is_multiple_of(BARE_EVERY) && server::makes_links(runner.subject.kind) {
                runner.delete_a_link()?;
            }
            Ok(())
        })?;
        round += 1;
    }
    Ok(round)
}

/// One thing with every plugin, forwards in one round and backwards in the next.
fn each<'a>(
    runners: &mut [Runner<'a>],
    round: usize,
    act: impl Fn(&mut Runner<'a>) -> Result<(), HarnessError>,
) -> Result<(), HarnessError> {
    if round.is_multiple_of(2) {
        runners.iter_mut().try_for_each(act)
    } else {
        runners.iter_mut().rev().try_for_each(act)
    }
}

fn is_enough(length: Length, rounds: usize, elapsed: Duration, runners: &[Runner<'_>]) -> bool {
    match length {
        Length::Rounds(wanted) => rounds >= wanted,
        Length::Time(time) => rounds > 0 && elapsed >= time,
        Length::Automatic if rounds >= MOST => true,
        Length::Automatic if elapsed >= LONGEST => rounds > 0,
        // Computing an interval takes as long as a round, so it is not done after each.
        Length::Automatic if rounds < FEWEST || !rounds.is_multiple_of(10) => false,
        Length::Automatic => runners.iter().all(|runner| {
            let known = runner.series(MeasuredOperation::Add).distribution;
            known.is_none_or(|known| {
                (known.p50.high - known.p50.low) / 2.0 <= PRECISION * known.p50.value
            })
        }),
    }
}

fn contend(
    plan: &Plan<'_>,
    runners: &mut [Runner<'_>],
    tell: &dyn Fn(&str),
) -> Result<(), HarnessError> {
    for &parallel in plan.parallel {
        tell(&format!("{parallel} at once"));
        let mut measured: Vec<Vec<Sample>> = runners.iter().map(|_| Vec::new()).collect();
        for burst in 0..CALLS_IN_BURSTS.div_ceil(parallel.max(1)) + 1 {
            for (runner, samples) in runners.iter_mut().zip(&mut measured) {
                let found = runner.samples_of(&Request::Burst(parallel))?;
                // The first one makes the containers.
                if burst > 0 {
                    samples.extend(found);
                }
            }
        }
        for (runner, samples) in runners.iter_mut().zip(measured) {
            let all: Vec<&Sample> = samples.iter().collect();
            runner.contention.push(Contention {
                parallel,
                add: series(&all, MeasuredOperation::Add),
                del: series(&all, MeasuredOperation::Del),
                failures: failures(&all),
            });
        }
    }
    Ok(())
}

fn grow(
    plan: &Plan<'_>,
    runners: &mut [Runner<'_>],
    tell: &dyn Fn(&str),
) -> Result<(), HarnessError> {
    let rounds = match plan.length {
        Length::Rounds(rounds) => rounds,
        Length::Time(_) | Length::Automatic => ROUNDS_OF_A_POINT,
    };
    for &attachments in plan.attachments {
        for (index, runner) in runners.iter_mut().enumerate() {
            tell(&format!("{attachments} attachments, plugin {}", index + 1));
            runner.attach(attachments)?;
        }
        let mut growing: Vec<_> = runners
            .iter_mut()
            .filter(|runner| runner.full.is_none())
            .map(|runner| (runner, Vec::new()))
            .collect();
        // The first round after attaching is a warm-up again.
        for round in 0..=rounds {
            for (runner, samples) in &mut growing {
                let found = runner.life()?;
                if round > 0 {
                    samples.extend(found);
                }
            }
        }
        for (runner, samples) in growing {
            let all: Vec<&Sample> = samples.iter().collect();
            runner.growth.push(GrowthPoint {
                attachments,
                add: series(&all, MeasuredOperation::Add),
                del: series(&all, MeasuredOperation::Del),
            });
        }
    }
    Ok(())
}

/// One plugin in its lab, and what was measured of it.
struct Runner<'a> {
    subject: &'a Subject,
    session: Session,
    patience: Duration,
    samples: Vec<Vec<Sample>>,
    bare: Vec<u64>,
    traces: BTreeMap<MeasuredOperation, Vec<Trace>>,
    growth: Vec<GrowthPoint>,
    /// The failure of the first attachment that could not be made.
    full: Option<String>,
    contention: Vec<Contention>,
}

impl<'a> Runner<'a> {
    fn start(plan: &Plan<'_>, subject: &'a Subject) -> Result<Self, HarnessError> {
        let task = Task {
            scenario: "bench".to_owned(),
            spec_version: plan.version,
        };
        let workers = Workers::new(subject, &plan.settings)?;
        Ok(Self {
            subject,
            session: workers.open::<Server>(&task)?,
            patience: plan.settings.timeout * 16 + Duration::from_secs(30),
            samples: Vec::new(),
            bare: Vec::new(),
            traces: BTreeMap::new(),
            growth: Vec::new(),
            full: None,
            contention: Vec::new(),
        })
    }

    fn life(&mut self) -> Result<Vec<Sample>, HarnessError> {
        self.samples_of(&Request::Life)
    }

    fn samples_of(&mut self, request: &Request) -> Result<Vec<Sample>, HarnessError> {
        match self.session.request(request, self.patience)? {
            Response::Samples(samples) => Ok(samples),
            other => Err(unexpected(&other)),
        }
    }

    fn delete_a_link(&mut self) -> Result<(), HarnessError> {
        match self
            .session
            .request(&Request::LinkDeletion, self.patience)?
        {
            Response::Deleted(us) => self.bare.push(us),
            other => return Err(unexpected(&other)),
        }
        Ok(())
    }

    fn attach(&mut self, count: usize) -> Result<(), HarnessError> {
        if self.full.is_some() {
            return Ok(());
        }
        let each = u32::try_from(count).unwrap_or(u32::MAX);
        let patience = self.patience + Duration::from_secs(1).saturating_mul(each);
        match self.session.request(&Request::Attach(count), patience)? {
            Response::Attached => {}
            Response::Full(why) => self.full = Some(why),
            other => return Err(unexpected(&other)),
        }
        Ok(())
    }

    fn trace(&mut self) -> Result<(), HarnessError> {
        for _ in 0..TRACES {
            match self.session.request(&Request::Trace, self.patience)? {
                Response::Traced(traces) => {
                    for (measured, trace) in traces {
                        self.traces.entry(measured).or_default().push(trace);
                    }
                }
                other => return Err(unexpected(&other)),
            }
        }
        Ok(())
    }

    fn of(&self, measured: MeasuredOperation) -> Vec<&Sample> {
        self.samples
            .iter()
            .flatten()
            .filter(|sample| sample.measured == measured)
            .collect()
    }

    fn series(&self, measured: MeasuredOperation) -> Series {
        series(&self.of(measured), measured)
    }

    fn finish(self) -> Plugin {
        let operations = MeasuredOperation::ALL
            .into_iter()
            .filter_map(|measured| self.figures(measured))
            .collect();
        let add: Vec<&Trace> = self
            .traces
            .get(&MeasuredOperation::Add)
            .into_iter()
            .flatten()
            .filter(|trace| trace.succeeded)
            .collect();
        let bare = self.bare.iter().copied().map(Some).collect::<Vec<_>>();
        Plugin {
            subject: SubjectFacts::of(self.subject),
            config: self.subject.fixture.origin.clone(),
            operations,
            attribution: attribution::shares(&add, &cni_path(self.subject)),
            link_deletion: (!bare.is_empty()).then(|| Series::new(bare)),
            growth: (!self.growth.is_empty()).then(|| growth(self.growth, self.full)),
            contention: self.contention,
        }
    }

    fn figures(&self, measured: MeasuredOperation) -> Option<Figures> {
        let samples = self.of(measured);
        if samples.is_empty() {
            return None;
        }
        let times = series(&samples, measured);
        let figure = |of: fn(&Sample) -> u64| -> Vec<f64> {
            let counted = samples.iter().filter(|sample| sample.failure.is_none());
            counted.map(|sample| of(sample) as f64).collect()
        };
        let mean_of = |of| {
            let all = figure(of);
            if all.is_empty() { 0.0 } else { mean(&all) }
        };
        let faults = figure(|sample| sample.usage.page_faults);
        Some(Figures {
            operation: measured,
            outliers: outliers_by_round(&times),
            user_us: mean_of(|sample| sample.usage.user_us),
            system_us: mean_of(|sample| sample.usage.system_us),
            page_faults: if faults.is_empty() {
                0.0
            } else {
                median(&faults)
            },
            traced: self.traces.get(&measured).and_then(|traces| traced(traces)),
            failures: failures(&samples),
            times,
        })
    }
}

/// Rounds whose samples are outliers among those that count.
fn outliers_by_round(times: &Series) -> Vec<usize> {
    let rounds: Vec<usize> = times
        .samples_us
        .iter()
        .enumerate()
        .filter(|(_, sample)| sample.is_some())
        .map(|(round, _)| round)
        .collect();
    let places = outliers(&times.counted());
    places.into_iter().map(|place| rounds[place]).collect()
}

fn traced(traces: &[Trace]) -> Option<Traced> {
    // The calls of one operation are alike; the middle one stands for all.
    let mut by_calls: Vec<&Trace> = traces.iter().collect();
    by_calls.sort_by_key(|trace| trace.system_calls);
    let trace = by_calls.get(by_calls.len() / 2)?;
    Some(Traced {
        system_calls: trace.system_calls,
        children: attribution::children(&trace.events),
        peak_memory_kib: trace.peak_memory_kib,
    })
}

fn series(samples: &[&Sample], measured: MeasuredOperation) -> Series {
    let of_it = samples.iter().filter(|sample| sample.measured == measured);
    let counted = of_it.map(|sample| match sample.failure {
        None => Some(sample.usage.wall_us),
        Some(_) => None,
    });
    Series::new(counted.collect())
}

fn failures(samples: &[&Sample]) -> Option<Failures> {
    let failed: Vec<&String> = samples
        .iter()
        .filter_map(|sample| sample.failure.as_ref())
        .collect();
    Some(Failures {
        count: failed.len(),
        first: (*failed.first()?).clone(),
    })
}

fn growth(points: Vec<GrowthPoint>, ended: Option<String>) -> Growth {
    let trend = |of: fn(&GrowthPoint) -> &Series| {
        let medians = points.iter().filter_map(|point| {
            let distribution = of(point).distribution?;
            Some((point.attachments as f64, distribution.p50))
        });
        let medians: Vec<_> = medians.collect();
        let (first, last) = (medians.first()?, medians.last()?);
        // A change within its own uncertainty is no growth.
        if last.1.low <= first.1.high {
            return None;
        }
        let points: Vec<(f64, f64)> = medians.iter().map(|(n, p50)| (*n, p50.value)).collect();
        Some(Trend {
            times: last.1.value / first.1.value,
            exponent: exponent(&points),
        })
    };
    Growth {
        add: trend(|point| &point.add),
        del: trend(|point| &point.del),
        points,
        ended,
    }
}

/// Where plugins are found in the subject's lab.
fn cni_path(subject: &Subject) -> Vec<String> {
    let own = subject.path.parent().map(|path| path.display().to_string());
    let more = subject
        .cni_path
        .iter()
        .map(|path| path.display().to_string());
    own.into_iter()
        .chain(more)
        .chain([BIN, stub::DIRECTORY].map(str::to_owned))
        .collect()
}

fn unexpected(done: &Response) -> HarnessError {
    HarnessError::new(format!(
        "the lab did something else than it was asked: {done:?}"
    ))
}
