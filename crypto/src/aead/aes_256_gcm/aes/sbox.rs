//! The S-box of AES as a circuit: 113 gates, which work on as many bytes at once as a vector has bits.
//!
//! The circuit is the straight-line program of 113 gates that J. Boyar and R. Peralta found ("A small depth-16 circuit
//! for the AES S-box", SEC 2012, and the 113 gates published with it): a linear layer takes the byte to a tower of
//! fields, in which inversion is a few products of bits, and a linear layer brings it back. Names are those of the
//! published program. Its four negations are the constant 0x63, which is part of our round keys instead.
//!
//! Which operand comes first, and which result is stored first, is by trial: Cranelift computes what a store needs when
//! it comes to it, operands in their order, and some orders need fewer of the values to wait in memory.

use crate::lanes::Vector;
use core::sync::atomic::{Ordering, compiler_fence};

/// The S-box without its constant, on the bits of bytes, the lowest bit first.
#[expect(clippy::too_many_lines, reason = "a circuit without parts to name")]
#[inline(always)]
pub(super) fn sub<V: Vector>(planes: &mut [[u8; 16]; 8]) {
    let [x7, x6, x5, x4, x3, x2, x1, x0]: [V; 8] = core::array::from_fn(|bit| V::load(&planes[bit]));
    let y14 = x3.xor(x5);
    let y13 = x0.xor(x6);
    let y9 = x0.xor(x3);
    let y8 = x5.xor(x0);
    let t0 = x2.xor(x1);
    let y1 = x7.xor(t0);
    let y4 = y1.xor(x3);
    let y12 = y13.xor(y14);
    let y2 = y1.xor(x0);
    let y5 = x6.xor(y1);
    let y3 = y5.xor(y8);
    let t1 = y12.xor(x4);
    let y15 = t1.xor(x5);
    let y20 = x1.xor(t1);
    let y6 = y15.xor(x7);
    let y10 = y15.xor(t0);
    let y11 = y20.xor(y9);
    let y7 = x7.xor(y11);
    let y17 = y10.xor(y11);
    let y19 = y8.xor(y10);
    let y16 = t0.xor(y11);
    let y21 = y16.xor(y13);
    let y18 = y16.xor(x0);

    let t2 = y12.and(y15);
    let t4 = y3.and(y6).xor(t2);
    let t6 = y4.and(x7).xor(t2);
    let t7 = y13.and(y16);
    let t9 = y5.and(y1).xor(t7);
    let t11 = y2.and(y7).xor(t7);
    let t12 = y9.and(y11);
    let t14 = y14.and(y17).xor(t12);
    let t16 = y8.and(y10).xor(t12);
    let t21 = t4.xor(y20).xor(t14);
    let t22 = t6.xor(t16).xor(y19);
    let t23 = t9.xor(t14).xor(y21);
    let t24 = t11.xor(t16).xor(y18);

    let t25 = t22.xor(t21);
    let t26 = t21.and(t23);
    let t27 = t26.xor(t24);
    let t29 = t25.and(t27).xor(t22);
    let t30 = t24.xor(t23);
    let t31 = t26.xor(t22);
    let t33 = t31.and(t30).xor(t24);
    let t34 = t23.xor(t33);
    let t35 = t27.xor(t33);
    let t36 = t35.and(t24);
    let t37 = t36.xor(t34);
    let t38 = t27.xor(t36);
    let t40 = t25.xor(t29.and(t38));
    let t41 = t37.xor(t40);
    let t42 = t29.xor(t33);
    let t43 = t29.xor(t40);
    let t44 = t33.xor(t37);
    let t45 = t42.xor(t41);

    let (z0, z9) = (t44.and(y15), t44.and(y12));
    let (z1, z10) = (t37.and(y6), t37.and(y3));
    let (z2, z11) = (t33.and(x7), t33.and(y4));
    let (z3, z12) = (t43.and(y16), t43.and(y13));
    let (z4, z13) = (t40.and(y1), t40.and(y5));
    let (z5, z14) = (t29.and(y7), t29.and(y2));
    let (z6, z15) = (t42.and(y11), t42.and(y9));
    let (z7, z16) = (t45.and(y17), t45.and(y14));
    let (z8, z17) = (t41.and(y10), t41.and(y8));

    let tc1 = z15.xor(z16);
    let tc2 = tc1.xor(z10);
    let tc3 = z9.xor(tc2);
    let tc4 = z0.xor(z2);
    let tc5 = z1.xor(z0);
    let tc6 = z3.xor(z4);
    let tc7 = z12.xor(tc4);
    let tc8 = z7.xor(tc6);
    let tc9 = tc7.xor(z8);
    let tc10 = tc9.xor(tc8);
    let tc11 = tc5.xor(tc6);
    let tc12 = z5.xor(z3);
    let tc13 = tc1.xor(z13);
    let tc14 = tc12.xor(tc4);
    let tc16 = z6.xor(tc8);
    let tc17 = tc10.xor(z14);
    let tc18 = tc13.xor(tc14);
    let tc20 = tc16.xor(z15);
    let tc21 = tc2.xor(z11);
    let tc26 = tc17.xor(tc20);

    let s3 = tc3.xor(tc11);
    // Fences keep this order.
    z12.xor(tc18).store(&mut planes[0]);
    compiler_fence(Ordering::SeqCst);
    tc3.xor(tc16).store(&mut planes[7]);
    compiler_fence(Ordering::SeqCst);
    tc14.xor(s3).store(&mut planes[3]);
    compiler_fence(Ordering::SeqCst);
    s3.xor(tc16).store(&mut planes[6]);
    compiler_fence(Ordering::SeqCst);
    tc10.xor(tc18).store(&mut planes[1]);
    compiler_fence(Ordering::SeqCst);
    s3.store(&mut planes[4]);
    compiler_fence(Ordering::SeqCst);
    tc21.xor(tc17).store(&mut planes[2]);
    compiler_fence(Ordering::SeqCst);
    tc26.xor(z17).store(&mut planes[5]);
    compiler_fence(Ordering::SeqCst);
}
