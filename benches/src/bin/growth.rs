//! `growth FOLDER ROUNDS`: puts, gets and listings of a vault with 1,000 secrets and of one with 100,000, in turns, on
//! disk and in memory, by each engine. Prints JSON.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context as _, Result, bail, ensure};
use dagvault_api::{Engine, Request, Response, Select};
use dagvault_benches::{Contender, item, median, plain_engines, put_one, vault_in, vault_in_memory};
use serde_json::json;

/// Secrets of the small vault and of the large one.
const SIZES: [usize; 2] = [1000, 100_000];
/// Secrets with one prefix, which are listed together.
const TEAM: usize = 100;
/// Bytes of a secret.
const VALUE_BYTES: usize = 200;
/// Requests of each kind in one turn; of listings a tenth.
const TURN: usize = 50;
/// Secrets put in one request while a vault is filled.
const BATCH: usize = 2000;

fn path(number: usize) -> String {
    format!("team-{:04}/secret-{:02}", number / TEAM, number % TEAM)
}

/// A vault that takes part.
struct Vault {
    engine: Box<dyn Engine>,
    secrets: usize,
    /// Names of new secrets.
    fresh: usize,
    /// Chooses among the secrets.
    state: u64,
    /// Microseconds of each request, by kind.
    times: [Vec<f64>; KINDS.len()],
}

const KINDS: [&str; 4] = ["put, a new path", "put, a path that is there", "get", "list 100"];

impl Vault {
    fn filled(contender: &Contender, folder: Option<&Path>, secrets: usize) -> Result<Self> {
        let engine = match folder {
            Some(folder) => vault_in(contender, folder, 1)?,
            None => vault_in_memory(contender, 1)?,
        };
        let value = [0x5a; VALUE_BYTES];
        for first in (0..secrets).step_by(BATCH) {
            let paths: Vec<String> = (first..secrets.min(first + BATCH)).map(path).collect();
            let items = paths.iter().map(|path| item(path, &value)).collect();
            let Response::Put { .. } = engine.call(&Request::Put { items })? else { bail!("not put") };
        }
        Ok(Self { engine, secrets, fresh: 0, state: 1, times: Default::default() })
    }

    fn any(&mut self) -> usize {
        self.state = self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        usize::try_from(self.state >> 33).unwrap_or_default() % self.secrets
    }

    fn once(&mut self, kind: usize) -> Result<()> {
        let number = self.any();
        let path = if kind == 0 { format!("{}-{}", path(number), self.fresh) } else { path(number) };
        self.fresh += 1;
        let value = [0xa5; VALUE_BYTES];
        let prefix = format!("team-{:04}", number / TEAM);
        let request = match kind {
            0 | 1 => None,
            2 => Some(Request::Get { path: path.as_str().into(), select: Select::Latest {} }),
            _ => Some(Request::List {
                prefix: prefix.as_str().into(),
                after: None,
                limit: TEAM as u64,
                meta: false,
                deleted: false,
            }),
        };
        let began = Instant::now();
        match &request {
            None => put_one(&*self.engine, &path, &value)?,
            Some(request) => match self.engine.call(request)? {
                Response::Value { value, .. } => ensure!(value.0.len() == VALUE_BYTES, "another value"),
                Response::List { entries, .. } => ensure!(entries.len() == TEAM, "not the whole team"),
                _ => bail!("answered otherwise"),
            },
        }
        self.times[kind].push(began.elapsed().as_secs_f64() * 1e6);
        Ok(())
    }
}

fn measure(contender: &Contender, folder: Option<&Path>, rounds: usize) -> Result<Vec<serde_json::Value>> {
    let mut vaults = Vec::new();
    for secrets in SIZES {
        let folder = folder.map(|folder| folder.join(format!("{}-{secrets}", contender.name)));
        vaults.push(Vault::filled(contender, folder.as_deref(), secrets)?);
    }
    for round in 0..rounds {
        for kind in 0..KINDS.len() {
            for turn in 0..vaults.len() {
                // The other one begins in each round.
                let index = (turn + round) % vaults.len();
                for _ in 0..if kind == 3 { TURN / 10 } else { TURN } {
                    vaults[index].once(kind)?;
                }
            }
        }
    }
    let place = if folder.is_some() { "on disk" } else { "in memory" };
    let rows = KINDS.iter().enumerate().map(|(kind, what)| {
        let micros: Vec<f64> = vaults.iter().map(|vault| median(vault.times[kind].clone())).collect();
        json!({ "what": what, "who": contender.name, "where": place, "micros": micros })
    });
    Ok(rows.collect())
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, rounds] = arguments.as_slice() else { bail!("usage: growth FOLDER ROUNDS") };
    let (folder, rounds) = (Path::new(folder), rounds.parse().context("ROUNDS")?);
    let mut rows = Vec::new();
    for contender in plain_engines() {
        std::fs::create_dir_all(folder)?;
        rows.extend(measure(contender, Some(folder), rounds)?);
        std::fs::remove_dir_all(folder)?;
        rows.extend(measure(contender, None, rounds)?);
    }
    println!("{}", json!({ "secrets": SIZES, "rows": rows }));
    Ok(())
}
