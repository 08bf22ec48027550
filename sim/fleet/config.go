package fleet

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/noisefs/noisefs/actors/membership"
	"github.com/noisefs/noisefs/actors/replication"
	"github.com/noisefs/noisefs/runtime/config"
	"github.com/noisefs/noisefs/runtime/format"
	"github.com/noisefs/noisefs/runtime/node"
	"github.com/noisefs/noisefs/runtime/tree"
	"github.com/noisefs/noisefs/sim"
	"github.com/noisefs/noisefs/sim/memindex"
	"github.com/noisefs/noisefs/sim/network"
	"github.com/noisefs/noisefs/sim/plan"
)

// nodeConfig is the shipped configuration with small blocks, the bounds that
// a small node can do with, and what the plan changes.
func nodeConfig(p *plan.Plan) (node.Config, error) {
	c := node.FromSettings(config.Default())
	c.Params = format.Params{BlockSize: p.Node.BlockBytes}
	block := int64(p.Node.BlockBytes)

	c.Store.QuotaBytes, c.Store.ReserveBytes, c.Store.RefreshBytes = 0, 0, 1<<30
	c.Store.Network = true
	c.Store.KeptMax = p.Node.StorageBlocks + 64*p.Node.CacheBlocks + 1024
	c.Store.ReplicaBytesMax = int64(p.Node.StorageBlocks) * block
	c.Store.ChangesMax, c.Store.CachesMax, c.Store.ServesMax = 64, 16, 64
	c.Store.BacklogMax = 2 * time.Second
	c.Store.ServedBatch, c.Store.ServedDelay = 64, time.Second
	c.Store.OfferedMax = 64

	c.Cache.Network, c.Cache.MemoryBytes = true, int64(p.Node.CacheBlocks)*block
	switch p.Policies.Cache {
	case plan.CacheNone:
		c.Cache.MemoryBytes = 0
	case plan.CacheDisk:
		c.Cache.KeepFetched = true
		c.Store.CacheBytesMax = 16 * int64(p.Node.CacheBlocks) * block
	}

	c.Reader.ReadAheadBytesMax = 64 * block
	c.Reader.UnsealedBlocksMax = 16
	c.Randomizer.Profile = p.Node.Profile
	c.Randomizer.CandidatesMax, c.Randomizer.CandidatesReady = 4096, 128
	c.Randomizer.ActiveMax, c.Randomizer.SparesMax, c.Randomizer.ScanRows = 80, 16, 64
	c.Splitter.Foreign = true
	c.Splitter.KeptBlocksMax = 96

	n := node.DefaultNetwork()
	configureNetwork(&n, p)
	c.Network = &n
	if err := c.Validate(); err != nil {
		return c, fmt.Errorf("fleet: %w", err)
	}
	return c, nil
}

// sketch is the size of demand summaries in the simulation: small, since
// every node gets one of every other.
const (
	sketchDepth = 2
	sketchWidth = 256
)

func configureNetwork(n *node.Network, p *plan.Plan) {
	n.Scorer.Policy = string(p.Policies.Peers)
	n.Replication.Policy = replication.Policy(p.Policies.Replication)
	n.Replication.Factor = p.Policies.Factor
	n.Fetcher.Width = n.Replication.RMin
	if n.Replication.Policy == replication.PolicyFixed {
		n.Fetcher.Width = min(p.Policies.Factor, n.Fetcher.TriedMax)
	}
	n.Replication.WatchedMax, n.Replication.ReplicasMax = 1<<16, max(1, min(1<<16, p.Node.StorageBlocks))
	n.Popularity.Depth, n.Popularity.Width = sketchDepth, sketchWidth
	for i := range min(seedNodes, p.Nodes) {
		n.Membership.Seeds = append(n.Membership.Seeds, nodeID(p.Seed, i))
	}
	n.Membership.CapacityBlocks = uint64(p.Node.StorageBlocks)
	n.Membership.MembersMax = membersMax(p.Nodes)

	set := func(to *time.Duration, d time.Duration) {
		if d > 0 {
			*to = d
		}
	}
	t := p.Timings
	set(&n.Replication.Lease, t.Lease)
	if t.Lease > 0 {
		n.Replication.RenewBelow = t.Lease * 9 / 10
		n.Replication.LeaseQuantum = min(n.Replication.LeaseQuantum, t.Lease/10)
		n.Replication.LeaseMax = 2 * t.Lease
	}
	set(&n.Replication.RepairDelay, t.RepairDelay)
	set(&n.Replication.LookInterval, t.LookInterval)
	set(&n.Replication.DisperseDelay, t.DisperseDelay)
	n.Replication.RepairStagger = min(n.Replication.RepairStagger, n.Replication.RepairDelay/4)
	n.Replication.StartDelay = min(n.Replication.StartDelay, n.Replication.LookInterval)
	n.Replication.RetryDelay = min(n.Replication.RetryDelay, n.Replication.LookInterval)
	set(&n.Popularity.Window, t.PopularityWindow)
	if t.ProbeInterval > 0 {
		n.Membership.ProbeInterval = t.ProbeInterval
		n.Membership.ProbeTimeout = min(n.Membership.ProbeTimeout, t.ProbeInterval/3)
		n.Membership.SyncFirst = max(n.Membership.SyncFirst, t.ProbeInterval)
	}
}

// membersMax bounds what a node knows of a large network, for its memory's
// sake: up to a thousand it knows everybody.
func membersMax(nodes int) int {
	if nodes <= 1000 {
		return max(membership.Defaults().MembersMax, 2*nodes)
	}
	return 384
}

// spec is the tree of a node: the shipped one, and the user.
func (r *run) spec(m *member) tree.Spec {
	c, n := r.config, *r.config.Network
	if r.plan.Node.Domains == plan.DomainsRegion {
		n.Membership.Domain = fmt.Sprint("region-", m.region)
	}
	n.Membership.Undialable = m.undialable
	c.Network = &n
	spec := node.Spec(c)
	spec.Children = append(spec.Children, tree.ChildSpec{
		Role: userRole, Doc: "sits at the node: reads, stores, and looks whether all is right",
		New:   r.newUser(m.number),
		Needs: []string{"drive", "reader", "splitter", "store"},
	})
	if r.mayLie() {
		spec = r.lyingSpec(spec, m.number)
	}
	if r.change != nil {
		spec = r.change(m.number, spec)
	}
	return spec
}

// leastHolders is the number of copies that the policy gives every block.
func (r *run) leastHolders() int {
	if r.plan.Policies.Replication == plan.ReplicationFixed {
		return r.plan.Policies.Factor
	}
	return r.config.Network.Replication.RMin
}

// Segments of the simulated block stores are small: a node holds megabytes.
const segmentBlocks = 256

func machineOptions(p *plan.Plan, number int) sim.MachineOptions {
	scale := int64(billedBlockBytes / p.Node.BlockBytes)
	return sim.MachineOptions{
		Seed: p.Seed<<20 + uint64(number), BlockSize: p.Node.BlockBytes,
		SegmentBytes: int64(segmentBlocks * p.Node.BlockBytes),
		Disk:         sim.SSD(scale), Index: memindex.DefaultCosts(),
	}
}

// presetOf is the network of a plan.
func presetOf(p *plan.Plan) (network.Preset, error) {
	preset, ok := network.PresetNamed(string(p.Network.Preset))
	if !ok {
		return preset, fmt.Errorf("fleet: no network preset is called %q", p.Network.Preset)
	}
	if p.Network.Matrix != "" {
		matrix, err := readMatrix(p.Network.Matrix)
		if err != nil {
			return preset, err
		}
		preset = preset.WithMatrix(matrix)
	}
	o := &preset.Options
	o.Scale = int64(billedBlockBytes / p.Node.BlockBytes)
	o.Topology = network.Topology{Nodes: p.Nodes}
	switch p.Network.Topology {
	case plan.TopologyRegional:
		o.Topology.Kind = network.Regional
	case plan.TopologyHub:
		o.Topology.Kind = network.Hubs
	case plan.TopologyKRegular:
		o.Topology.Kind, o.Topology.K = network.KRegular, p.Network.Degree
	}
	override(&preset.Undialable, p.Network.Undialable)
	override(&o.Jitter, p.Network.Jitter)
	override(&o.Duplicate, p.Network.Duplicate)
	override(&o.Reorder, p.Network.Reorder)
	if o.Reorder > 0 && o.ReorderDelay == 0 {
		o.ReorderDelay = 20 * time.Millisecond
	}
	if rate := p.Network.UpBitsPerSecond; rate != nil {
		setRates(&preset, int64(*rate), 0)
	}
	if rate := p.Network.DownBitsPerSecond; rate != nil {
		setRates(&preset, 0, int64(*rate))
	}
	if loss := p.Network.Loss; loss != nil {
		setLoss(&preset, *loss)
	}
	return preset, nil
}

// Of one author, nodes pass on four messages at once and then one in a tenth
// of the window of demand, as package cluster has it: an honest one sends one
// in each window.
const (
	gossipBurst      = 4
	gossipsPerWindow = 10
)

func limitGossip(o *network.Options, window time.Duration) {
	o.GossipBurst, o.GossipEvery = gossipBurst, window/gossipsPerWindow
}

func override(to *float64, value *float64) {
	if value != nil {
		*to = *value
	}
}

// setRates gives every node one rate up or down; 0 leaves it as it differs
// from node to node.
func setRates(preset *network.Preset, up, down int64) {
	set := func(to *int64, rate int64) {
		if rate > 0 {
			*to = rate
		}
	}
	preset.EvenUp = preset.EvenUp || up > 0
	preset.EvenDown = preset.EvenDown || down > 0
	set(&preset.Up, up)
	set(&preset.Down, down)
	for i := range preset.Regions {
		set(&preset.Regions[i].Up, up)
		set(&preset.Regions[i].Down, down)
	}
}

// lossFrame is about how long a frame takes on an access link: bursts are
// given in frames, and the network has them in time.
const lossFrame = time.Millisecond

// setLoss gives every node the same loss. In bursts, half of the frames of a
// bad spell are lost.
func setLoss(preset *network.Preset, loss plan.Loss) {
	preset.Wireless, preset.Options.Loss = 0, loss.Rate
	if loss.Burst <= 1 || loss.Rate == 0 {
		return
	}
	const badLoss = 0.5
	bad := time.Duration(2 * loss.Burst * float64(lossFrame))
	good := time.Duration(float64(bad) * (badLoss/loss.Rate - 1))
	preset.Options.Loss = 0
	preset.Wireless, preset.Burst = 1, network.Burst{Good: good, Bad: bad, BadLoss: badLoss}
}

func readMatrix(name string) (*network.Matrix, error) {
	file, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("fleet: the latency matrix %s is not there", name)
	}
	if err != nil {
		return nil, fmt.Errorf("fleet: latency matrix: %w", err)
	}
	defer file.Close()
	matrix, err := network.ReadMatrix(file)
	if err != nil {
		return nil, fmt.Errorf("fleet: latency matrix %s: %w", name, err)
	}
	return matrix, nil
}
