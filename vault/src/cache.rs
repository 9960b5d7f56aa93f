//! A bounded cache of opened tree nodes.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::hint::black_box;

use dagvault_core::ids::Cid;
use dagvault_core::limits::{MESSAGE_BYTES_MAX, NODE_CACHE_BYTES};
use hashbrown::HashMap;

use crate::node::Node;

/// Bytes by which it may grow at a time; the first need no question.
const STEP_BYTES: usize = NODE_CACHE_BYTES / 64;
/// Bytes that must be left to others when it grows: a guest's memory is bounded.
const LEFT_BYTES: usize = 2 * MESSAGE_BYTES_MAX;

/// A node and what the clock knows of it.
struct Slot {
    cid: Cid,
    node: Arc<Node>,
    bytes: usize,
    /// Whether it was asked for since the hand passed.
    used: bool,
}

/// Nodes by name. When there is no room, a hand goes round and takes out what was not used since its last visit
/// ("clock", Corbató 1968).
pub(crate) struct Cache {
    places: HashMap<Cid, usize>,
    slots: Vec<Slot>,
    hand: usize,
    bytes: usize,
    /// Bytes that it may have for now.
    room: usize,
}

impl Default for Cache {
    fn default() -> Self {
        Self { places: HashMap::new(), slots: Vec::new(), hand: 0, bytes: 0, room: STEP_BYTES }
    }
}

impl Cache {
    /// Rough bytes of memory, and nodes.
    pub(crate) fn size(&self) -> (u64, u64) {
        (self.bytes as u64, self.slots.len() as u64)
    }

    pub(crate) fn find(&mut self, cid: Cid) -> Option<Arc<Node>> {
        let slot = self.slots.get_mut(*self.places.get(&cid)?)?;
        slot.used = true;
        Some(Arc::clone(&slot.node))
    }

    pub(crate) fn insert(&mut self, cid: Cid, node: Arc<Node>) {
        if self.places.contains_key(&cid) {
            return;
        }
        let bytes = node.memory();
        while self.bytes + bytes > self.room && !self.slots.is_empty() {
            if !self.grow() {
                self.tick();
            }
        }
        self.bytes += bytes;
        self.places.insert(cid, self.slots.len());
        self.slots.push(Slot { cid, node, bytes, used: false });
    }

    /// Takes out a node that will not be asked for again.
    pub(crate) fn remove(&mut self, cid: Cid) {
        let Some(place) = self.places.remove(&cid) else { return };
        self.bytes -= self.slots.swap_remove(place).bytes;
        if let Some(moved) = self.slots.get(place) {
            self.places.insert(moved.cid, place);
        }
    }

    /// Moves the hand on.
    fn tick(&mut self) {
        self.hand = if self.hand < self.slots.len() { self.hand } else { 0 };
        let Some(slot) = self.slots.get_mut(self.hand) else { return };
        if slot.used {
            slot.used = false;
            self.hand += 1;
        } else {
            let cid = slot.cid;
            self.remove(cid);
        }
    }

    /// Takes more room, if it may have more and enough memory is left.
    fn grow(&mut self) -> bool {
        let mut probe: Vec<u8> = Vec::new();
        // The compiler must not think this away.
        let grows =
            self.room < NODE_CACHE_BYTES && black_box(&mut probe).try_reserve_exact(LEFT_BYTES).is_ok();
        if grows {
            self.room = NODE_CACHE_BYTES.min(self.room + STEP_BYTES);
        }
        drop(black_box(probe));
        grows
    }
}

#[cfg(test)]
mod tests {
    use dagvault_core::cbor::Bytes;

    use super::*;
    use crate::entry::Entry;

    fn named(number: u64) -> Cid {
        let mut cid = Cid([7; 32]);
        cid.0[..8].copy_from_slice(&number.to_le_bytes());
        cid
    }

    /// A leaf of about a hundred kilobytes.
    fn leaf(number: u64) -> Arc<Node> {
        let mut entry = Entry::new(&alloc::format!("path {number}"));
        entry.meta.insert("key".into(), Bytes(alloc::vec![0; 100_000]));
        Arc::new(Node::Leaf(Vec::from([Arc::new(entry)]).into()))
    }

    fn check(cache: &Cache) {
        assert_eq!(cache.bytes, cache.slots.iter().map(|slot| slot.bytes).sum::<usize>());
        assert!(cache.bytes <= cache.room && cache.room <= NODE_CACHE_BYTES);
        assert_eq!(cache.places.len(), cache.slots.len());
        for (place, slot) in cache.slots.iter().enumerate() {
            assert_eq!(cache.places[&slot.cid], place);
        }
    }

    #[test]
    fn what_is_used_stays_and_the_rest_goes() {
        let mut cache = Cache::default();
        let fitting = (NODE_CACHE_BYTES / leaf(0).memory()) as u64;
        for number in 0..3 * fitting {
            cache.insert(named(number), leaf(number));
            for used in [0, 1] {
                assert!(cache.find(named(used)).is_some() || used > number);
            }
            if number % 100 == 0 {
                check(&cache);
            }
        }
        check(&cache);
        assert_eq!(cache.room, NODE_CACHE_BYTES);
        let there =
            (0..3 * fitting).filter(|number| cache.places.contains_key(&named(*number))).count() as u64;
        assert!((fitting - 2..=fitting).contains(&there), "{there} of {fitting}");
        for number in (0..3 * fitting).step_by(2) {
            cache.remove(named(number));
            assert!(cache.find(named(number)).is_none());
        }
        check(&cache);
        assert!(cache.find(named(1)).unwrap().last() == "path 1");
        // The hand may stand behind what is left.
        for number in 0..2 * fitting {
            cache.insert(named(10 * fitting + number), leaf(number));
        }
        check(&cache);
    }
}
