//! Merge bases beside sets of ancestors.
#![allow(clippy::unwrap_used, clippy::cast_possible_truncation, reason = "a test fails by panicking")]

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::sync::Arc;
use alloc::vec;

use dagvault_api::{KdfParams, Protect, Unlock};
use dagvault_core::arena::Regions;
use dagvault_dag::memory::MemoryStore;
use dagvault_dag::store::{BlockStore as _, Store};
use dagvault_dag::system::FixedSystem;

use super::*;
use crate::head::Settings;
use crate::session::new_commit;

/// A vault whose owner signs commits with any parents.
struct History {
    nodes: Nodes,
    session: Session,
    store: Arc<MemoryStore>,
    /// Sequence and parents of each commit.
    commits: BTreeMap<Cid, (u64, Vec<Cid>)>,
}

impl History {
    fn new() -> Self {
        let store = Arc::new(MemoryStore::new());
        let regions = Regions::allocate();
        let shared = Arc::clone(&store) as Arc<dyn Store>;
        let nodes = Nodes::new(shared, Arc::new(FixedSystem::new(1)), Arc::clone(&regions));
        let unlock = Unlock::KeyFile { bytes: [9; 32].as_slice().into() };
        let protect = Protect { unlock, kdf: KdfParams { memory_kib: 32, passes: 1, lanes: 1 } };
        let session = Session::create(&nodes, &regions, &protect, Settings { paranoid: false }).unwrap();
        let commits = BTreeMap::from([(session.body.commit, (1, vec![]))]);
        Self { nodes, session, store, commits }
    }

    fn first(&self) -> Cid {
        self.session.body.commit
    }

    fn commit(&mut self, parents: &[Cid]) -> Cid {
        let sequence = 1 + parents.iter().map(|parent| self.commits[parent].0).max().unwrap();
        let (keys, space) = (&self.session.keys, &self.session.body.space);
        let salt = self.nodes.random().unwrap();
        let vault = self.session.vault();
        let (cid, block) =
            new_commit(&self.nodes, keys, vault, sequence, parents.to_vec(), (space, None), &salt).unwrap();
        self.store.put_many(vec![block]).unwrap();
        self.commits.insert(cid, (sequence, parents.to_vec()));
        cid
    }

    fn ancestors(&self, of: Cid) -> BTreeSet<Cid> {
        let (mut seen, mut ahead) = (BTreeSet::new(), vec![of]);
        while let Some(cid) = ahead.pop() {
            if seen.insert(cid) {
                ahead.extend(&self.commits[&cid].1);
            }
        }
        seen
    }

    fn expected(&self, tips: &[Cid]) -> BTreeSet<Cid> {
        let common = tips.iter().map(|tip| self.ancestors(*tip)).reduce(|all, more| &all & &more).unwrap();
        let behind: BTreeSet<Cid> = common
            .iter()
            .flat_map(|cid| self.commits[cid].1.iter().flat_map(|parent| self.ancestors(*parent)))
            .collect();
        &common - &behind
    }

    fn bases(&self, tips: &[Cid]) -> Result<BTreeSet<Cid>, Error> {
        match merge_bases(&self.nodes, &self.session, tips)? {
            Response::Log { commits, next } => {
                assert!(next.is_empty());
                let bases: BTreeSet<Cid> = commits.iter().map(|commit| commit.cid).collect();
                assert_eq!(bases.len(), commits.len());
                Ok(bases)
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn merge_bases_are_the_lowest_common_ancestors() {
    let mut state = 7_u64;
    let mut below = |count: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 33) as usize % count
    };
    for _ in 0..8 {
        let mut history = History::new();
        let mut all = vec![history.first()];
        for _ in 0..30 {
            let recent = |below: &mut dyn FnMut(usize) -> usize| all[all.len() - 1 - below(all.len().min(5))];
            let mut parents = vec![recent(&mut below)];
            if below(2) == 0 {
                parents.push(recent(&mut below));
            }
            parents.sort_unstable();
            parents.dedup();
            let cid = history.commit(&parents);
            all.push(cid);
        }
        for _ in 0..20 {
            let tips: Vec<Cid> = (0..1 + below(4)).map(|_| all[below(all.len())]).collect();
            assert_eq!(history.bases(&tips).unwrap(), history.expected(&tips));
        }
    }
}

#[test]
fn histories_that_cross_have_two_bases() {
    let mut history = History::new();
    let first = history.first();
    let (left, right) = (history.commit(&[first]), history.commit(&[first]));
    let (one, two) = (history.commit(&[left, right]), history.commit(&[right, left]));
    assert_eq!(history.bases(&[one, two]).unwrap(), BTreeSet::from([left, right]));
    assert_eq!(history.bases(&[one, left]).unwrap(), BTreeSet::from([left]));
    assert_eq!(history.bases(&[one]).unwrap(), BTreeSet::from([one]));
    assert_eq!(history.bases(&[left, right]).unwrap(), BTreeSet::from([first]));
}

#[test]
fn what_lies_behind_the_bases_is_not_read() {
    let mut history = History::new();
    let mut line = vec![history.first()];
    for _ in 0..60 {
        let next = history.commit(&[line[line.len() - 1]]);
        line.push(next);
    }
    let fork = line[55];
    let branch = history.commit(&[fork]);
    // The first half can't be read any more.
    history.store.delete_many(&line[..30]).unwrap();
    assert_eq!(history.bases(&[branch, line[60]]).unwrap(), BTreeSet::from([fork]));
    assert!(history.bases(&[branch, line[20]]).is_err());
    assert!(history.bases(&[]).is_err());
    assert!(history.bases(&[fork; TIPS_MAX + 1]).is_err());
    assert!(history.bases(&[Cid([3; 32])]).is_err());
}
