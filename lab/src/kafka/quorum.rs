//! Which node is the active controller, read from the nodes' own files.
//!
//! No request that a broker answers tells it: brokers name any live broker as controller to their clients.

use super::KIND;
use crate::Lab;
use proofload_history::Name;
use serde::Deserialize;
use std::path::Path;

/// `__cluster_metadata-0/quorum-state`, as far as it is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
struct QuorumState {
    leader_id: i32,
    leader_epoch: i32,
}

/// The instance that is the active controller of `component`: the leader of the highest epoch that any of its nodes has on
/// its disk. `None` while nobody leads that epoch, or if no node has such a file.
#[must_use]
pub fn controller(lab: &Lab, component: &str) -> Option<Name> {
    let nodes = lab.instances().iter().filter(|instance| &*instance.of == component && instance.kind == KIND);
    let nodes: Vec<_> = nodes.collect();
    let states = nodes.iter().filter_map(|node| read(&lab.data(&node.name)));
    let number = leader(states)?;
    // The lab numbers nodes from 1, in the order of their instances.
    let index = usize::try_from(number).ok()?.checked_sub(1)?;
    nodes.get(index).map(|node| Name::clone(&node.name))
}

/// The leader of the highest epoch. A node may know the epoch and not yet its leader (-1).
fn leader(states: impl Iterator<Item = QuorumState>) -> Option<i32> {
    let last = states.max_by_key(|state| (state.leader_epoch, state.leader_id))?;
    (last.leader_id >= 0).then_some(last.leader_id)
}

fn read(data: &Path) -> Option<QuorumState> {
    let file = super::epochs::log_folder(data, "__cluster_metadata-0")?.join("quorum-state");
    serde_json::from_slice(&std::fs::read(file).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(text: &str) -> QuorumState {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn the_leader_of_the_highest_epoch_is_the_active_controller() {
        let old = state(r#"{"leaderId":1,"leaderEpoch":4,"votedId":-1,"currentVoters":[],"data_version":0}"#);
        let unknowing = state(r#"{"leaderId":-1,"leaderEpoch":5,"votedId":3,"data_version":1}"#);
        let new = state(r#"{"leaderId":3,"leaderEpoch":5,"votedId":-1,"data_version":1}"#);
        assert_eq!(leader([old, unknowing, new].into_iter()), Some(3));
        assert_eq!(leader([old, unknowing].into_iter()), None);
    }
}
