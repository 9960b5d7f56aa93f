//! `dag`: commits and what they reach.

use std::collections::BTreeMap;

use dagvault_api::{BlockKind, CommitInfo, Request, Response};
use dagvault_core::ids::Cid;
use dagvault_core::limits::PAGE_ITEMS_MAX;
use serde_json::json;

use super::block::check_output;
use super::car::{self, Walk};
use super::get::NewFile;
use crate::args::{Dag, Global, Graph, GraphFormat, Log, Root};
use crate::engine::{Access, Session};
use crate::failure::{Failure, Outcome};
use crate::graph;
use crate::output::Out;
use crate::show;
use crate::signal::Stop;

/// Runs one of the commands on the graph.
pub(super) fn run(global: &Global, command: &Dag, out: &mut Out) -> Outcome<()> {
    match command {
        Dag::Export { roots, output } => car::export(global, roots, output, out),
        Dag::Import { files } => car::import(global, files, out),
        Dag::Stat { root } => stat(global, *root, out),
        Dag::Log(options) => log(global, options, out),
        Dag::Diff { from, to } => super::diff::run(global, *from, *to, out),
        Dag::MergeBase { commits } => merge_base(global, commits, out),
        Dag::Graph(options) => draw(global, options, out),
    }
}

/// Commits, children before parents, read by pages.
pub(super) struct Commits<'s> {
    session: &'s Session,
    page: std::vec::IntoIter<CommitInfo>,
    /// None before the first page.
    next: Option<Vec<Cid>>,
    from: Root,
    limit: u64,
}

impl<'s> Commits<'s> {
    /// Those that a commit reaches, itself first; `limit` is how many are likely wanted.
    pub(super) fn new(session: &'s Session, from: Root, limit: u64) -> Self {
        let limit = limit.min(PAGE_ITEMS_MAX as u64);
        Self { session, page: Vec::new().into_iter(), next: None, from, limit }
    }

    /// The next one.
    pub(super) fn next(&mut self) -> Outcome<Option<CommitInfo>> {
        if let Some(commit) = self.page.next() {
            return Ok(Some(commit));
        }
        let from = match &mut self.next {
            None => self.from.cid().into_iter().collect(),
            Some(next) if next.is_empty() => return Ok(None),
            Some(next) => std::mem::take(next),
        };
        let Response::Log { commits, next } = self.session.call(&Request::Log { from, limit: self.limit })?
        else {
            return Err(Failure::odd_answer());
        };
        self.page = commits.into_iter();
        self.next = Some(next);
        Ok(self.page.next())
    }
}

/// One commit.
pub(super) fn commit(session: &Session, root: Root) -> Outcome<CommitInfo> {
    Commits::new(session, root, 1).next()?.ok_or_else(Failure::odd_answer)
}

/// What a commit changed, as far as it and its parent tell.
pub(super) fn summary(commit: &CommitInfo, parent: Option<&CommitInfo>) -> String {
    let what = match (&commit.parents[..], parent) {
        ([], _) => "the vault was made",
        ([_, _, ..], _) => "merge",
        (_, None) => "change",
        (_, Some(parent)) => {
            let rotated = commit.roots.iter().zip(&parent.roots).any(|(new, old)| new.epoch != old.epoch);
            if rotated {
                "versions were destroyed"
            } else if commit.roots == parent.roots {
                "key slots"
            } else {
                "paths"
            }
        }
    };
    format!("change {}: {what}", commit.sequence)
}

/// The parent that the log tells next, if it does.
fn parent_of<'c>(commit: &CommitInfo, next: Option<&'c CommitInfo>) -> Option<&'c CommitInfo> {
    next.filter(|next| commit.parents == [next.cid])
}

fn within(options: &Log, commit: &CommitInfo) -> bool {
    let time = show::time(commit.time_ms);
    let before = |until: &String| time.get(..until.len()).is_some_and(|time| time <= until.as_str());
    options.since.as_ref().is_none_or(|since| time.as_str() >= since.as_str())
        && options.until.as_ref().is_none_or(before)
}

fn log(global: &Global, options: &Log, out: &mut Out) -> Outcome<()> {
    let mut session = Session::open(global, Access::Read, out)?;
    let stop = Stop::watch();
    let mut left = options.max_count.unwrap_or(u64::MAX);
    // One more than is shown: what a commit changed shows beside its parent.
    let mut commits = Commits::new(&session, options.from, left.saturating_add(1));
    let mut next = commits.next()?;
    let mut is_first = true;
    while let Some(commit) = next {
        stop.check("there is more in the log; show less with -n")?;
        if left == 0 {
            break;
        }
        next = commits.next()?;
        if !within(options, &commit) {
            continue;
        }
        left -= 1;
        let summary = summary(&commit, parent_of(&commit, next.as_ref()));
        show_commit(&commit, &summary, options.oneline, is_first, out)?;
        is_first = false;
    }
    session.tell(out);
    Ok(())
}

fn show_commit(
    commit: &CommitInfo,
    summary: &str,
    oneline: bool,
    is_first: bool,
    out: &mut Out,
) -> Outcome<()> {
    let parents: Vec<String> = commit.parents.iter().map(ToString::to_string).collect();
    let time = show::time(commit.time_ms);
    if out.json {
        let roots = commit.roots.iter().map(|root| {
            let cid = root.root.map(|root| root.to_string());
            json!({ "space": show::hex(&root.space), "epoch": root.epoch, "root": cid })
        });
        return out.object(&json!({
            "commit": commit.cid.to_string(), "sequence": commit.sequence, "parents": parents,
            "author": show::hex(&commit.author), "time": time, "time_ms": commit.time_ms, "summary": summary,
            "spaces": roots.collect::<Vec<_>>(),
        }));
    }
    if oneline {
        return out.line(&format!("{} {time} {summary}", commit.cid));
    }
    if !is_first {
        out.line("")?;
    }
    out.line(&format!("commit {}", commit.cid))?;
    if parents.len() > 1 {
        out.line(&format!("Merge:  {}", parents.join(" ")))?;
    }
    out.line(&format!("Author: {}", show::hex(&commit.author)))?;
    out.line(&format!("Date:   {time}"))?;
    for root in commit.roots.iter().filter_map(|root| root.root) {
        out.line(&format!("Tree:   {root}"))?;
    }
    out.line("")?;
    out.line(&format!("    {summary}"))
}

fn merge_base(global: &Global, commits: &[Root], out: &mut Out) -> Outcome<()> {
    let mut session = Session::open(global, Access::Read, out)?;
    let cids: Vec<Cid> =
        commits.iter().map(|root| Ok(commit(&session, *root)?.cid)).collect::<Outcome<_>>()?;
    let Response::Log { commits: bases, .. } = session.call(&Request::MergeBases { commits: cids })? else {
        return Err(Failure::odd_answer());
    };
    session.tell(out);
    for base in bases {
        let cid = base.cid.to_string();
        if out.json {
            out.object(&json!({ "commit": cid, "sequence": base.sequence }))?;
        } else {
            out.line(&cid)?;
        }
    }
    Ok(())
}

/// The name of a kind of block.
fn kind_name(kind: BlockKind) -> &'static str {
    match kind {
        BlockKind::Leaf {} => "leaf",
        BlockKind::Branch {} => "branch",
        BlockKind::Chunk {} => "chunk",
        BlockKind::Index {} => "index",
        BlockKind::History {} => "history",
        BlockKind::Commit {} => "commit",
    }
}

/// Figures of a walk.
#[derive(Default)]
struct Figures {
    /// Blocks and bytes of each kind.
    kinds: BTreeMap<BlockKind, (u64, u64)>,
    /// Blocks at each depth, commits left out.
    depths: BTreeMap<u64, u64>,
    links: u64,
    shared: u64,
    smallest: u64,
    largest: u64,
}

fn stat(global: &Global, root: Root, out: &mut Out) -> Outcome<()> {
    let mut session = Session::open(global, Access::Read, out)?;
    let stop = Stop::watch();
    let mut walk = Walk::new(&session, root, true)?;
    let mut figures = Figures { smallest: u64::MAX, ..Figures::default() };
    let mut first = None;
    loop {
        stop.check("nothing was changed; the figures begin anew each time")?;
        let page = walk.page()?;
        if page.is_empty() {
            break;
        }
        first = first.or(page.first().map(|step| step.cid));
        for step in page {
            let (blocks, bytes) = figures.kinds.entry(step.kind).or_default();
            *blocks += 1;
            *bytes += step.bytes;
            if step.kind != (BlockKind::Commit {}) {
                *figures.depths.entry(step.depth).or_default() += 1;
            }
            figures.links += step.links;
            figures.shared += step.shared;
            figures.smallest = figures.smallest.min(step.bytes);
            figures.largest = figures.largest.max(step.bytes);
        }
    }
    let sealed = walk.sealed;
    session.tell(out);
    if let Some(sealed) = sealed {
        out.warn(&format!(
            "the tree {sealed} is not counted: its keys are not kept, as for all but the newest commit"
        ));
    }
    let root = first.ok_or_else(Failure::odd_answer)?;
    show_figures(root, &figures, out)
}

fn show_figures(root: Cid, figures: &Figures, out: &mut Out) -> Outcome<()> {
    let (blocks, bytes) =
        figures.kinds.values().fold((0, 0), |(blocks, bytes), kind| (blocks + kind.0, bytes + kind.1));
    let depth = figures.depths.keys().next_back().copied().unwrap_or(0);
    let width = figures.depths.values().max().copied().unwrap_or(0);
    if out.json {
        let kinds: serde_json::Map<_, _> = figures
            .kinds
            .iter()
            .map(|(kind, (blocks, bytes))| {
                (kind_name(*kind).to_owned(), json!({ "blocks": blocks, "bytes": bytes }))
            })
            .collect();
        return out.object(&json!({
            "root": root.to_string(), "blocks": blocks, "bytes": bytes, "depth": depth, "width": width,
            "links": figures.links, "shared_links": figures.shared, "smallest": figures.smallest,
            "largest": figures.largest, "kinds": kinds,
        }));
    }
    let mut line = |name: &str, value: String| out.line(&format!("{name:<14} {value}"));
    line("root", root.to_string())?;
    line("blocks", format!("{blocks} ({})", show::bytes(bytes)))?;
    for (kind, (blocks, bytes)) in &figures.kinds {
        line(&format!("  {}", kind_name(*kind)), format!("{blocks} ({})", show::bytes(*bytes)))?;
    }
    line("block sizes", format!("{} to {}", show::bytes(figures.smallest), show::bytes(figures.largest)))?;
    line("depth", format!("{depth} links"))?;
    line("width", format!("{width} blocks"))?;
    line("links", format!("{}, {} of them to shared blocks", figures.links, figures.shared))
}

fn draw(global: &Global, options: &Graph, out: &mut Out) -> Outcome<()> {
    let svg_name =
        options.output.output.as_ref().is_some_and(|file| {
            file.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("svg"))
        });
    let by_name = if svg_name { GraphFormat::Svg } else { GraphFormat::Dot };
    let format = options.format.unwrap_or(by_name);
    if options.output.output.is_some() {
        check_output(&options.output, out)?;
    }
    let mut session = Session::open(global, Access::Read, out)?;
    let mut commits = Commits::new(&session, options.from, options.max_count.saturating_add(1));
    let mut shown: Vec<(CommitInfo, String)> = Vec::new();
    let mut next = commits.next()?;
    while let Some(commit) = next.filter(|_| (shown.len() as u64) < options.max_count) {
        next = commits.next()?;
        let summary = summary(&commit, parent_of(&commit, next.as_ref()));
        shown.push((commit, summary));
    }
    session.tell(out);
    let text = match format {
        GraphFormat::Dot => graph::dot(&shown),
        GraphFormat::Svg => graph::svg(&shown),
    };
    let Some(target) = &options.output.output else { return out.raw(text.as_bytes()) };
    let mut file = NewFile::create(target, options.output.force)?;
    file.write(text.as_bytes())?;
    file.finish()?;
    let target = target.display().to_string();
    let count = show::count(shown.len() as u64, "commit", "commits");
    out.done(&format!("{count} to {target}"), &json!({ "commits": shown.len(), "file": target }))
}
