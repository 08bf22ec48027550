package node

import (
	"errors"

	"github.com/noisefs/noisefs/actors/fetcher"
	"github.com/noisefs/noisefs/actors/membership"
	"github.com/noisefs/noisefs/actors/popularity"
	"github.com/noisefs/noisefs/actors/replication"
	"github.com/noisefs/noisefs/actors/scorer"
	"github.com/noisefs/noisefs/runtime/tree"
)

// The roles of a node that is one of many.
const (
	roleMembership  = membership.Role
	roleScorer      = scorer.Role
	roleFetcher     = fetcher.Role
	rolePopularity  = popularity.Role
	roleReplication = replication.Role
)

// Network is the configuration of the actors that a node has beside the
// others when it is one of many.
type Network struct {
	Membership  membership.Config
	Scorer      scorer.Config
	Fetcher     fetcher.Config
	Popularity  popularity.Config
	Replication replication.Config
	// Edge tells clients how the node is connected; nil: nobody asks.
	Edge Edge
}

// DefaultNetwork returns the shipped configuration.
func DefaultNetwork() Network {
	n := Network{
		Membership: membership.Defaults(), Scorer: scorer.DefaultConfig(),
		Fetcher: fetcher.DefaultConfig(), Popularity: popularity.DefaultConfig(),
		Replication: replication.DefaultConfig(),
	}
	n.Membership.Tell = []string{roleScorer, roleFetcher, rolePopularity, roleReplication}
	return n
}

// Validate joins what every actor finds wrong with its part.
func (n Network) Validate() error {
	return errors.Join(
		n.Membership.Validate(), n.Scorer.Validate(), n.Fetcher.Validate(),
		n.Popularity.Validate(), n.Replication.Validate(),
	)
}

// choosing are the actors that find blocks in the network. They start before
// the cache, which asks them.
func (n Network) choosing(c Config) []tree.ChildSpec {
	return []tree.ChildSpec{
		{
			Role: roleScorer, Doc: "how well peers serve: latency, load, failures; whom to ask",
			New: scorer.New(n.Scorer), NeedsLater: []string{roleMembership},
		},
		{
			Role: roleFetcher, Doc: "blocks from the network: asks, hedges, retries, verifies",
			New: fetcher.New(n.Fetcher, c.Params), Needs: []string{roleScorer},
			NeedsLater: []string{roleMembership},
		},
	}
}

// spreading are the actors that keep blocks of the network. They start last,
// and the membership at the very end: a node joins when it is whole.
func (n Network) spreading(c Config) []tree.ChildSpec {
	return []tree.ChildSpec{
		{
			Role: rolePopularity, Doc: "decayed sketch of demand, local and gossiped",
			New: popularity.New(n.Popularity), NeedsLater: []string{roleReplication},
		},
		{
			Role: roleReplication, Doc: "placement, offers, leases, repair, adaptive factor",
			New:   replication.New(n.Replication, c.Params),
			Needs: []string{roleStore, roleCache, rolePopularity}, NeedsLater: []string{roleMembership},
		},
		{
			Role: roleMembership, Doc: "who is in the network, alive, with what capacity",
			New:   membership.New(n.Membership),
			Needs: []string{roleScorer, roleFetcher, rolePopularity, roleReplication},
		},
	}
}
