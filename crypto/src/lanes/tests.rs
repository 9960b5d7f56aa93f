//! Every operation of every vector of this machine against [`Portable`].

use super::{Portable, Rotation, Vector};

const ROWS: [[u8; 16]; 4] = [
    [0, 1, 2, 3, 0x7f, 0x80, 0x81, 0xff, 0xfe, 0x10, 0x0f, 0xf0, 0x55, 0xaa, 0x33, 0xcc],
    [0xff; 16],
    [0x80, 0, 0, 0x80, 0xff, 0xff, 0xff, 0x7f, 1, 0, 0, 0, 0xde, 0xad, 0xbe, 0xef],
    [9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 255, 254, 253, 252, 251, 250],
];

fn bytes<V: Vector>(vector: V) -> [u8; 16] {
    let mut out = [0; 16];
    vector.store(&mut out);
    out
}

fn results<V: Vector>(out: &mut [[u8; 16]; 500]) {
    let mut next = 0;
    let mut take = |vector: V| {
        out[next] = bytes(vector);
        next += 1;
    };
    take(V::splat_u8(0x9c));
    take(V::splat_u32(0x89ab_cdef));
    take(V::load_splat_u32(&[0xde, 0xad, 0xbe, 0xef]));
    take(V::from_u32([1, 2, 3, u32::MAX]));
    for row in ROWS {
        let a = V::load(&row);
        take(V::from_u32(a.to_u32()));
        take(a.shl_u16::<5>());
        take(a.shr_u16::<4>());
        take(a.shl_u32::<7>());
        take(a.shr_u32::<26>());
        take(a.shr_i32::<13>());
        take(a.shr_u64::<26>());
        take(a.rotate_left_u32::<7>());
        take(a.rotate_left_u32::<8>());
        take(a.rotate_left_u32::<16>());
        take(a.rotate_left_u32::<24>());
        take(a.rotate_lanes_u32::<1>());
        take(a.rotate_lanes_u32::<2>());
        take(a.rotate_lanes_u32::<3>());
        take(a.rotate_left_bytes::<8>(Rotation::new::<8>()));
        take(a.rotate_left_bytes::<16>(Rotation::new::<16>()));
        take(a.rotate_left_bytes::<24>(Rotation::new::<24>()));
        take(a.swap_bytes_u32());
        for other in ROWS {
            let b = V::load(&other);
            take(a.xor(b));
            take(a.and(b));
            take(a.or(b));
            take(a.add_u32(b));
            take(a.eq_u8(b));
            take(a.lookup(b.and(V::splat_u8(0x8f))));
            take(a.push_u8(b));
            take(a.zip_low_u8(b));
            take(a.zip_high_u8(b));
            take(a.zip_low_u16(b));
            take(a.zip_high_u16(b));
            take(a.zip_low_u32(b));
            take(a.zip_high_u32(b));
            take(a.zip_low_u64(b));
            take(a.zip_high_u64(b));
            take(a.narrow_u64(b));
            take(a.dot_i16(b));
            take(a.shift_in_u32(b));
            take(a.pick_u32::<6, 0, 3, 5>(b));
        }
    }
    // Four rows, then the same with other bits.
    let rows = [0_u32, 1, 2, 3].map(|turn| ROWS.map(|row| row.map(|byte| byte.rotate_left(turn))));
    let rows = core::array::from_fn(|row| V::load(&rows.as_flattened()[row]));
    V::transpose_u8(rows).into_iter().for_each(&mut take);
    V::transpose_u32(ROWS.map(|row| V::load(&row))).into_iter().for_each(take);
}

#[test]
fn every_vector_gives_what_the_portable_one_does() {
    let mut wanted = [[0; 16]; 500];
    Portable::call(|| results::<Portable>(&mut wanted));
    #[cfg(target_arch = "x86_64")]
    if crate::backend::Backend::all().any(|backend| backend.name() == "ssse3") {
        let mut given = [[0; 16]; 500];
        super::Ssse3::call(|| results::<super::Ssse3>(&mut given));
        for (number, (given, wanted)) in given.iter().zip(&wanted).enumerate() {
            assert_eq!(given, wanted, "result {number}");
        }
    }
}
