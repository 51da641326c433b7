//! Networks, sorted, so that those over an address are found without a look at the others.

use ipnet::IpNet;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// Networks of both families, each with what stands for it.
#[derive(Debug, Default)]
pub(super) struct Networks<T> {
    v4: Table<T>,
    v6: Table<T>,
}

impl<T> Networks<T> {
    /// Of these; a network that comes again replaces what stood for it.
    pub(super) fn new(networks: impl IntoIterator<Item = (IpNet, T)>) -> Self {
        let (mut v4, mut v6) = (BTreeMap::new(), BTreeMap::new());
        for (network, what) in networks {
            let (first, last) = span(&network);
            // Wider ones first among those that begin alike, so that what lies over a network stands before it.
            let key = (first, std::cmp::Reverse(last));
            let family = if network.addr().is_ipv4() { &mut v4 } else { &mut v6 };
            family.insert(key, (network, what));
        }
        Self { v4: Table::new(v4.into_values()), v6: Table::new(v6.into_values()) }
    }

    /// Those that the address or network lies in, narrowest first; itself among them.
    pub(super) fn over(&self, network: &IpNet) -> impl Iterator<Item = (&IpNet, &T)> {
        let (first, last) = span(network);
        let table = if network.addr().is_ipv4() { &self.v4 } else { &self.v6 };
        table.up_from(first).filter(move |row| row.last >= last).map(|row| (&row.network, &row.what))
    }

    /// One that lies in the network and is smaller.
    pub(super) fn within(&self, network: &IpNet) -> Option<(&IpNet, &T)> {
        let (first, last) = span(network);
        let table = if network.addr().is_ipv4() { &self.v4 } else { &self.v6 };
        let start = table.rows.partition_point(|row| row.first < first);
        // Those that begin with it are over it or itself, as long as they reach as far.
        let mut behind = table.rows[start..].iter().take_while(|row| row.first <= last);
        behind.find(|row| row.last <= last && (row.first, row.last) != (first, last)).map(|row| (&row.network, &row.what))
    }
}

#[derive(Debug)]
struct Table<T> {
    rows: Vec<Row<T>>,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self { rows: Vec::new() }
    }
}

#[derive(Debug)]
struct Row<T> {
    first: u128,
    last: u128,
    /// The narrowest network over it, which stands before it.
    parent: Option<usize>,
    network: IpNet,
    what: T,
}

impl<T> Table<T> {
    /// `sorted`: by first address, wider ones first.
    fn new(sorted: impl Iterator<Item = (IpNet, T)>) -> Self {
        let mut rows: Vec<Row<T>> = Vec::new();
        let mut open: Vec<usize> = Vec::new();
        for (network, what) in sorted {
            let (first, last) = span(&network);
            while open.pop_if(|&mut at| rows[at].last < first).is_some() {}
            let parent = open.last().copied();
            open.push(rows.len());
            rows.push(Row { first, last, parent, network, what });
        }
        Self { rows }
    }

    /// The last network that begins at or before the address, and all over it. Networks do not cross, so whatever holds the address is among them.
    fn up_from(&self, address: u128) -> impl Iterator<Item = &Row<T>> {
        let last = self.rows.partition_point(|row| row.first <= address).checked_sub(1);
        std::iter::successors(last, |&at| self.rows[at].parent).map(|at| &self.rows[at])
    }
}

fn span(network: &IpNet) -> (u128, u128) {
    let number = |address: IpAddr| match address {
        IpAddr::V4(address) => u128::from(u32::from(address)),
        IpAddr::V6(address) => u128::from(address),
    };
    (number(network.network()), number(network.broadcast()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn net(text: &str) -> IpNet {
        text.parse().expect("a network")
    }

    #[test]
    fn what_lies_over_an_address_is_found_narrowest_first() {
        let networks =
            Networks::new(["10.0.0.0/8", "10.1.0.0/16", "10.1.2.0/24", "10.9.0.0/16", "2001:db8::/32"].map(|text| (net(text), text)));
        let over = |text: &str| networks.over(&net(text)).map(|(_, &text)| text).collect::<Vec<_>>();
        assert_eq!(over("10.1.2.3/32"), ["10.1.2.0/24", "10.1.0.0/16", "10.0.0.0/8"]);
        assert_eq!(over("10.5.0.0/32"), ["10.0.0.0/8"]);
        assert_eq!(over("10.1.0.0/16"), ["10.1.0.0/16", "10.0.0.0/8"]);
        assert_eq!(over("10.1.2.0/23"), ["10.1.0.0/16", "10.0.0.0/8"]);
        assert_eq!(over("11.0.0.0/32"), [""; 0]);
        assert_eq!(over("2001:db8::7/128"), ["2001:db8::/32"]);
        let within = |text: &str| networks.within(&net(text)).map(|(_, &text)| text);
        assert_eq!(within("10.1.2.0/23"), Some("10.1.2.0/24"));
        assert_eq!(within("10.1.2.0/24"), None);
        assert_eq!(within("8.0.0.0/6"), Some("10.0.0.0/8"));
        assert_eq!(within("10.2.0.0/16"), None);
    }

    fn any_net() -> impl Strategy<Value = IpNet> {
        // Few addresses, so that networks meet.
        (0_u32..64, 24_u8..=32).prop_map(|(low, length)| {
            IpNet::new(IpAddr::from((0x0a00_0000_u32 | low << 2).to_be_bytes()), length).expect("a length").trunc()
        })
    }

    proptest! {
        #[test]
        fn the_table_agrees_with_a_look_at_every_network(listed in proptest::collection::vec(any_net(), 0..40), asked in any_net()) {
            let networks = Networks::new(listed.iter().map(|&network| (network, ())));
            let mut over: Vec<IpNet> = networks.over(&asked).map(|(&network, ())| network).collect();
            over.sort();
            let mut expected: Vec<IpNet> = listed.iter().copied().filter(|network| network.contains(&asked)).collect();
            expected.sort();
            expected.dedup();
            prop_assert_eq!(over, expected);
            let within = listed.iter().any(|network| asked.contains(network) && *network != asked);
            prop_assert_eq!(networks.within(&asked).is_some(), within);
        }
    }
}
