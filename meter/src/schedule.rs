//! What instructions cost: data with a version.

