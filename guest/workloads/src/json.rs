//! JSON: a request is parsed, changed and written.

use dagvault_workloads_guest::{Random, words};
use serde_json::{Value, json};

/// Does it `count` times; answers what came out.
#[unsafe(no_mangle)]
pub extern "C" fn run(count: u32) -> u32 {
    let mut random = Random::new(2);
    let items: Vec<_> = (0..12)
        .map(
            |number| json!({ "to": words(&mut random, 3), "amount": number * 1001, "paid": number % 3 == 0 }),
        )
        .collect();
    let mut text = json!({ "version": 1, "rate": 0.125, "items": items, "note": null }).to_string();
    for round in 0..count {
        let Ok(mut request) = serde_json::from_str::<Value>(&text) else { return 0 };
        request["version"] = (request["version"].as_u64().unwrap_or(0) + 1).into();
        request["items"][(round % 12) as usize]["amount"] = round.into();
        request["rate"] = (request["rate"].as_f64().unwrap_or(0.0) * 1.5).into();
        text = request.to_string();
    }
    text.bytes().fold(0, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()))
}
