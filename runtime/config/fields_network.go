package config

import (
	"fmt"
	"strings"
)

func networkFields() []field {
	return []field{
		{
			key: "network.listen", flag: "listen", kind: kindText, unit: "multiaddrs", fallback: "",
			zero:  "multiaddrs of TCP or QUIC, with spaces between; empty: the node is alone",
			valid: validMultiaddrs,
			does: "Where the daemon listens for other nodes, for example " +
				"/ip4/0.0.0.0/tcp/4021 /ip4/0.0.0.0/udp/4021/quic-v1.",
			costs: "whoever can reach the address learns that a node is there",
			place: func(c *Config) any { return &c.Network.Listen },
		},
		{
			key: "network.bootstrap", flag: "bootstrap", kind: kindText, unit: "multiaddrs", fallback: "",
			zero: "multiaddrs, each ending in /p2p/ID, with spaces between; empty: others find " +
				"this node, or nobody does",
			valid: validMultiaddrs,
			does: "Nodes through which the daemon joins the network, as 'noisefs net addrs' " +
				"prints them there.",
			costs: "nothing",
			place: func(c *Config) any { return &c.Network.Bootstrap },
		},
		{
			key: "network.mdns", kind: kindChoice, fallback: "off", choices: []string{"off", "on"},
			does:  "Whether nodes on the local network find each other by multicast DNS.",
			costs: "everybody on the local network learns that a node is there",
			place: func(c *Config) any { return &c.Network.MDNS },
		},
		{
			key: "network.public_dht", kind: kindChoice, fallback: "off",
			choices: []string{"off", "on"},
			does: "Whether addresses of members that nobody here knows are looked for in the " +
				"public DHT of IPFS, and this node's own made known there. It is a client: " +
				"no block is looked for or announced.",
			costs: "some connections and traffic; strangers learn that this node's ID is at " +
				"its address, and which IDs it looks for, and so who is in the network",
			place: func(c *Config) any { return &c.Network.PublicDHT },
		},
		{
			key: "network.bitswap", kind: kindChoice, fallback: "on", choices: []string{"off", "on"},
			does: "Whether nodes of IPFS are served, by bitswap, the blocks that this one holds " +
				"for the network.",
			costs: "turning it off: less traffic, and blocks that only nodes of NoiseFS can have",
			place: func(c *Config) any { return &c.Network.Bitswap },
		},
		{
			key: "network.ipfs_peers", kind: kindText, unit: "multiaddrs", fallback: "",
			zero: "multiaddrs, each ending in /p2p/ID, with spaces between; empty: blocks come " +
				"from members alone",
			valid: validMultiaddrs,
			does: "Nodes of IPFS that blocks are asked of which no member has, one after the " +
				"other in an order drawn for each block.",
			costs: "these nodes learn which such blocks are read here; a read of what nobody has " +
				"takes longer to fail",
			place: func(c *Config) any { return &c.Network.IPFSPeers },
		},
		{
			key: "network.relay", kind: kindChoice, fallback: "auto",
			choices: []string{"auto", "off", "on"},
			does: "Whether others that cannot dial this node reach it through members that both " +
				"can dial: when it is found that nobody can dial it (auto), always (on: for a " +
				"node that nobody can tell, as in a private network), or never (off: nor does " +
				"it reach others so).",
			costs: "the relays learn who speaks with whom and how much, not what; blocks take longer " +
				"than on a straight way, which the two ends look for meanwhile",
			place: func(c *Config) any { return &c.Network.Relay },
		},
		{
			key: "network.relay_service", kind: kindChoice, fallback: "auto",
			choices: []string{"auto", "off", "on"},
			does: "Whether this node is such a relay for others: when it is found that it can be " +
				"dialled from the internet (auto), always (on: in a private network somebody has " +
				"to), or never (off).",
			costs: "what passes is sent and received here, beside network.up_max and " +
				"network.down_max, within network.relay_nodes_max and network.relay_circuit_bytes",
			place: func(c *Config) any { return &c.Network.RelayService },
		},
		{
			key: "network.psk_file", flag: "psk", kind: kindText, unit: "path", fallback: "",
			zero: "a path; empty: whoever finds the network may join it",
			does: "The file of the secret that the nodes of a private network share, as " +
				"'noisefs net psk new' makes it, or swarm.key of other programs.",
			costs: "nodes without the secret get no connection; TCP alone",
			place: func(c *Config) any { return &c.Network.PSKFile },
		},
		{
			key: "network.storage_bytes", flag: "storage", kind: kindBytes, unit: "bytes",
			fallback: "10GiB", low: "1MiB", high: "64TiB", zero: "nothing is held for others",
			does:  "What this node holds for others at most. storage.quota_bytes counts it too.",
			costs: "disk space, and the traffic of those who read it",
			place: func(c *Config) any { return &c.Network.StorageBytes },
		},
		{
			key: "network.cache_bytes", kind: kindBytes, unit: "bytes", fallback: "1GiB",
			low: "1MiB", high: "64TiB", zero: "what was fetched is kept in memory only",
			does:  "Blocks of others kept on disk since they were read here lately.",
			costs: "disk space",
			place: func(c *Config) any { return &c.Network.CacheBytes },
		},
		{
			key: "network.failure_domain", flag: "failure-domain", kind: kindText, unit: "name",
			fallback: "", zero: "a name of at most 64 bytes; empty: fails with nobody",
			valid: validDomain,
			does: "What this node fails together with: a house, a rack, a provider. The holders " +
				"of a block are spread over such domains.",
			costs: "every member of the network sees the name",
			place: func(c *Config) any { return &c.Network.FailureDomain },
		},
		{
			key: "network.disperse_delay", kind: kindDuration, unit: "duration",
			fallback: "30s", low: "500ms", high: "24h",
			does: "The span over which new blocks leave for others, each at a moment of its own, " +
				"so that it is not seen which belong together.",
			costs: "for as long a new block has one copy; lowering it hides less",
			place: func(c *Config) any { return &c.Network.DisperseDelay },
		},
		{
			key: "network.probe_interval", kind: kindDuration, unit: "duration",
			fallback: "5s", low: "300ms", high: "10m",
			does:  "How often one member is asked whether it is there.",
			costs: "who is gone is noticed later; lowering it costs packets",
			place: func(c *Config) any { return &c.Network.ProbeInterval },
		},
	}
}

func networkBounds() []field {
	return []field{
		{
			key: "network.connections_low", kind: kindCount, unit: "connections",
			fallback: "64", low: "8", high: "65536",
			does:  "To how many connections the daemon goes back when there are too many.",
			costs: "about 100 KiB of memory each",
			place: func(c *Config) any { return &c.Network.ConnectionsLow },
		},
		{
			key: "network.connections_high", kind: kindCount, unit: "connections",
			fallback: "128", low: "8", high: "65536",
			does: "Above how many connections the least useful are closed. At least " +
				"network.connections_low.",
			costs: "about 100 KiB of memory each",
			place: func(c *Config) any { return &c.Network.ConnectionsHigh },
		},
		{
			key: "network.up_max", flag: "limit-up", kind: kindBytes, unit: "bytes per second",
			fallback: "0", low: "32KiB", high: "64GiB", zero: "no bound",
			does: "What the daemon sends to others per second at most, over our own protocols. " +
				"What people read goes before what is spread.",
			costs: "blocks take longer",
			place: func(c *Config) any { return &c.Network.UpMax },
		},
		{
			key: "network.down_max", flag: "limit-down", kind: kindBytes, unit: "bytes per second",
			fallback: "0", low: "32KiB", high: "64GiB", zero: "no bound",
			does:  "What the daemon takes from others per second at most.",
			costs: "blocks take longer",
			place: func(c *Config) any { return &c.Network.DownMax },
		},
		{
			key: "network.peer_up_max", kind: kindBytes, unit: "bytes per second",
			fallback: "0", low: "32KiB", high: "64GiB", zero: "no bound",
			does:  "What the daemon sends to one other node per second at most.",
			costs: "blocks take longer",
			place: func(c *Config) any { return &c.Network.PeerUpMax },
		},
		{
			key: "network.peer_down_max", kind: kindBytes, unit: "bytes per second",
			fallback: "0", low: "32KiB", high: "64GiB", zero: "no bound",
			does:  "What the daemon takes from one other node per second at most.",
			costs: "blocks take longer",
			place: func(c *Config) any { return &c.Network.PeerDownMax },
		},
		{
			key: "network.relay_nodes_max", kind: kindCount, unit: "nodes",
			fallback: "64", low: "1", high: "4096",
			does:  "How many nodes may be reached through this one at one time, if it is a relay.",
			costs: "up to 16 connections each, of 64 KiB of memory, and their traffic",
			place: func(c *Config) any { return &c.Network.RelayNodesMax },
		},
		{
			key: "network.relay_circuit_bytes", kind: kindBytes, unit: "bytes",
			fallback: "1GiB", low: "64MiB", high: "1TiB",
			does: "What may pass through this node in one direction of a connection between two " +
				"others, if it is a relay. After that, or an hour, they have to connect again.",
			costs: "more is sent and received for others; with less their reads are interrupted more " +
				"often",
			place: func(c *Config) any { return &c.Network.RelayCircuitBytes },
		},
		{
			key: "network.serves_max", kind: kindCount, unit: "requests",
			fallback: "64", low: "1", high: "4096",
			does: "Requests of others for blocks that are read from disk at one time. One more is " +
				"told to ask elsewhere.",
			costs: "a block of memory each",
			place: func(c *Config) any { return &c.Network.ServesMax },
		},
		{
			key: "network.backlog_max", kind: kindDuration, unit: "duration",
			fallback: "2s", low: "100ms", high: "1m",
			does: "How far behind with sending the daemon may be to take on one more request; " +
				"half and a quarter of it for what nobody waits for.",
			costs: "others wait here instead of asking elsewhere",
			place: func(c *Config) any { return &c.Network.BacklogMax },
		},
	}
}

// validMultiaddrs looks at the form alone; package cluster knows the rest.
func validMultiaddrs(text string) error {
	for _, address := range strings.Fields(text) {
		if !strings.HasPrefix(address, "/") {
			return fmt.Errorf("%w: %s is no multiaddr, such as /ip4/0.0.0.0/tcp/4021",
				ErrValue, quote(address))
		}
	}
	return nil
}

// domainBytesMax is messages.DomainMax; this package speaks no messages.
const domainBytesMax = 64

func validDomain(name string) error {
	if len(name) > domainBytesMax {
		return fmt.Errorf("%w: a failure domain's name has at most %d bytes, this one has %d",
			ErrValue, domainBytesMax, len(name))
	}
	return nil
}
