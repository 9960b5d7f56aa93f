//! Untrusted modules: admitted, compiled, run with exact gas, and told apart from whatever holds secrets.
