//! The built-in validators as a module of the profile `validator`: functions 0, 1 and 2.

mod functions;

use functions::{asset_transfer, post_action, transaction};

dagvault_module::validators!(transaction, asset_transfer, post_action);
