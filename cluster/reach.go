package cluster

import (
	"fmt"

	"github.com/libp2p/go-libp2p/core/event"

	"github.com/noisefs/noisefs/messages"
)

// watchReach follows what others say of this node's addresses. libp2p asks them
// (AutoNAT version 2) to connect to each that is of the public internet: a node
// that listens on none, in a house or on one machine, learns nothing, and counts
// as one that can be reached.
func (h *Host) watchReach() error {
	watched, err := h.host.EventBus().Subscribe(new(event.EvtHostReachableAddrsChanged))
	if err != nil {
		return fmt.Errorf("cluster: reach: %w", err)
	}
	h.reach = watched
	h.exchanges.wait.Go(func() {
		for changed := range watched.Out() { // until Close
			seen := changed.(event.EvtHostReachableAddrsChanged)
			if len(seen.Reachable)+len(seen.Unreachable) > 0 {
				h.exchanges.reached(messages.ReachFound{Undialable: len(seen.Reachable) == 0})
			}
		}
	})
	return nil
}
