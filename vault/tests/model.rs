//! Random changes against a plain map, with other processes, reopening and collection in between.
#![allow(clippy::unwrap_used, clippy::cast_possible_truncation, reason = "a test fails by panicking")]

mod common;

use std::collections::BTreeMap;

use common::{Host, Random};
use dagvault_api::{Error, Request, Select, VersionState};

#[derive(Clone, Debug, PartialEq)]
enum Version {
    Live(Vec<u8>),
    Deleted(Vec<u8>),
    Destroyed,
}

#[derive(Clone, Debug, Default, PartialEq)]
struct Path {
    /// Oldest first: version 1 is at 0.
    versions: Vec<Version>,
    meta: BTreeMap<String, Vec<u8>>,
}

type Model = BTreeMap<String, Path>;

fn path(random: &mut Random, paths: u64) -> String {
    let number = random.below(paths);
    format!("space {}/{}/{number}", number % 3, number % 7)
}

fn value(random: &mut Random) -> Vec<u8> {
    let size = match random.below(20) {
        0 => 30_000 + random.below(10_000),
        1 => 4_000 + random.below(300),
        _ => random.below(200),
    };
    random.bytes(size as usize)
}

fn is_live(path: &Path) -> bool {
    matches!(path.versions.last(), Some(Version::Live(_)))
}

/// One random change, on both sides.
#[expect(clippy::too_many_lines, reason = "one arm for each kind of change")]
fn change(host: &mut Host, model: &mut Model, random: &mut Random, paths: u64) {
    let at = path(random, paths);
    let missing = Err(Error::NotFound { path: at.clone() });
    match random.below(20) {
        0..=9 => {
            let value = value(random);
            let put = host.put(&at, &value);
            let path = model.entry(at).or_default();
            path.versions.push(Version::Live(value));
            assert_eq!(put.version.number, path.versions.len() as u64);
        }
        10..=12 => {
            let answer = host.call(&Request::Delete { paths: vec![at.as_str().into()] });
            match model.get_mut(&at).filter(|path| is_live(path)) {
                Some(path) => {
                    answer.unwrap();
                    let Some(Version::Live(value)) = path.versions.pop() else { unreachable!() };
                    path.versions.push(Version::Deleted(value));
                }
                None => assert_eq!(answer, missing),
            }
        }
        13..=14 => {
            let count = model.get(&at).map_or(1, |path| path.versions.len() as u64);
            let number = 1 + random.below(count + 1);
            let select = Select::Number { number };
            let answer = host.call(&Request::Undelete { path: at.as_str().into(), select });
            let version = model.get_mut(&at).and_then(|path| path.versions.get_mut(number as usize - 1));
            match version {
                None => assert_eq!(answer, missing),
                Some(Version::Destroyed) => assert_eq!(answer, Err(Error::Destroyed { path: at })),
                Some(version) => {
                    answer.unwrap();
                    if let Version::Deleted(value) = version.clone() {
                        *version = Version::Live(value);
                    }
                }
            }
        }
        15 => {
            let count = model.get(&at).map_or(1, |path| path.versions.len() as u64);
            let number = 1 + random.below(count);
            let numbers = if random.below(3) == 0 { vec![] } else { vec![number] };
            let answer = host.call(&Request::Destroy { path: at.as_str().into(), numbers: numbers.clone() });
            match model.get_mut(&at) {
                None => assert_eq!(answer, missing),
                Some(path) => {
                    answer.unwrap();
                    match numbers.as_slice() {
                        [] => drop(model.remove(&at)),
                        _ => path.versions[number as usize - 1] = Version::Destroyed,
                    }
                }
            }
        }
        16 => {
            let to = path(random, paths);
            let answer = host.call(&Request::Move { from: at.as_str().into(), to: to.as_str().into() });
            if at == to {
                assert!(matches!(answer, Err(Error::BadRequest { .. })));
            } else if !model.contains_key(&at) {
                assert_eq!(answer, missing);
            } else if model.contains_key(&to) {
                assert!(matches!(answer, Err(Error::Conflict { .. })));
            } else {
                answer.unwrap();
                let moved = model.remove(&at).unwrap();
                model.insert(to, moved);
            }
        }
        17 => {
            let to = path(random, paths);
            let answer = host.call(&Request::Copy { from: at.as_str().into(), to: to.as_str().into() });
            let source = model.get(&at).filter(|path| is_live(path)).cloned();
            match source {
                _ if at == to => assert!(matches!(answer, Err(Error::BadRequest { .. }))),
                None => assert_eq!(answer, missing),
                Some(_) if model.contains_key(&to) => {
                    assert!(matches!(answer, Err(Error::Conflict { .. })));
                }
                Some(mut source) => {
                    answer.unwrap();
                    source.versions.drain(..source.versions.len() - 1);
                    model.insert(to, source);
                }
            }
        }
        _ => {
            let key = format!("key {}", random.below(3));
            let set = random.bytes(5);
            let change = [(key.clone(), Some(dagvault_core::cbor::Bytes(set.clone())))].into();
            let answer = host.call(&Request::SetMeta { path: at.as_str().into(), change });
            match model.get_mut(&at) {
                None => assert_eq!(answer, missing),
                Some(path) => {
                    answer.unwrap();
                    path.meta.insert(key, set);
                }
            }
        }
    }
}

fn compare(host: &mut Host, model: &Model) {
    let listed = host.list("");
    assert_eq!(listed.iter().map(|entry| &entry.path).collect::<Vec<_>>(), model.keys().collect::<Vec<_>>());
    for entry in listed {
        let path = &model[&entry.path];
        assert_eq!(entry.versions, path.versions.len() as u64);
        let meta: BTreeMap<_, _> =
            entry.meta.unwrap().into_iter().map(|(key, value)| (key, value.0)).collect();
        assert_eq!(meta, path.meta);
        let history = host.history(&entry.path);
        assert_eq!(history.len(), path.versions.len());
        for (info, (index, version)) in history.iter().zip(path.versions.iter().enumerate().rev()) {
            let number = index as u64 + 1;
            assert_eq!(info.number, number);
            let got = host.get(&entry.path, Select::Number { number });
            match version {
                Version::Live(value) => assert!(got.as_ref() == Ok(value)),
                Version::Deleted(_) => assert_eq!(got, Err(Error::Deleted { path: entry.path.clone() })),
                Version::Destroyed => {
                    assert_eq!(got, Err(Error::Destroyed { path: entry.path.clone() }));
                    assert_eq!((info.size, info.stored, info.content), (0, 0, None));
                    assert_eq!(info.state, VersionState::Destroyed {});
                }
            }
        }
    }
}

fn run(seed: u64, changes: usize, paths: u64) {
    let mut random = Random(seed);
    let mut model = Model::new();
    let mut host = Host::new(seed);
    for step in 0..changes {
        change(&mut host, &mut model, &mut random, paths);
        if random.below(40) == 0 {
            host = host.reopen(seed * 1000 + step as u64);
        }
        if random.below(60) == 0 {
            host.gc();
        }
        if step % 97 == 0 {
            compare(&mut host, &model);
            assert_eq!(host.verify().unwrap().paths, model.len() as u64);
        }
    }
    compare(&mut host, &model);
    host.verify().unwrap();
    host.gc();
    assert_eq!(host.gc().dead_blocks, 0);
    compare(&mut host, &model);
}

#[test]
fn a_vault_agrees_with_a_plain_map() {
    for (seed, paths) in [(1, 5), (2, 40), (3, 40), (4, 400)] {
        run(seed, 500, paths);
    }
}

#[test]
fn two_writers_see_each_other() {
    let mut first = Host::new(1);
    let mut second = first.reopen(2);
    let mut random = Random(5);
    let mut model = Model::new();
    for step in 0..200 {
        let host = if step % 3 == 0 { &mut second } else { &mut first };
        change(host, &mut model, &mut random, 20);
    }
    compare(&mut first, &model);
    compare(&mut second, &model);
}

#[test]
fn a_folder_of_large_values_moves_whole_and_is_destroyed_whole() {
    let mut host = Host::new(1);
    let values: Vec<Vec<u8>> = (0..60).map(|at| Random(at).bytes(30_000)).collect();
    let names: Vec<String> = (0..60).map(|at| format!("a/{at:03}")).collect();
    let items = names.iter().zip(&values).map(|(name, value)| common::item(name, value)).collect();
    host.call(&Request::Put { items }).unwrap();
    host.call(&Request::Move { from: "a".into(), to: "b".into() }).unwrap();
    assert!(host.list("a").is_empty());
    assert_eq!(host.list("").len(), 60);
    for (at, value) in values.iter().enumerate() {
        assert!(host.latest(&format!("b/{at:03}")).unwrap() == *value);
    }
    host.verify().unwrap();
}
