package cluster_test

import (
	"slices"
	"sync/atomic"
	"testing"

	"github.com/libp2p/go-libp2p/core/connmgr"
	"github.com/libp2p/go-libp2p/core/control"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/multiformats/go-multiaddr"
)

// gate is whom a node can be connected with.
type gate struct {
	beyond atomic.Pointer[map[peer.ID]bool] // who cannot be reached; nil: nobody
}

var _ connmgr.ConnectionGater = (*gate)(nil)

func (g *gate) reaches(id peer.ID) bool {
	beyond := g.beyond.Load()
	return beyond == nil || !(*beyond)[id]
}

func (g *gate) InterceptPeerDial(id peer.ID) bool                        { return g.reaches(id) }
func (g *gate) InterceptAddrDial(id peer.ID, _ multiaddr.Multiaddr) bool { return g.reaches(id) }
func (g *gate) InterceptAccept(network.ConnMultiaddrs) bool              { return true }
func (g *gate) InterceptSecured(_ network.Direction, id peer.ID, _ network.ConnMultiaddrs) bool {
	return g.reaches(id)
}

func (g *gate) InterceptUpgraded(network.Conn) (bool, control.DisconnectReason) { return true, 0 }

// part cuts all wires between two halves of a town, and waits until each half
// has given up the other one.
func (t *town) part(left, right []*resident) {
	t.tb.Helper()
	for _, halves := range [][2][]*resident{{left, right}, {right, left}} {
		beyond := make(map[peer.ID]bool)
		for _, r := range halves[1] {
			id, err := peer.Decode(r.wire.Self().String())
			if err != nil {
				t.tb.Fatal(err)
			}
			beyond[id] = true
		}
		for _, r := range halves[0] {
			r.gate.beyond.Store(&beyond)
		}
	}
	t.await(func() bool {
		for _, r := range left {
			for _, far := range right { // those, too, that were just being made
				if err := r.wire.HangUp(far.wire.Self()); err != nil {
					t.tb.Fatal(err)
				}
			}
		}
		return t.know(left, len(left)) && t.know(right, len(right))
	})
}

// know reports whether each of some nodes knows of n members.
func (t *town) know(nodes []*resident, n int) bool {
	t.tb.Helper()
	return !slices.ContainsFunc(nodes, func(r *resident) bool { return t.status(r).Members != n })
}

// heal mends all wires.
func (t *town) heal() {
	t.tb.Helper()
	for _, r := range t.nodes {
		r.gate.beyond.Store(nil)
	}
	t.meet()
}

// The halves of a parted network go on by themselves: they read what was stored
// before, and store. When the wires are mended they find each other, with nobody's
// help, and what was stored on one side is read on the other.
func TestPartsOfANetworkFindEachOther(t *testing.T) {
	skipShort(t)
	net := newTown(t, 6)
	left, right := net.nodes[:3], net.nodes[3:]
	before, link := net.store(left[0], 1<<20, 5)
	net.part(left, right)
	for _, r := range net.nodes {
		net.wantFile(r, link, before)
	}
	onLeft, leftLink := net.store(left[1], 300<<10, 2)
	onRight, rightLink := net.store(right[2], 400<<10, 2)
	if err := right[0].read(t.Context(), leftLink, onLeft); err == nil {
		t.Fatal("the network is not parted")
	}
	net.heal()
	// Who is there is known before those who ask for blocks are told.
	net.await(func() bool {
		for _, r := range right {
			if r.read(t.Context(), leftLink, onLeft) != nil {
				return false
			}
		}
		for _, r := range left {
			if r.read(t.Context(), rightLink, onRight) != nil {
				return false
			}
		}
		return true
	})
}
