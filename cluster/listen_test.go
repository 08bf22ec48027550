package cluster

import (
	"errors"
	"strings"
	"testing"
)

// Two nodes on one port would each get some of the other's connections.
func TestPortOfAnotherNode(t *testing.T) {
	first := newHost(t, testConfig(testListen))
	listen, _, _ := strings.Cut(first.Addresses()[0], "/p2p/")
	h, err := Start(testConfig(listen))
	if err == nil {
		_ = h.Close()
	}
	if !errors.Is(err, ErrPort) {
		t.Fatalf("got %v, want ErrPort", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	newHost(t, testConfig(listen)) // the port is free again
}
