package node_test

import (
	"testing"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/config"
	"github.com/noisefs/noisefs/runtime/node"
	"github.com/noisefs/noisefs/runtime/tree"
)

// Whatever the settings of the network may be, the actors take it.
func TestEverySettingOfTheNetworkMakesANode(t *testing.T) {
	for _, options := range [][]string{
		{},
		{"NOISEFS_NETWORK_STORAGE_BYTES=0", "NOISEFS_NETWORK_CACHE_BYTES=0"},
		{"NOISEFS_NETWORK_STORAGE_BYTES=1MiB", "NOISEFS_NETWORK_CACHE_BYTES=1MiB"},
		{"NOISEFS_NETWORK_STORAGE_BYTES=64TiB", "NOISEFS_NETWORK_CACHE_BYTES=64TiB"},
		{"NOISEFS_NETWORK_DISPERSE_DELAY=500ms", "NOISEFS_NETWORK_PROBE_INTERVAL=300ms"},
		{"NOISEFS_NETWORK_DISPERSE_DELAY=24h", "NOISEFS_NETWORK_PROBE_INTERVAL=10m"},
		{"NOISEFS_NETWORK_SERVES_MAX=1", "NOISEFS_NETWORK_BACKLOG_MAX=100ms"},
		{"NOISEFS_NETWORK_SERVES_MAX=4096", "NOISEFS_NETWORK_BACKLOG_MAX=1m"},
		{"NOISEFS_STORAGE_SEGMENT_BYTES=16GiB", "NOISEFS_STORAGE_RESERVE_BYTES=16GiB"},
	} {
		settings, err := config.Load(t.TempDir(), options, nil)
		if err != nil {
			t.Fatal(err)
		}
		c := node.FromSettings(settings).OneOfMany(settings, []messages.NodeID{{1}}, nil)
		if err := c.Validate(); err != nil {
			t.Errorf("%v: %v", options, err)
		}
	}
}

// The tree that a daemon runs is the one that simulations run.
func TestOneOfManyHasTheTreeOfTheNetwork(t *testing.T) {
	settings := config.Default()
	c := node.FromSettings(settings).OneOfMany(settings, nil, nil)
	if got, want := tree.Mermaid(node.Spec(c)), tree.Mermaid(networked()); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
