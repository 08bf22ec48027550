package plan

import "time"

// Default returns the values of keys that a scenario leaves out.
func Default() Plan {
	return Plan{
		Seed:     1,
		Nodes:    100,
		Duration: 2 * time.Minute,
		Warmup:   2 * time.Minute,
		Liveness: 10 * time.Minute,
		Sample:   5 * time.Second,
		Network:  Network{Preset: PresetInternet, Topology: TopologyFull, Degree: 16},
		Node: Node{
			BlockBytes: 1024, StorageBlocks: 2000, CacheBlocks: 64,
			Domains: DomainsRegion, Profile: "balanced",
		},
		Policies: Policies{
			Peers: PeersAdaptive, Replication: ReplicationAdaptive, Factor: 3, Cache: CacheMemory,
		},
		// The log-normal with median 2 h and sigma 1.65 fits ProbeLab's week
		// of 2022: half of the peers stay at most 2 h, 80 % at most 8 h.
		Churn: Churn{
			Model: ChurnNone, MedianSession: 2 * time.Hour, MedianAbsence: 2 * time.Hour,
			Sigma: 1.65, OnShare: 0.1,
		},
		Content: Content{
			Files: 100, Owners: 1, BlocksPerFile: Lengths{Median: 8, Sigma: 1, Max: 64},
		},
	}
}

// defaultWorkload is what a workload has that a file leaves out.
func defaultWorkload() Workload { return Workload{Share: 1} }

// defaultLoss is what a loss has that a file leaves out.
func defaultLoss() Loss { return Loss{Burst: 1} }

// defaultChaos is what chaos has that a file leaves out.
func defaultChaos() Chaos {
	return Chaos{
		Every: 5 * time.Second, For: 30 * time.Second, ShareMax: 0.3,
		Kinds: []FaultKind{FaultCrash, FaultPartition, FaultSlow, FaultDiskFull, FaultCorrupt},
	}
}
