package cluster

import "github.com/noisefs/noisefs/messages"

// HangUp ends the connections with a node, as a wire that is cut does.
func (h *Host) HangUp(id messages.NodeID) error { return h.host.Network().ClosePeer(peerOf(id)) }
