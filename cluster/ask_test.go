package cluster

import (
	"context"
	"errors"
	"testing"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/port"
)

// A request of another lane is answered by whoever handles the protocol, once,
// and fails when nobody does any more.
func TestAsk(t *testing.T) {
	h, ctx := newHost(t, testConfig(testListen)), context.Background()
	question := messages.Packet{Head: []byte("have you")}
	if _, err := h.Ask(ctx, testProtocol, question); !errors.Is(err, port.ErrUnreachable) {
		t.Errorf("got %v before anybody answers", err)
	}
	heard := make(chan messages.PacketReceived, 1)
	server := h.Join(func(msg any) { heard <- msg.(messages.PacketReceived) })
	server.Handle(testProtocol)
	type result struct {
		packet messages.Packet
		err    error
	}
	ask := func(ctx context.Context) <-chan result {
		done := make(chan result, 1)
		go func() {
			packet, err := h.Ask(ctx, testProtocol, question)
			done <- result{packet, err}
		}()
		return done
	}
	done := ask(ctx)
	received := <-heard
	server.Respond(received.Exchange, messages.Packet{Head: []byte("yes")})
	server.Respond(received.Exchange, messages.Packet{Head: []byte("no")}) // is ignored
	if got := <-done; got.err != nil || string(got.packet.Head) != "yes" ||
		string(received.Packet.Head) != "have you" {
		t.Errorf("got %q, %v to %q", got.packet.Head, got.err, received.Packet.Head)
	}
	canceled, cancel := context.WithCancel(ctx)
	done = ask(canceled)
	late := <-heard
	cancel()
	if got := <-done; !errors.Is(got.err, port.ErrTimeout) {
		t.Errorf("got %v of a request that nobody waits for", got.err)
	}
	server.Respond(late.Exchange, messages.Packet{}) // finds nobody
	done = ask(ctx)
	<-heard
	server.Close()
	if got := <-done; !errors.Is(got.err, port.ErrUnreachable) {
		t.Errorf("got %v of a handler that has ended", got.err)
	}
	if n := len(h.exchanges.inner); n != 0 {
		t.Errorf("%d requests are left behind", n)
	}
}
