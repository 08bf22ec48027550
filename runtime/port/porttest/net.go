package porttest

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/port"
)

// NetNode is a node of a test network, as one incarnation of its one actor.
type NetNode struct {
	Net    port.Net
	Gossip port.Gossip
	// Again ends the incarnation and begins another on the same node, which
	// delivers to answer. What the old one delivers to stays in place.
	Again func(tb testing.TB, answer func(any)) NetNode
}

// NetHarness makes the networks that the suites of [Net] and [Gossip] test:
// without loss, and quick enough for Patience.
type NetHarness struct {
	// New makes a network; what it returns adds nodes that can reach each
	// other.
	New   func(tb testing.TB) func(answer func(any)) NetNode
	Await Await
	// Patience is more than a request and its response may take, and short
	// enough to wait for a few times.
	Patience time.Duration
}

// netEnd is a node and what it hears.
type netEnd struct {
	NetNode
	*inbox
	id messages.NodeID
}

const netProtocol messages.Protocol = "/noisefs/test/1"

// Net proves the contract of [port.Net].
func Net(t *testing.T, h NetHarness) {
	for _, test := range []struct {
		name string
		run  func(t *testing.T, h NetHarness, a, b *netEnd)
	}{
		{"Send", netSend},
		{"Request", netRequest},
		{"RespondOnce", netRespondOnce},
		{"ManyAtOnce", netManyAtOnce},
		{"Timeout", netTimeout},
		{"NobodyThere", netNobodyThere},
		{"NobodyHandles", netNobodyHandles},
		{"Bounds", netBounds},
		{"HandlerEnds", netHandlerEnds},
		{"AskerEnds", netAskerEnds},
	} {
		t.Run(test.name, func(t *testing.T) {
			ends := newNetEnds(t, h, 2)
			test.run(t, h, ends[0], ends[1])
		})
	}
}

func newNetEnds(t *testing.T, h NetHarness, n int) []*netEnd {
	t.Helper()
	add := h.New(t)
	ends := make([]*netEnd, n)
	ids := make(map[messages.NodeID]bool)
	for i := range ends {
		box := &inbox{await: h.Await}
		node := add(box.deliver)
		ends[i] = &netEnd{NetNode: node, inbox: box, id: node.Net.Self()}
		ids[ends[i].id] = true
	}
	if len(ids) != n {
		t.Fatalf("%d nodes have %d IDs", n, len(ids))
	}
	return ends
}

// again replaces the incarnation; the new one hears in a box of its own.
func (e *netEnd) again(tb testing.TB) *netEnd {
	box := &inbox{await: e.await}
	node := e.Again(tb, box.deliver)
	return &netEnd{NetNode: node, inbox: box, id: node.Net.Self()}
}

func head(text string) messages.Packet { return messages.Packet{Head: []byte(text)} }

// received waits for an inbound packet.
func (e *netEnd) received(t *testing.T) messages.PacketReceived {
	t.Helper()
	msg := e.next(t)
	packet, ok := msg.(messages.PacketReceived)
	if !ok {
		t.Fatalf("got a %T, want a packet", msg)
	}
	return packet
}

// wantSilence lets some time pass, as long as the first end asks a node that
// is not there, and checks that none has heard anything else.
func wantSilence(t *testing.T, h NetHarness, ends ...*netEnd) {
	t.Helper()
	probe := ends[0]
	probe.Net.Request(9999, messages.NodeID{0xff}, netProtocol, head("probe"), h.Patience)
	msg := probe.next(t)
	if answer, ok := msg.(messages.RequestAnswered); !ok || answer.Corr != 9999 {
		t.Fatalf("heard one too many: %#v", msg)
	}
	for i, e := range ends {
		if left := e.count(); left > 0 {
			t.Fatalf("end %d heard %d messages too many, first %#v", i, left, e.heard[0])
		}
	}
}

func netSend(t *testing.T, h NetHarness, a, b *netEnd) {
	b.Net.Handle(netProtocol)
	blocks := RandomBlocks(1, 2, 1024)
	a.Net.Send(b.id, netProtocol, messages.Packet{
		Head: []byte("hello"), Blocks: [][]byte{blocks[0].Data, blocks[1].Data},
	})
	got := b.received(t)
	if got.From != a.id || got.Protocol != netProtocol || got.Exchange != 0 ||
		string(got.Packet.Head) != "hello" || len(got.Packet.Blocks) != 2 ||
		!bytes.Equal(got.Packet.Blocks[1], blocks[1].Data) {
		t.Fatalf("got %+v", got)
	}
	a.Net.Send(messages.NodeID{1, 2, 3}, netProtocol, head("to nobody"))
	a.Net.Send(b.id, "/noisefs/other/1", head("of another protocol"))
	wantSilence(t, h, a, b)
}

func netRequest(t *testing.T, h NetHarness, a, b *netEnd) {
	b.Net.Handle(netProtocol)
	block := RandomBlocks(2, 1, 4096)[0]
	a.Net.Request(7, b.id, netProtocol, head("question"), h.Patience)
	asked := b.received(t)
	if asked.From != a.id || asked.Exchange == 0 || string(asked.Packet.Head) != "question" {
		t.Fatalf("got %+v", asked)
	}
	b.Net.Respond(asked.Exchange, messages.Packet{
		Head: []byte("answer"), Blocks: [][]byte{block.Data},
	})
	got := answerAs[messages.RequestAnswered](t, a.inbox, 7)
	if got.Err != nil || got.From != b.id || string(got.Packet.Head) != "answer" ||
		len(got.Packet.Blocks) != 1 || !bytes.Equal(got.Packet.Blocks[0], block.Data) {
		t.Fatalf("got %+v", got)
	}
	if got.Took <= 0 || got.Took > h.Patience {
		t.Errorf("took %s", got.Took)
	}
	wantSilence(t, h, a, b)
}

func netRespondOnce(t *testing.T, h NetHarness, a, b *netEnd) {
	b.Net.Handle(netProtocol)
	a.Net.Request(1, b.id, netProtocol, head("question"), h.Patience)
	asked := b.received(t)
	b.Net.Respond(asked.Exchange+1, head("to no exchange"))
	b.Net.Respond(0, head("to none"))
	a.Net.Respond(asked.Exchange, head("by another node"))
	b.Net.Respond(asked.Exchange, head("first"))
	b.Net.Respond(asked.Exchange, head("second"))
	got := answerAs[messages.RequestAnswered](t, a.inbox, 1)
	if got.Err != nil || string(got.Packet.Head) != "first" {
		t.Fatalf("got %q, %v", got.Packet.Head, got.Err)
	}
	wantSilence(t, h, a, b)
}

func netManyAtOnce(t *testing.T, h NetHarness, a, b *netEnd) {
	const calls = 100
	a.Net.Handle(netProtocol)
	b.Net.Handle(netProtocol)
	for corr := range messages.Corr(calls) {
		a.Net.Request(corr, b.id, netProtocol, head(string(rune('A'+corr))), 10*h.Patience)
	}
	exchanges := make(map[messages.Exchange]bool)
	for range calls {
		asked := b.received(t)
		exchanges[asked.Exchange] = true
		b.Net.Respond(asked.Exchange, asked.Packet)
	}
	if len(exchanges) != calls {
		t.Errorf("%d requests have %d exchanges", calls, len(exchanges))
	}
	for corr, answer := range a.all(t, calls) {
		got := answer.(messages.RequestAnswered)
		if got.Err != nil || string(got.Packet.Head) != string(rune('A'+corr)) {
			t.Fatalf("call %d: %q, %v", corr, got.Packet.Head, got.Err)
		}
	}
}

func netTimeout(t *testing.T, h NetHarness, a, b *netEnd) {
	b.Net.Handle(netProtocol)
	a.Net.Request(1, b.id, netProtocol, head("question"), h.Patience)
	asked := b.received(t)
	got := answerAs[messages.RequestAnswered](t, a.inbox, 1)
	if !errors.Is(got.Err, port.ErrTimeout) || got.From != b.id || got.Took < h.Patience {
		t.Fatalf("got %v of %x after %s", got.Err, got.From[:4], got.Took)
	}
	b.Net.Respond(asked.Exchange, head("too late"))
	wantSilence(t, h, a, b)
	a.Net.Request(2, b.id, netProtocol, head("without time"), 0)
	if got := answerAs[messages.RequestAnswered](t, a.inbox, 2); got.Err == nil {
		t.Error("a request without time was answered")
	}
}

// lostTo reports whether err is one of those for a node that does not answer.
func lostTo(err error) bool {
	return errors.Is(err, port.ErrTimeout) || errors.Is(err, port.ErrUnreachable)
}

func netNobodyThere(t *testing.T, h NetHarness, a, b *netEnd) {
	for corr, to := range []messages.NodeID{{1, 2, 3}, a.id} {
		a.Net.Request(messages.Corr(corr), to, netProtocol, head("question"), h.Patience)
		got := answerAs[messages.RequestAnswered](t, a.inbox, messages.Corr(corr))
		if !lostTo(got.Err) || got.From != to {
			t.Errorf("to %x: got %v of %x", to[:4], got.Err, got.From[:4])
		}
	}
	wantSilence(t, h, a, b)
}

func netNobodyHandles(t *testing.T, h NetHarness, a, b *netEnd) {
	b.Net.Handle("/noisefs/other/1")
	a.Net.Request(1, b.id, netProtocol, head("question"), h.Patience)
	if got := answerAs[messages.RequestAnswered](t, a.inbox, 1); !lostTo(got.Err) {
		t.Errorf("got %v", got.Err)
	}
	wantSilence(t, h, a, b)
}

func netBounds(t *testing.T, h NetHarness, a, b *netEnd) {
	b.Net.Handle(netProtocol)
	tooLong := messages.Packet{Head: make([]byte, messages.PacketHeadMax+1)}
	tooMany := messages.Packet{Blocks: make([][]byte, messages.PacketBlocksMax+1)}
	for corr, bad := range []messages.Packet{tooLong, tooMany} {
		a.Net.Send(b.id, netProtocol, bad)
		a.Net.Request(messages.Corr(corr), b.id, netProtocol, bad, h.Patience)
		got := answerAs[messages.RequestAnswered](t, a.inbox, messages.Corr(corr))
		if !errors.Is(got.Err, port.ErrPacket) {
			t.Errorf("packet %d: got %v, want ErrPacket", corr, got.Err)
		}
	}
	wantSilence(t, h, a, b)
	largest := messages.Packet{Head: make([]byte, messages.PacketHeadMax)}
	for _, block := range RandomBlocks(3, messages.PacketBlocksMax, 512) {
		largest.Blocks = append(largest.Blocks, block.Data)
	}
	a.Net.Request(5, b.id, netProtocol, largest, 10*h.Patience)
	asked := b.received(t)
	b.Net.Respond(asked.Exchange, largest)
	got := answerAs[messages.RequestAnswered](t, a.inbox, 5)
	if got.Err != nil || len(got.Packet.Head) != messages.PacketHeadMax ||
		len(got.Packet.Blocks) != messages.PacketBlocksMax {
		t.Errorf("the largest packet: %d bytes, %d blocks, %v",
			len(got.Packet.Head), len(got.Packet.Blocks), got.Err)
	}
}

// An exchange ends with the incarnation that it was handed to.
func netHandlerEnds(t *testing.T, h NetHarness, a, b *netEnd) {
	b.Net.Handle(netProtocol)
	a.Net.Request(1, b.id, netProtocol, head("question"), h.Patience)
	asked := b.received(t)
	next := b.again(t)
	if next.id != b.id {
		t.Error("the next incarnation is another node")
	}
	b.Net.Respond(asked.Exchange, head("by the one that ended"))
	next.Net.Respond(asked.Exchange, head("by its successor"))
	if got := answerAs[messages.RequestAnswered](t, a.inbox, 1); !lostTo(got.Err) {
		t.Errorf("got %q, %v", got.Packet.Head, got.Err)
	}
	a.Net.Request(2, b.id, netProtocol, head("before it handles"), h.Patience)
	if got := answerAs[messages.RequestAnswered](t, a.inbox, 2); !lostTo(got.Err) {
		t.Errorf("got %q, %v", got.Packet.Head, got.Err)
	}
	next.Net.Handle(netProtocol)
	a.Net.Request(3, b.id, netProtocol, head("again"), h.Patience)
	next.Net.Respond(next.received(t).Exchange, head("well"))
	if got := answerAs[messages.RequestAnswered](t, a.inbox, 3); got.Err != nil {
		t.Errorf("the next incarnation: %v", got.Err)
	}
	wantSilence(t, h, a, b, next)
}

// Nobody hears the answer to a request of an incarnation that has ended.
func netAskerEnds(t *testing.T, h NetHarness, a, b *netEnd) {
	b.Net.Handle(netProtocol)
	a.Net.Request(1, b.id, netProtocol, head("question"), h.Patience)
	asked := b.received(t)
	next := a.again(t)
	b.Net.Respond(asked.Exchange, head("to nobody"))
	wantSilence(t, h, next, a, b)
	next.Net.Request(2, b.id, netProtocol, head("question"), h.Patience)
	b.Net.Respond(b.received(t).Exchange, head("answer"))
	if got := answerAs[messages.RequestAnswered](t, next.inbox, 2); got.Err != nil {
		t.Errorf("the next incarnation: %v", got.Err)
	}
}
