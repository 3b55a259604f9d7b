//! The nftables rules that drop packets between a host and its peers, and what is read from them. Text in, text out;
//! [`super::partition`] runs `nft`.

use std::net::Ipv4Addr;

/// Which packets are dropped, seen from the host that is cut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    /// Both.
    Both,
    /// Those that come in from the peers.
    In,
    /// Those that go out to the peers.
    Out,
}

impl Direction {
    /// All of them, by the name that an experiment uses.
    pub(super) const ALL: [(&'static str, Self); 3] = [("both", Self::Both), ("in", Self::In), ("out", Self::Out)];

    /// For people.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Both => "in both directions",
            Self::In => "for the packets that it is sent",
            Self::Out => "for the packets that it sends",
        }
    }
}

/// The name of the table of `fault`. Names of faults have no `_`, so that two never share one.
pub(super) fn table(fault: &str) -> String {
    format!("chaos_{}", fault.replace('-', "_"))
}

/// A script that puts the drops in force, in place of earlier ones under that name. With a `port`, those packets alone
/// are dropped that go to it or come from it, at either end.
pub(super) fn cut(table: &str, direction: Direction, port: Option<u16>, peers: &[(String, Ipv4Addr)]) -> String {
    let ports =
        port.map_or(vec![String::new()], |port| vec![format!(" tcp dport {port}"), format!(" tcp sport {port}")]);
    let chain = |name: &str, hook: &str, side: &str| {
        let rules = |(name, address): &(String, Ipv4Addr)| -> String {
            let rule = |port: &String| format!("    ip {side} {address}{port} counter drop comment \"{name}\"\n");
            ports.iter().map(rule).collect()
        };
        let rules: String = peers.iter().map(rules).collect();
        format!("  chain {name} {{\n    type filter hook {hook} priority 0; policy accept;\n{rules}  }}\n")
    };
    let incoming = if direction == Direction::Out { String::new() } else { chain("incoming", "input", "saddr") };
    let outgoing = if direction == Direction::In { String::new() } else { chain("outgoing", "output", "daddr") };
    format!("{}table inet {table} {{\n{incoming}{outgoing}}}\n", heal(table))
}

/// A script that removes the drops; harmless where there are none, for it adds an empty table first.
pub(super) fn heal(table: &str) -> String {
    format!("add table inet {table}\ndelete table inet {table}\n")
}

/// Whether `nft list tables` names `table`.
pub(super) fn is_listed(table: &str, listed: &str) -> bool {
    listed.lines().any(|line| line.trim() == format!("table inet {table}"))
}

/// The packets that `nft --json list table` says were dropped, incoming and outgoing.
pub(super) fn dropped(json: &str) -> Option<(u64, u64)> {
    let listed: serde_json::Value = serde_json::from_str(json).ok()?;
    let rules = listed["nftables"].as_array()?.iter().filter_map(|item| item.get("rule"));
    let (mut incoming, mut outgoing) = (0, 0);
    for rule in rules {
        let counters = rule["expr"].as_array()?.iter().filter_map(|part| part["counter"]["packets"].as_u64());
        let packets: u64 = counters.sum();
        match rule["chain"].as_str()? {
            "incoming" => incoming += packets,
            "outgoing" => outgoing += packets,
            _ => {}
        }
    }
    Some((incoming, outgoing))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peers() -> Vec<(String, Ipv4Addr)> {
        vec![("kafka-1".to_owned(), Ipv4Addr::new(198, 18, 0, 2)), ("kafka-3".to_owned(), Ipv4Addr::new(198, 18, 0, 4))]
    }

    #[test]
    fn a_cut_replaces_its_table_and_drops_and_counts_both_ways() {
        insta::assert_snapshot!(cut(&table("leader-cut"), Direction::Both, None, &peers()), @r#"
        add table inet chaos_leader_cut
        delete table inet chaos_leader_cut
        table inet chaos_leader_cut {
          chain incoming {
            type filter hook input priority 0; policy accept;
            ip saddr 198.18.0.2 counter drop comment "kafka-1"
            ip saddr 198.18.0.4 counter drop comment "kafka-3"
          }
          chain outgoing {
            type filter hook output priority 0; policy accept;
            ip daddr 198.18.0.2 counter drop comment "kafka-1"
            ip daddr 198.18.0.4 counter drop comment "kafka-3"
          }
        }
        "#);
    }

    #[test]
    fn a_cut_of_a_port_drops_what_goes_to_it_and_what_comes_from_it_and_nothing_else() {
        let rules = cut("chaos_x", Direction::In, Some(9092), &peers()[..1]);
        assert!(rules.contains("ip saddr 198.18.0.2 tcp dport 9092 counter drop comment \"kafka-1\"\n"), "{rules}");
        assert!(rules.contains("ip saddr 198.18.0.2 tcp sport 9092 counter drop comment \"kafka-1\"\n"), "{rules}");
        assert_eq!(rules.matches("drop").count(), 2, "{rules}");
    }

    #[test]
    fn a_cut_in_one_direction_leaves_the_other_alone() {
        assert!(!cut("chaos_x", Direction::In, None, &peers()).contains("daddr"));
        assert!(!cut("chaos_x", Direction::Out, None, &peers()).contains("saddr"));
    }

    #[test]
    fn counts_what_was_dropped_by_chain() {
        let rule = |chain, packets| serde_json::json!({"rule": {"chain": chain, "expr": [{"match": {}}, {"counter": {"packets": packets, "bytes": 60}}, {"drop": null}]}});
        let listed = serde_json::json!({"nftables": [{"metainfo": {}}, {"table": {}}, {"chain": {}}, rule("incoming", 3), rule("incoming", 4), rule("outgoing", 5)]});
        assert_eq!(dropped(&listed.to_string()), Some((7, 5)));
        assert_eq!(dropped("no such table"), None);
    }

    #[test]
    fn a_table_is_listed_under_its_whole_name_only() {
        assert!(is_listed("chaos_cut", "table ip nat\ntable inet chaos_cut\n"));
        assert!(!is_listed("chaos_cut", "table inet chaos_cut_2\n"));
    }
}
