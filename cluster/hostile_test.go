package cluster

import (
	"bytes"
	"context"
	"io"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/protocol"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/port"
)

const testListen = "/ip4/127.0.0.1/tcp/0"

// hostile opens a stream from one host to another below our framing.
func hostile(t *testing.T, from, to *Host) network.Stream {
	t.Helper()
	stream, err := from.host.NewStream(context.Background(), to.host.ID(), protocol.ID(testProtocol))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = stream.Reset() })
	return stream
}

// wantCutOff waits until the other side has ended the stream.
func wantCutOff(t *testing.T, stream network.Stream) {
	t.Helper()
	if err := stream.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, stream); err == nil {
		t.Fatal("the stream ended in order, and was not cut off")
	} else if isTimeout(err) {
		t.Fatal("the stream was not cut off")
	}
}

func isTimeout(err error) bool {
	timeout, ok := err.(interface{ Timeout() bool })
	return ok && timeout.Timeout()
}

// victim is a host that answers every request, and one that is up to no good.
func victim(t *testing.T, b Bounds) (good, bad *Host, heard *box) {
	t.Helper()
	c := testConfig(testListen)
	c.Bounds = b
	good, bad = newHost(t, c), newHost(t, testConfig(testListen))
	connect(t, bad, good)
	heard = &box{}
	good.Join(heard.deliver).Handle(testProtocol)
	return good, bad, heard
}

// wantStillServing proves that the node does its work for others.
func wantStillServing(t *testing.T, good *Host) {
	t.Helper()
	var server port.Joined
	server = good.Join(func(msg any) {
		if m, ok := msg.(messages.PacketReceived); ok {
			server.Respond(m.Exchange, m.Packet)
		}
	})
	server.Handle(testProtocol)
	other, answers := newHost(t, testConfig(testListen)), &box{}
	connect(t, other, good)
	other.Join(answers.deliver).Request(1, good.Self(), testProtocol,
		messages.Packet{Head: []byte("still there?")}, 20*time.Second)
	await(t, func() bool { return answers.count() == 1 })
	if got := answers.take()[0].(messages.RequestAnswered); got.Err != nil {
		t.Errorf("another peer got %v", got.Err)
	}
}

func TestMalformedFramesAreCutOff(t *testing.T) {
	good, bad, heard := victim(t, Bounds{})
	request := encode(frame{kind: frameRequest, number: 1, wait: time.Minute})
	for name, bytes := range map[string][]byte{
		"Garbage":        bytes.Repeat([]byte{0xee}, 100),
		"OversizedHead":  {byte(frameRequest), 0, 0, 0, 0x7f, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1},
		"Answer":         encode(frame{kind: frameResponse, number: 1}),
		"SameNumber":     append(bytes.Clone(request), request...),
		"UnknownRefusal": encode(frame{kind: frameRefusal, number: 7}),
	} {
		t.Run(name, func(t *testing.T) {
			stream := hostile(t, bad, good)
			if _, err := stream.Write(bytes); err != nil {
				t.Fatal(err)
			}
			wantCutOff(t, stream)
		})
	}
	heard.take()
	wantStillServing(t, good)
}

func TestAFrameThatNeverEndsIsCutOff(t *testing.T) {
	good, bad, _ := victim(t, Bounds{FrameTimeout: 300 * time.Millisecond})
	stream := hostile(t, bad, good)
	whole := encode(frame{kind: frameSend, packet: messages.Packet{Head: make([]byte, 1000)}})
	if _, err := stream.Write(whole[:500]); err != nil {
		t.Fatal(err)
	}
	wantCutOff(t, stream)
	wantStillServing(t, good)
}

func TestWhoDoesNotReadIsCutOff(t *testing.T) {
	good, bad, heard := victim(t, Bounds{FrameTimeout: time.Second, QueueBytesMax: 4 << 20})
	server := good.Join(heard.deliver)
	server.Handle(testProtocol)
	stream := hostile(t, bad, good)
	block := make([]byte, 128<<10)
	answered := 0
	for number := uint64(1); ; number++ {
		ask := encode(frame{kind: frameRequest, number: number, wait: time.Minute})
		if err := stream.SetWriteDeadline(time.Now().Add(20 * time.Second)); err != nil {
			t.Fatal(err)
		}
		if _, err := stream.Write(ask); err != nil {
			if isTimeout(err) {
				t.Fatalf("not cut off after %d requests", number)
			}
			break // cut off, as it ought to be
		}
		for _, msg := range heard.take() {
			answered++
			server.Respond(msg.(messages.PacketReceived).Exchange,
				messages.Packet{Blocks: [][]byte{block}})
		}
		if waiting := queued(good); waiting > 4<<20+len(block)*64 {
			t.Fatalf("%d bytes wait for a peer that does not read", waiting)
		}
	}
	if answered == 0 {
		t.Error("nothing was asked")
	}
	await(t, func() bool { return queued(good) == 0 })
	wantStillServing(t, good)
}

func TestUnaskedAnswersAreCutOff(t *testing.T) {
	asker, answers := newHost(t, testConfig(testListen)), &box{}
	bad := newHost(t, testConfig(testListen))
	bad.host.SetStreamHandler(protocol.ID(testProtocol), func(stream network.Stream) {
		defer func() { _ = stream.Reset() }()
		answer := encode(frame{kind: frameResponse, number: 1 << 40})
		for range 100 {
			if _, err := stream.Write(answer); err != nil {
				return
			}
		}
		_, _ = io.Copy(io.Discard, stream)
	})
	connect(t, asker, bad)
	asker.Join(answers.deliver).Request(1, bad.Self(), testProtocol, messages.Packet{}, time.Minute)
	await(t, func() bool { return answers.count() == 1 })
	if got := answers.take()[0].(messages.RequestAnswered); !isLost(got.Err) {
		t.Errorf("got %v, want that the peer cannot be reached", got.Err)
	}
}

// Many requests are under way on one stream, and none waits for the one before.
func TestRequestsShareAStream(t *testing.T) {
	good, other, heard := victim(t, Bounds{})
	server := good.Join(heard.deliver)
	server.Handle(testProtocol)
	answers := &box{}
	asker := other.Join(answers.deliver)
	const requests = 50
	for i := range messages.Corr(requests) {
		asker.Request(i+1, good.Self(), testProtocol, messages.Packet{}, time.Minute)
	}
	await(t, func() bool { return heard.count() == requests })
	if n := len(good.exchanges.inbound); n != 1 {
		t.Errorf("%d streams, want 1", n)
	}
	asked := heard.take()
	for i := range asked { // the last one first
		server.Respond(asked[len(asked)-1-i].(messages.PacketReceived).Exchange, messages.Packet{})
	}
	await(t, func() bool { return answers.count() == requests })
	for _, msg := range answers.take() {
		if got := msg.(messages.RequestAnswered); got.Err != nil {
			t.Fatal(got.Err)
		}
	}
}

// A lane that is not used ends, at both sides, and the next packet begins another.
func TestIdleLanesEnd(t *testing.T) {
	c := testConfig(testListen)
	c.Bounds.IdleTimeout = 100 * time.Millisecond
	good := newHost(t, c)
	c.Seed[0]++
	other := newHost(t, c)
	connect(t, other, good)
	heard := &box{}
	good.Join(heard.deliver).Handle(testProtocol)
	asker := other.Join(func(any) {})
	streams := func() (lanes, inbound int) {
		other.exchanges.mu.Lock()
		lanes = len(other.exchanges.lanes)
		other.exchanges.mu.Unlock()
		good.exchanges.mu.Lock()
		inbound = len(good.exchanges.inbound)
		good.exchanges.mu.Unlock()
		return lanes, inbound
	}
	for range 2 {
		asker.Send(good.Self(), testProtocol, messages.Packet{Head: []byte("hello")})
		await(t, func() bool { return len(heard.take()) == 1 })
		await(t, func() bool {
			lanes, inbound := streams()
			return lanes == 0 && inbound == 0
		})
	}
}

func TestBacklogIsNothingWhenNothingWaits(t *testing.T) {
	good, other, heard := victim(t, Bounds{})
	asker := other.Join(func(any) {})
	for range 20 {
		asker.Send(good.Self(), testProtocol, messages.Packet{Blocks: [][]byte{make([]byte, 100<<10)}})
	}
	await(t, func() bool { return heard.count() == 20 })
	await(t, func() bool { return asker.Backlog() == 0 })
}

// queued is how many bytes wait to be written.
func queued(h *Host) int {
	total, _ := h.exchanges.meter.waiting(messages.NodeID{})
	return total
}
