//! Ctrl-C is the conductor's, not Goose's.
//!
//! Goose sets a process-wide handler when it starts, and a second press then ends the process at once: nothing is
//! healed. It sets it through the crate `ctrlc`, which gives way to whoever was first.

use crate::GeneratorError;
use std::sync::atomic::{AtomicBool, Ordering};

static RESERVED: AtomicBool = AtomicBool::new(false);

/// Takes Ctrl-C (SIGINT) so that Goose cannot. From now on it does nothing until the caller sets a handler of its own,
/// `tokio::signal` for example, which must come *after* this call. Calling it again is harmless.
///
/// It starts a thread, so a process that is to enter namespaces must have entered them.
///
/// # Errors
/// If the operating system refuses.
pub fn reserve() -> Result<(), GeneratorError> {
    match ctrlc::set_handler(|| {}) {
        Ok(()) | Err(ctrlc::Error::MultipleHandlers) => {
            RESERVED.store(true, Ordering::Release);
            Ok(())
        }
        Err(error) => Err(GeneratorError::ReserveCtrlC(error)),
    }
}

/// Whether it is reserved.
pub(crate) fn reserved() -> bool {
    RESERVED.load(Ordering::Acquire)
}
