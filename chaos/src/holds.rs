//! What faults hold while they are active. Two that hold the same would end with the heal of either.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What is held, with the name of the fault that holds it.
#[derive(Debug, Default)]
pub(crate) struct Holds(Mutex<BTreeMap<String, String>>);

impl Holds {
    /// Takes all of `what` for `fault`, or nothing.
    ///
    /// # Errors
    /// If another fault holds some of it: `` `broker-cut` has the processes of kafka-2 in hand until it is healed ``.
    pub(crate) fn take(&self, fault: &str, what: Vec<String>) -> Result<(), String> {
        let mut held = self.lock();
        if let Some((taken, by)) = what.iter().find_map(|one| held.get_key_value(one)) {
            return Err(format!("`{by}` has {taken} in hand until it is healed"));
        }
        held.extend(what.into_iter().map(|one| (one, fault.to_owned())));
        Ok(())
    }

    /// Lets go of all that `fault` holds, if anything.
    pub(crate) fn let_go(&self, fault: &str) {
        self.lock().retain(|_, by| by != fault);
    }

    /// A panic while it was locked leaves whole entries behind.
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_fault_holds_no_other_takes_until_it_lets_go() {
        let holds = Holds::default();
        let of = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        holds.take("pause", of(&["worker-1", "worker-2"])).unwrap();
        let refused = holds.take("kill", of(&["worker-3", "worker-2"])).unwrap_err();
        assert_eq!(refused, "`pause` has worker-2 in hand until it is healed");
        // Nothing of what was refused is held.
        holds.take("cut", of(&["worker-3"])).unwrap();
        holds.let_go("pause");
        holds.take("kill", of(&["worker-1", "worker-2"])).unwrap();
        assert!(holds.take("again", of(&["worker-3"])).is_err(), "others keep what they hold");
    }
}
