//! Every kernel natively, by each backend, size and number of threads.

use dagvault_benches::{case, crypto};

fn main() {
    case::criterion(&crypto::native());
}
