package node

import (
	"time"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/config"
)

// offeredMax bounds the blocks of others that the randomizer examines at one
// time.
const offeredMax = 64

// compactSegments is how many segments' worth of replicas and cached blocks
// are deleted before segments are rewritten.
const compactSegments = 4

// deadProbes is how many probe intervals pass until one of the dead is asked
// whether it is back, for at most as long as membership's own preset.
const deadProbes = 6

// KeepForeign returns the configuration of a node that has blocks of others,
// or had: they may be randomizers of its files.
func (c Config) KeepForeign() Config {
	c.Splitter.Foreign = true
	c.Store.OfferedMax = offeredMax
	return c
}

// OneOfMany returns the configuration of a node that is one of many. seeds
// are the nodes through which it joins them; edge is how it is connected.
func (c Config) OneOfMany(s *config.Config, seeds []messages.NodeID, edge Edge) Config {
	c = c.KeepForeign()
	block := int64(c.Params.BlockSize)
	held, cached := s.Network.StorageBytes/block, s.Network.CacheBytes/block

	c.Store.Network = true
	c.Store.ReplicaBytesMax, c.Store.CacheBytesMax = held*block, cached*block
	c.Store.KeptMax = int(held + cached + int64(c.Store.PutBlocksMax))
	c.Store.ChangesMax, c.Store.CachesMax = 64, 16
	c.Store.CompactBytes = compactSegments * s.Storage.SegmentBytes
	c.Store.ServesMax, c.Store.BacklogMax = s.Network.ServesMax, s.Network.BacklogMax
	c.Store.ServedBatch, c.Store.ServedDelay = 64, time.Second

	c.Cache.Network, c.Cache.KeepFetched = true, cached > 0

	n := DefaultNetwork()
	n.Edge = edge
	n.Membership.Seeds = seeds
	n.Membership.CapacityBlocks = uint64(held)
	n.Membership.Domain = s.Network.FailureDomain
	n.Membership.ProbeInterval = s.Network.ProbeInterval
	n.Membership.ProbeTimeout = min(n.Membership.ProbeTimeout, s.Network.ProbeInterval/3)
	n.Membership.SyncFirst = max(n.Membership.SyncFirst, s.Network.ProbeInterval)
	n.Membership.SyncInterval = max(n.Membership.SyncInterval, n.Membership.SyncFirst)
	// Whoever finds out soon who is gone finds out soon who is back.
	n.Membership.DeadProbeInterval = min(deadProbes*s.Network.ProbeInterval,
		max(n.Membership.DeadProbeInterval, s.Network.ProbeInterval))
	n.Replication.DisperseDelay = s.Network.DisperseDelay
	// Whoever wants blocks to leave soon wants it soon again when it failed.
	n.Replication.RetryDelay = min(n.Replication.RetryDelay, 2*s.Network.DisperseDelay)
	n.Replication.ReplicasMax = int(held)
	n.Replication.WatchedMax = max(n.Replication.WatchedMax, 2*int(held))
	if s.Network.IPFSPeers != "" {
		n.Fetcher.BeyondTimeout = n.Fetcher.FetchTimeout / 3
	}
	c.Network = &n
	return c
}
