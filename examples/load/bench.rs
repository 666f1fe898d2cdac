//! A server, its floor and the generator, for measurements.

use std::path::Path;
use std::time::{Duration, Instant};

use tempfile::NamedTempFile;
use tokio::runtime::{Builder, Runtime};

use crate::arguments::{Arguments, Mode, Rate};
use crate::cores::Cores;
use crate::error::LoadError;
use crate::floor::Floor;
use crate::plan::{Plan, Shot, Shots, request};
use crate::prepare::{Preparer, accepted};
use crate::report::{Row, Start};
use crate::resident::resident_kib;
use crate::run::Ready;
use crate::server::Server;
use crate::tls::Trusting;
use crate::usage::CpuTime;
use crate::wire::{Connection, Place};

/// A server with all that measures it.
pub(crate) struct Bench<'a> {
    arguments: &'a Arguments,
    runtime: Runtime,
    server: Server,
    preparer: Preparer,
    floor: Floor,
    floor_trust: Trusting,
    start: Start,
}

impl<'a> Bench<'a> {
    /// Starts the server on `data_dir` (default: a new directory), or uses the server in the arguments.
    pub(crate) fn open(
        arguments: &'a Arguments,
        cores: &Cores,
        data_dir: Option<&Path>,
    ) -> Result<Self, LoadError> {
        let began = Instant::now();
        let server = match &arguments.server {
            Some(url) => Server::running(url, arguments)?,
            None => Server::start(arguments, cores, data_dir)?,
        };
        let runtime = runtime(cores.generator_threads())?;
        let trusting = Trusting::roots(server.roots.clone())?;
        let who = (arguments.user.as_str(), server.password.as_str());
        let preparer = Preparer::new(&server.place, trusting.clone(), who, &arguments.audience)?;
        let chain = runtime.block_on(chain(&server.place, &trusting))?;
        let start = Start {
            answers_after: server.listens_after.map(|_| began.elapsed()),
            resident_kib: server.pid().and_then(resident_kib),
        };
        let floor = Floor::start(cores, chain.path())?;
        let floor_trust = Trusting::roots(floor.roots.clone())?;
        Ok(Self { arguments, runtime, server, preparer, floor, floor_trust, start })
    }

    /// The start of the server.
    pub(crate) const fn start(&self) -> &Start {
        &self.start
    }

    /// Returns true if each request opens its own connection.
    pub(crate) const fn fresh(&self) -> bool {
        self.arguments.fresh()
    }

    /// The p99 in milliseconds above which a rate is past the knee.
    pub(crate) const fn knee_p99(&self) -> f64 {
        self.arguments.knee_p99
    }

    /// The server's resident size now, in KiB.
    pub(crate) fn resident_kib(&self) -> Option<u64> {
        self.server.pid().and_then(resident_kib)
    }

    /// Prepares and runs one measurement.
    pub(crate) fn measure(&self, mode: Mode, fresh: bool, rate: Rate) -> Result<Row, LoadError> {
        match mode {
            Mode::FloorHttp => self.floor_row("floor-http", false, rate),
            Mode::FloorHandshake => self.floor_row("floor-handshake", true, rate),
            mode => {
                let count = self.count(mode, rate);
                let plan = self.runtime.block_on(self.preparer.plan(mode, count, fresh))?;
                self.run(&self.server.place, self.server.pid(), plan, (rate, self.length()))
            }
        }
    }

    /// The floor of `mode`: the same bytes in, as many out, at full speed. One request gives the size of the answer.
    pub(crate) fn measure_floor(&self, mode: Mode, fresh: bool) -> Result<Row, LoadError> {
        let plan = self.runtime.block_on(self.preparer.plan(mode, 1, fresh))?;
        let answer = self.runtime.block_on(async {
            let shot =
                plan.shot(0).cloned().ok_or_else(|| LoadError::Usage(String::from("nothing to send")))?;
            let tls = shot.tls.as_ref().unwrap_or_else(|| plan.tls(0));
            let opened = Connection::open(&self.server.place, tls).await;
            let mut connection = opened.map_err(LoadError::io("asking for the size of an answer"))?;
            let answered = connection.exchange(&shot.request).await;
            answered.map_err(LoadError::io("asking for the size of an answer"))
        })?;
        accepted(&mode.name(), answer.status, &answer.body)?;
        let identities = self.preparer.floor_identities(mode, &self.floor_trust);
        let identities = self.runtime.block_on(identities)?;
        let floor = plan.for_floor(answer.body.len(), identities);
        let floor = floor.ok_or_else(|| LoadError::Usage(String::from("nothing to send to the floor")))?;
        self.run(&self.floor.place, Some(self.floor.pid()), floor, (Rate::Max, self.length()))
    }

    fn floor_row(&self, name: &str, fresh: bool, rate: Rate) -> Result<Row, LoadError> {
        let request = request("GET", "/floor/3", &self.floor.place.authority, &[], "", fresh);
        let shots = Shots::Same(Shot { request, tls: None });
        let plan = Plan { name: name.to_owned(), shots, fresh, tls: vec![self.floor_trust.config(None)?] };
        self.run(&self.floor.place, Some(self.floor.pid()), plan, (rate, self.length()))
    }

    /// Prepares `count` unique requests of `mode`: their tokens and hosts are made before the clock starts.
    pub(crate) fn plan_all(&self, mode: Mode, count: usize) -> Result<Plan, LoadError> {
        self.runtime.block_on(self.preparer.plan(mode, count, true))
    }

    /// Sends each request of the plan, however long that takes.
    pub(crate) fn measure_all(&self, plan: Plan, rate: Rate) -> Result<Row, LoadError> {
        let longest = Duration::from_secs(3600);
        self.run(&self.server.place, self.server.pid(), plan, (rate, longest))
    }

    /// A metric of the server: its series with this label together.
    pub(crate) fn metric(&self, name: &str, label: &str) -> Result<f64, LoadError> {
        self.runtime.block_on(self.preparer.metric(name, label))
    }

    /// The process of the server.
    pub(crate) const fn pid(&self) -> Option<u32> {
        self.server.pid()
    }

    fn length(&self) -> Duration {
        Duration::from_secs_f64(self.arguments.seconds)
    }

    fn run(
        &self,
        place: &Place,
        pid: Option<u32>,
        plan: Plan,
        (rate, length): (Rate, Duration),
    ) -> Result<Row, LoadError> {
        self.runtime.block_on(async {
            let ready = Ready::open(place, plan, self.arguments.connections).await?;
            let (own, before, size) =
                (CpuTime::of(std::process::id()), pid.and_then(CpuTime::of), pid.and_then(resident_kib));
            let began = Instant::now();
            let (tally, plan) = ready.run(rate, length).await?;
            let wall = began.elapsed();
            let spent =
                |pid: Option<u32>, before: Option<CpuTime>| Some(pid.and_then(CpuTime::of)?.since(&before?));
            Ok(Row {
                name: plan.name.clone(),
                fresh: plan.fresh,
                rate,
                tally,
                server_cpu: spent(pid, before),
                generator_cpu: spent(Some(std::process::id()), own),
                wall,
                resident_before: size,
                resident_after: pid.and_then(resident_kib),
            })
        })
    }

    /// Maximum number of unique requests of a run.
    fn count(&self, mode: Mode, rate: Rate) -> usize {
        let a_second = match (rate, mode) {
            (Rate::Fixed(rate), _) => rate,
            // More than one core of today does.
            (Rate::Max, Mode::VerifyCold) => 20_000.0,
            (Rate::Max, _) => 5_000.0,
        };
        let wanted = (a_second * self.arguments.seconds).ceil() as usize + 1;
        wanted.min(self.arguments.most)
    }
}

fn runtime(threads: usize) -> Result<Runtime, LoadError> {
    let mut builder = match threads {
        1 => Builder::new_current_thread(),
        _ => Builder::new_multi_thread(),
    };
    builder.enable_all().build().map_err(LoadError::io("a runtime"))
}

/// The server's CA certificates, in a file for the floor; the first answer of a server that has just started.
async fn chain(place: &Place, trusting: &Trusting) -> Result<NamedTempFile, LoadError> {
    let doing = || String::from("asking for /ca/chain.pem");
    let mut connection =
        Connection::open(place, &trusting.config(None)?).await.map_err(LoadError::io(doing()))?;
    let asked = request("GET", "/ca/chain.pem", &place.authority, &[], "", true);
    let answer = connection.exchange(&asked).await.map_err(LoadError::io(doing()))?;
    let file = NamedTempFile::new().map_err(LoadError::io("a temporary file"))?;
    std::fs::write(file.path(), &answer.body).map_err(LoadError::io("a temporary file"))?;
    Ok(file)
}
