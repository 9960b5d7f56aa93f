//! Models of the table that loom runs in every order of two threads' steps, with at most two preemptions.

use std::cell::Cell;
use std::sync::Arc;

use loom::model::Builder;
use loom::thread;

use super::super::deque::{CAPACITY, Deque, Stolen};
use super::super::{Flag, Limits, Node, NodeTable};
use super::name;

thread_local! {
    /// Whether the wrong orderings are in place. loom runs all threads of a model on one.
    pub(in super::super) static PLANTED: Cell<bool> = const { Cell::new(false) };
}

fn model(run: impl Fn() + Send + Sync + 'static) {
    let mut builder = Builder::new();
    builder.preemption_bound = Some(2);
    builder.max_branches = 20_000;
    builder.check(run);
}

fn table() -> Arc<NodeTable> {
    Arc::new(NodeTable::new(None, 3, Limits::default()).unwrap())
}

fn node(table: &NodeTable, number: u64) -> Node {
    table.worker().insert(&name(number)).unwrap().0
}

/// Runs two jobs on two threads.
fn both<A: Send + 'static, B>(
    table: &Arc<NodeTable>,
    first: impl FnOnce(&NodeTable) -> A + Send + 'static,
    second: impl FnOnce(&NodeTable) -> B,
) -> (A, B) {
    let shared = Arc::clone(table);
    let other = thread::spawn(move || first(&shared));
    let mine = second(table);
    (other.join().unwrap(), mine)
}

#[test]
fn insert_and_insert_of_the_same() {
    model(|| {
        let table = table();
        let insert = |table: &NodeTable| table.worker().insert(&name(1)).unwrap();
        let (first, second) = both(&table, insert, insert);
        assert_eq!(first.0, second.0);
        assert!(first.1 != second.1, "one of them is new");
        assert_eq!(table.nodes(0..u32::MAX).count(), 1);
    });
}

#[test]
fn insert_and_insert_of_others() {
    model(|| {
        let table = table();
        let (first, second) = both(&table, |table| node(table, 1), |table| node(table, 2));
        assert!(first != second);
        assert_eq!((table.find(&name(1)), table.find(&name(2))), (Some(first), Some(second)));
        assert_eq!((table.cid(first), table.cid(second)), (name(1), name(2)));
    });
}

fn insert_and_lookup() {
    model(|| {
        let table = table();
        let look = |table: &NodeTable| {
            let found = table.find(&name(1));
            let listed: Vec<Node> = table.nodes(0..u32::MAX).collect();
            listed.iter().for_each(|node| assert_eq!(table.cid(*node), name(1)));
            assert!(found.is_none() || !listed.is_empty());
            found
        };
        let (inserted, found) = both(&table, |table| node(table, 1), look);
        assert!(found.is_none_or(|found| found == inserted));
        assert_eq!(table.find(&name(1)), Some(inserted));
    });
}

#[test]
fn insert_and_lookup_agree() {
    insert_and_lookup();
}

/// The reader meets a number before the name: what it compares is not there yet.
fn insert_the_same_after_a_while() {
    model(|| {
        let table = table();
        let (inserted, again) = both(&table, |table| node(table, 1), |table| node(table, 1));
        assert_eq!(inserted, again);
    });
}

#[test]
#[should_panic(expected = "left == right")]
fn a_planted_relaxed_publication_is_found() {
    PLANTED.set(true);
    insert_the_same_after_a_while();
}

#[test]
fn link_and_link() {
    model(|| {
        let table = table();
        let [first, second, child] = [1, 2, 3].map(|number| node(&table, number));
        let link = move |parent| {
            move |table: &NodeTable| {
                assert_eq!(table.worker().link(parent, &[child]), Ok(true));
                assert!(table.parents(child).contains(&parent));
                assert!(table.children(parent).unwrap().eq([child]));
            }
        };
        both(&table, link(first), link(second));
        assert_eq!(table.parents(child), [first, second]);
        assert_eq!(table.view(child).parents, 2);
    });
}

#[test]
fn link_and_link_of_one_node() {
    model(|| {
        let table = table();
        let [parent, child] = [1, 2].map(|number| node(&table, number));
        let link = move |table: &NodeTable| table.worker().link(parent, &[child]).unwrap();
        let (first, second) = both(&table, link, link);
        assert!(first != second, "one of them is told");
        assert_eq!((table.parents(child), table.view(child).parents), (vec![parent], 1));
    });
}

/// An edge seen from one side is there from the other. An only child is said otherwise than two.
fn link_and_look(count: usize) {
    model(move || {
        let table = table();
        let nodes = [1, 2, 3].map(|number| node(&table, number));
        let (parent, children) = (nodes[0], move || (1..=count).map(move |at| nodes[at]));
        let look = move |table: &NodeTable| {
            let seen = table.children(parent).map(|there| assert!(there.eq(children())));
            let last = nodes[count];
            if seen.is_some() {
                assert_eq!(table.parents(last), [parent]);
            }
            if table.parents(last) == [parent] {
                assert!(table.children(parent).unwrap().eq(children()));
            }
        };
        both(&table, move |table| table.worker().link(parent, &nodes[1..=count]).unwrap(), look);
    });
}

#[test]
fn link_and_look_at_an_only_child() {
    link_and_look(1);
}

#[test]
fn link_and_look_at_two_children() {
    link_and_look(2);
}

/// Many looks are begun before the first of them ends, so they end in a table that has changed and grown.
#[test]
fn insert_many_and_insert() {
    model(|| {
        let table = table();
        let many = |table: &NodeTable| {
            let mut new = Vec::new();
            let cids = [1, 2, 3, 1].map(name);
            table.worker().insert_many(&cids, |node, is_new| new.push((node, is_new))).unwrap();
            new
        };
        let (many, one) = both(&table, many, |table| table.worker().insert(&name(2)).unwrap());
        assert_eq!((many[0].0, many[3].1), (many[3].0, false));
        assert!(many[1].0 == one.0 && many[1].1 != one.1, "one of them is new");
        for (number, node) in (1..).zip([many[0].0, one.0, many[2].0]) {
            assert_eq!(table.find(&name(number)), Some(node));
        }
        assert_eq!(table.nodes(0..u32::MAX).count(), 3);
    });
}

#[test]
fn grow_and_insert() {
    model(|| {
        let table = table();
        // As many as the first index takes.
        let full = u64::from(table.index(0).limit);
        let old: Vec<Node> = (0..full).map(|number| node(&table, number)).collect();
        let (first, second) = both(&table, move |table| node(table, full), move |table| node(table, full));
        assert_eq!(first, second);
        assert!(table.has_next(0));
        (0..full).zip(old).for_each(|(number, node)| assert_eq!(table.find(&name(number)), Some(node)));
    });
}

#[test]
fn grow_and_insert_of_others() {
    model(|| {
        let table = table();
        let full = u64::from(table.index(0).limit);
        let old: Vec<Node> = (0..full).map(|number| node(&table, number)).collect();
        let (first, second) =
            both(&table, move |table| node(table, full), move |table| node(table, full + 1));
        assert!(first != second);
        let all = old.into_iter().chain([first, second]);
        (0..).zip(all).for_each(|(number, node)| assert_eq!(table.find(&name(number)), Some(node)));
        assert_eq!(table.nodes(0..u32::MAX).count() as u64, full + 2);
    });
}

#[test]
fn grow_and_lookup() {
    model(|| {
        let table = table();
        let full = u64::from(table.index(0).limit);
        let old: Vec<Node> = (0..full).map(|number| node(&table, number)).collect();
        let grow = move |table: &NodeTable| {
            let node = node(table, full);
            table.help(0);
            node
        };
        let look = move |table: &NodeTable| [0, full].map(|number| table.find(&name(number)));
        let (new, [first, last]) = both(&table, grow, look);
        assert_eq!(first, Some(old[0]));
        assert!(last.is_none_or(|last| last == new));
        assert_eq!(table.generation(), 1, "all was moved");
    });
}

#[test]
fn mark_and_insert() {
    model(|| {
        let table = table();
        let mark = |table: &NodeTable| {
            let node = node(table, 1);
            table.set(node, Flag::new(0))
        };
        let (first, second) = both(&table, mark, mark);
        assert!(first != second, "one of them wins");
        let node = table.find(&name(1)).unwrap();
        assert!(table.is_set(node, Flag::new(0)));
        assert_eq!(table.nodes(0..u32::MAX).count(), 1);
    });
}

/// The owner puts in and takes out while another steals: each number is somebody's, once.
fn push_and_steal() {
    model(|| {
        let deque = Arc::new(Deque::new());
        let thief = Arc::clone(&deque);
        assert!(deque.push(1) && deque.push(2));
        let thief = thread::spawn(move || {
            let steal = || match thief.steal() {
                Stolen::Number(number) => Some(number),
                _ => None,
            };
            [steal(), steal()]
        });
        let mut got: Vec<u32> = [deque.pop(), deque.pop()].into_iter().flatten().collect();
        if deque.push(3) {
            got.extend(deque.pop());
        }
        got.extend(thief.join().unwrap().into_iter().flatten());
        got.extend(std::iter::from_fn(|| deque.pop()));
        got.sort_unstable();
        assert_eq!(got, [1, 2, 3], "each number is somebody's, once");
    });
}

#[test]
fn deque_push_and_steal() {
    push_and_steal();
}

#[test]
#[should_panic(expected = "each number is somebody's, once")]
fn a_planted_weak_fence_is_found() {
    PLANTED.set(true);
    push_and_steal();
}

#[test]
fn a_full_deque_refuses() {
    model(|| {
        let deque = Deque::new();
        assert!((0..).take(CAPACITY).all(|number| deque.push(number)));
        assert!(!deque.push(9));
    });
}
