//! Requests as they cross the ABI: what decodes, encodes to the same bytes.

use std::borrow::Cow;
use std::collections::BTreeMap;

use dagvault_api::{Codec, KdfParams, Protect, PutItem, RawBlock, Request, Select, Unlock};
use dagvault_core::cbor::{self, Bytes};
use dagvault_core::ids::Cid;

/// The oracle.
///
/// # Panics
/// If a request has a second encoding.
pub fn check(input: &[u8]) {
    if let Ok(request) = cbor::from_slice::<Request<'_>>(input) {
        assert_eq!(cbor::to_vec(&request), input, "a second encoding");
    }
}

fn item(path: &str) -> PutItem<'_> {
    PutItem {
        path: path.into(),
        value: Cow::Borrowed(b"value"),
        meta: BTreeMap::from([("a".into(), Some(Bytes(vec![1, 2]))), ("bb".into(), None)]),
        expected: Some(3),
        skip_equal: true,
        codec: Codec::Lz4 {},
    }
}

/// Requests of most kinds.
#[must_use]
pub fn seeds() -> Vec<Vec<u8>> {
    let unlock = || Unlock::KeyFile { bytes: Cow::Borrowed(&[7; 32]) };
    let protect = || Protect { unlock: unlock(), kdf: KdfParams::default() };
    let path = || Cow::Borrowed("mail/token");
    let requests = [
        Request::Create { protect: protect(), paranoid: false },
        Request::Open { unlock: Unlock::Passphrase { bytes: Cow::Borrowed(b"words") } },
        Request::Put { items: vec![item("a/b"), item("c")] },
        Request::WriteBegin { item: item("large") },
        Request::WriteChunk { handle: u64::MAX, bytes: Cow::Borrowed(&[0; 300]) },
        Request::Get { path: path(), select: Select::Number { number: 300 } },
        Request::GetMany { paths: vec![path(), path()] },
        Request::ReadNext { handle: 1 << 40, bytes_max: 70_000 },
        Request::List { prefix: "".into(), after: Some(path()), limit: 25, meta: true, deleted: false },
        Request::History { path: path(), before: None, limit: 4096 },
        Request::Destroy { path: path(), numbers: vec![1, 2, 300] },
        Request::Move { from: path(), to: "x".into() },
        Request::SetMeta { path: path(), change: BTreeMap::from([("k".into(), None)]) },
        Request::SlotAdd { protect: protect(), remove: Some(2) },
        Request::Batch {
            requests: vec![Request::Delete { paths: vec![path()] }, Request::Batch { requests: vec![] }],
        },
        Request::CryptoCase { operation: 9, input: Cow::Borrowed(b"case") },
        Request::TableCase { work: 1, nodes: 70_000, workers: 2 },
        Request::Stat {},
        Request::BlockGet { cids: vec![Cid([1; 32]); 3] },
        Request::BlockPut {
            blocks: vec![
                RawBlock { cid: Some(Cid([2; 32])), bytes: Cow::Borrowed(b"block") },
                RawBlock { cid: None, bytes: Cow::Borrowed(&[]) },
            ],
            commit: true,
        },
        Request::WalkBegin { root: Some(Cid([3; 32])), sizes: true },
        Request::MergeBases { commits: vec![Cid([4; 32]); 2] },
        Request::Log { from: vec![Cid([4; 32])], limit: 70_000 },
        Request::ProofCheck { proof: Cow::Borrowed(b"proof"), commit: Cid([5; 32]) },
    ];
    requests.iter().map(cbor::to_vec).collect()
}
