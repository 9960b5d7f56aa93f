//! Placeholder while it is being written.
