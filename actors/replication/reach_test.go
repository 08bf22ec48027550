package replication

import (
	"testing"
	"time"
)

// TestSomebodyCanBeDialled: two nodes behind routers cannot reach each other,
// and so a block that only such nodes hold is lost for the others of them.
func TestSomebodyCanBeDialled(t *testing.T) {
	for seed := range uint64(3) {
		n := newNetwork(t, seed, 20, nil)
		cids := n.populate(4, 50)
		for _, p := range n.nodes[8:] {
			moved := *p.member
			moved.Undialable = true
			p.member = &moved
		}
		n.tellViews()
		n.run(24 * time.Hour)
		for _, cid := range cids {
			found := false
			for _, p := range n.nodes[:8] {
				found = found || p.leases[cid] > 0
			}
			if !found {
				n.fatalf("nobody who can be dialled holds a block")
			}
		}
	}
}
