package cluster

import (
	"testing"

	"github.com/libp2p/go-libp2p/core/event"
	"github.com/multiformats/go-multiaddr"

	"github.com/noisefs/noisefs/messages"
)

// What libp2p finds out about this node's addresses is told to its membership,
// one that starts later too.
func TestReach(t *testing.T) {
	h := newHost(t, testConfig("/ip4/127.0.0.1/tcp/0"))
	found := make(chan messages.ReachFound, 4)
	hear := func(msg any) {
		if m, ok := msg.(messages.ReachFound); ok {
			found <- m
		}
	}
	joined := h.Join(hear)
	joined.Handle(messages.ProtocolMember)
	emitter, err := h.host.EventBus().Emitter(new(event.EvtHostReachableAddrsChanged))
	if err != nil {
		t.Fatal(err)
	}
	defer emitter.Close()
	one := []multiaddr.Multiaddr{multiaddr.StringCast("/ip4/192.0.2.7/tcp/4021")}
	for _, test := range []struct {
		event event.EvtHostReachableAddrsChanged
		want  bool
	}{
		{event.EvtHostReachableAddrsChanged{Unreachable: one}, true},
		{event.EvtHostReachableAddrsChanged{Reachable: one}, false},
		{event.EvtHostReachableAddrsChanged{Reachable: one, Unreachable: one}, false},
		{event.EvtHostReachableAddrsChanged{Unreachable: one, Unknown: one}, true},
	} {
		// Of what is not known nothing is said.
		if err := emitter.Emit(event.EvtHostReachableAddrsChanged{Unknown: one}); err != nil {
			t.Fatal(err)
		}
		if err := emitter.Emit(test.event); err != nil {
			t.Fatal(err)
		}
		if got := <-found; got.Undialable != test.want {
			t.Errorf("%+v: got undialable %t", test.event, got.Undialable)
		}
	}
	joined.Close()
	later := h.Join(hear)
	defer later.Close()
	later.Handle(messages.ProtocolMember)
	if got := <-found; !got.Undialable {
		t.Error("a membership that starts later is told another thing")
	}
}
