package cluster_test

import "testing"

// What the others have is read by a node that has just started, before it knows
// all of them: it waits until it has been told.
func TestReadsAtOnceAfterJoining(t *testing.T) {
	net := newTown(t, 4)
	data, link := net.store(net.nodes[0], 1<<20, 2)
	net.wantFile(net.move(nil), link, data)
}
