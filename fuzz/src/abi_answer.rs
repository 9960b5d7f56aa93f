//! Answers as they cross the ABI: what decodes, encodes to the same bytes.

use dagvault_api::{
    Answer, BatchAnswer, Error, MemoryStats, RegionUse, Response, VaultStats, VerifyStep, decode_answer,
    encode_answer,
};
use dagvault_core::cbor::Bytes;

/// The oracle.
///
/// # Panics
/// If an answer has a second encoding.
pub fn check(input: &[u8]) {
    if let Ok(answer) = decode_answer(input) {
        assert_eq!(encode_answer(&answer), input, "a second encoding");
    }
}

/// Answers of several kinds.
#[must_use]
pub fn seeds() -> Vec<Vec<u8>> {
    let region = RegionUse {
        name: "crypto".into(),
        bytes: 4 << 20,
        slots: 16,
        used: 1,
        peak: 2,
        bytes_peak: 3,
        resets: 4,
    };
    let memory = MemoryStats {
        regions: vec![region],
        heap: Default::default(),
        cache_bytes: 5,
        cache_nodes: 6,
        tables: Default::default(),
    };
    let refused = || Error::Conflict { path: "a".into(), found: 4 };
    let answers: [Answer; 8] = [
        Ok(Response::Done {}),
        Ok(Response::Values { values: vec![None, Some(Bytes(vec![1; 30]))] }),
        Ok(Response::Verify { step: VerifyStep { done: true, blocks: 300, ..VerifyStep::default() } }),
        Ok(Response::Stat { stats: VaultStats { commit: "b".into(), ..VaultStats::default() } }),
        Ok(Response::Memory { stats: memory }),
        Ok(Response::Batch {
            answers: vec![
                BatchAnswer::Err { error: refused() },
                BatchAnswer::Ok { response: Response::Done {} },
            ],
        }),
        Err(refused()),
        Err(Error::Locked {}),
    ];
    answers.iter().map(encode_answer).collect()
}
