//! Which instances a target is, at the moment when its fault fires.

use crate::repeat::digest;
use crate::target::{Target, together};
use proofload_history::Name;
use proofload_lab::Lab;
use proofload_lab::kafka::{self, View};

/// What a target was resolved to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Resolved {
    /// The instances, in the manifest's order.
    pub(crate) instances: Vec<String>,
    /// Why these.
    pub(crate) because: String,
    /// The partition whose leader it is.
    pub(crate) partition: Option<(String, i32)>,
}

/// Finds the instances of `target`. `seed` and `occurrence` (`crash`, `crash#7`) decide what is drawn; `same_as` is what another fault was
/// resolved to.
///
/// # Errors
/// If there is none: `orders/0 has no leader`.
pub(crate) async fn resolve(
    target: &Target,
    occurrence: &str,
    seed: u64,
    lab: &Lab,
    same_as: impl Fn(&str) -> Option<Resolved>,
) -> Result<Resolved, String> {
    let instances_of = |part: &str| -> Vec<String> {
        lab.instances()
            .iter()
            .filter(|instance| &*instance.of == part)
            .map(|instance| instance.name.to_string())
            .collect()
    };
    let found = |instances: Vec<String>, because: String| Resolved { instances, because, partition: None };
    match target {
        Target::Instance(instance) => Ok(found(vec![instance.clone()], format!("{instance} by name"))),
        Target::AllOf(part) => Ok(found(instances_of(part), format!("every instance of {part}"))),
        Target::AnyOf(parts) => {
            let instances: Vec<String> = parts.iter().flat_map(|part| instances_of(part)).collect();
            let drawn = draw(seed, occurrence, instances.len()).and_then(|index| instances.get(index).cloned());
            let parts = together(parts);
            let drawn = drawn.ok_or_else(|| format!("{parts} has no instances"))?;
            let because = format!("{drawn} drawn from {} of {parts} under seed {seed}", instances.len());
            Ok(found(vec![drawn], because))
        }
        Target::SameAs(other) => {
            let known = same_as(other).ok_or_else(|| format!("`{other}` has not been injected"))?;
            Ok(Resolved { because: format!("as {other}: {}", known.because), ..known })
        }
        Target::ControllerOf(part) => {
            let controller = controller(lab, part)?;
            Ok(found(vec![controller], format!("active controller of {part}")))
        }
        Target::LeaderOf { topic, partition, not_controller } => {
            leader_of(topic, *partition, *not_controller, lab).await
        }
        Target::FollowerOf(topic, partition) => {
            let stands = View::new(lab).partition(topic, *partition).await?;
            let follower = stands.replicas.iter().rfind(|replica| stands.leader.as_ref() != Some(replica));
            let follower = follower.ok_or_else(|| format!("{topic}/{partition} has no follower"))?;
            Ok(found(vec![follower.to_string()], format!("follower of {topic}/{partition}")))
        }
        Target::InSyncOf(topic, partition) => {
            let in_sync = View::new(lab).partition(topic, *partition).await?.in_sync;
            let because = format!("the in-sync set of {topic}/{partition}");
            Ok(found(in_sync.iter().map(ToString::to_string).collect(), because))
        }
    }
}

async fn leader_of(topic: &str, partition: i32, not_controller: bool, lab: &Lab) -> Result<Resolved, String> {
    let leaders = View::new(lab).leaders(topic).await?;
    let led = leaders.iter().find_map(|(_, leader)| lab.instance(leader.as_ref()?));
    let component = led.ok_or_else(|| format!("no partition of {topic} has a leader"))?.of.clone();
    let controller = controller(lab, &component);
    let avoided = if not_controller { Some(controller.clone()?) } else { None };
    let (partition, leader) = choose_leader(&leaders, partition, avoided.as_deref()).ok_or_else(|| match &avoided {
        None => format!("{topic}/{partition} has no leader"),
        Some(controller) => {
            format!("every partition of {topic} that has a leader is led by {controller}, the active controller")
        }
    })?;
    let role = match &controller {
        Ok(controller) if **controller == *leader => "the active controller",
        Ok(_) => "not the active controller",
        Err(_) => "maybe the active controller",
    };
    Ok(Resolved {
        because: format!("leader of {topic}/{partition}, {role}"),
        instances: vec![leader.to_string()],
        partition: Some((topic.to_owned(), partition)),
    })
}

fn controller(lab: &Lab, component: &str) -> Result<String, String> {
    let controller = kafka::controller(lab, component).map(|name| name.to_string());
    controller.ok_or_else(|| format!("no active controller of {component} is known"))
}

/// The leader of `wanted`, or, where that is `avoided`, the one of the next partition that is led by another; partitions
/// come in their order and start again at 0.
fn choose_leader(leaders: &[(i32, Option<Name>)], wanted: i32, avoided: Option<&str>) -> Option<(i32, Name)> {
    let led = |(partition, leader): &(i32, Option<Name>)| Some((*partition, leader.clone()?));
    let Some(avoided) = avoided else {
        return leaders.iter().find(|(partition, _)| *partition == wanted).and_then(led);
    };
    let later = leaders.iter().filter(|(partition, _)| *partition >= wanted);
    let earlier = leaders.iter().filter(|(partition, _)| *partition < wanted);
    later.chain(earlier).filter_map(led).find(|(_, leader)| &**leader != avoided)
}

/// An index below `count` that is a function of the seed and the name of the occurrence alone.
fn draw(seed: u64, occurrence: &str, count: usize) -> Option<usize> {
    (count > 0).then(|| (digest(seed, occurrence) % count as u64) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn leaders(of: &[Option<&str>]) -> Vec<(i32, Option<Name>)> {
        (0..).zip(of.iter().map(|leader| leader.map(Name::from))).collect()
    }

    #[test]
    fn the_leader_of_a_partition_is_the_one_it_has() {
        let leaders = leaders(&[Some("kafka-1"), Some("kafka-2"), None]);
        assert_eq!(choose_leader(&leaders, 1, None), Some((1, "kafka-2".into())));
        assert_eq!(choose_leader(&leaders, 2, None), None, "no leader");
        assert_eq!(choose_leader(&leaders, 3, None), None, "no such partition");
    }

    #[test]
    fn the_next_partition_is_taken_where_the_leader_is_the_controller() {
        let leaders = leaders(&[Some("kafka-1"), Some("kafka-2"), None]);
        let avoiding = |wanted, controller| choose_leader(&leaders, wanted, Some(controller));
        assert_eq!(avoiding(0, "kafka-2"), Some((0, "kafka-1".into())), "it is another one anyway");
        assert_eq!(avoiding(0, "kafka-1"), Some((1, "kafka-2".into())));
        assert_eq!(avoiding(1, "kafka-2"), Some((0, "kafka-1".into())), "from the beginning again");
    }

    #[test]
    fn a_topic_led_by_the_controller_alone_has_no_other_leader() {
        assert_eq!(choose_leader(&leaders(&[Some("kafka-1"), Some("kafka-1")]), 0, Some("kafka-1")), None);
    }

    #[test]
    fn what_is_drawn_depends_on_the_seed_and_the_fault_and_reaches_every_instance() {
        assert_eq!(draw(7, "crash", 3), draw(7, "crash", 3));
        assert_eq!(draw(7, "crash", 0), None);
        let by_seed: BTreeSet<_> = (0..50).map(|seed| draw(seed, "crash", 3)).collect();
        assert_eq!(by_seed.len(), 3, "{by_seed:?}");
        let by_fault: BTreeSet<_> = (0..50).map(|n| draw(7, &format!("crash-{n}"), 3)).collect();
        assert_eq!(by_fault.len(), 3, "{by_fault:?}");
        let by_occurrence: Vec<_> = (1..=50).map(|n| draw(7, &format!("crash#{n}"), 6).unwrap()).collect();
        let hits = |index| by_occurrence.iter().filter(|drawn| **drawn == index).count();
        assert!((0..6).all(|index| (2..=20).contains(&hits(index))), "{by_occurrence:?}");
    }
}
