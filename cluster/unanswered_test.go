package cluster

import (
	"testing"
	"time"

	"github.com/noisefs/noisefs/messages"
)

// TestUnansweredRequestsTakeTheirPeersRoom: whoever asks for what nobody
// answers, or gives up at once what it asked for, leaves room for others.
func TestUnansweredRequestsTakeTheirPeersRoom(t *testing.T) {
	good, bad, heard := victim(t, Bounds{ExchangesMax: 8, ExchangesPerPeer: 4})
	for range 2 {
		stream := hostile(t, bad, good)
		for number := uint64(1); number <= 10; number++ {
			ask := encode(frame{kind: frameRequest, number: number, wait: time.Minute})
			if number%2 == 0 {
				ask = append(ask, encode(frame{kind: frameCancel, number: number})...)
			}
			if _, err := stream.Write(ask); err != nil {
				t.Fatal(err)
			}
		}
		// Nothing is read after a refusal that nobody takes: so take one.
		if err := stream.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
			t.Fatal(err)
		}
		if _, err := stream.Read(make([]byte, frameHeadBytes)); err != nil {
			t.Fatal(err)
		}
	}
	await(t, func() bool { return heard.count() >= 4 })
	if got := len(heard.take()); got != 4 {
		t.Errorf("%d requests of one peer are under way, want 4", got)
	}
	other := newHost(t, testConfig(testListen))
	connect(t, other, good)
	answers := &box{}
	other.Join(answers.deliver).Request(1, good.Self(), testProtocol, messages.Packet{}, time.Minute)
	await(t, func() bool { return heard.count() == 1 })
	if got := heard.take()[0].(messages.PacketReceived); got.From != other.Self() {
		t.Errorf("a request of %s was heard, want one of %s", got.From, other.Self())
	}
}

// TestDrippingFramesAreCutOff: a node that receives no faster than it may does
// not wait for longer for who sends a byte now and then.
func TestDrippingFramesAreCutOff(t *testing.T) {
	good, bad, _ := victim(t, Bounds{DownMax: 1 << 20, FrameTimeout: 300 * time.Millisecond})
	stream := hostile(t, bad, good)
	whole := encode(frame{kind: frameSend, packet: messages.Packet{Head: make([]byte, 1000)}})
	for i, b := range whole[:900] {
		if _, err := stream.Write([]byte{b}); err != nil {
			return // cut off, as it ought to be
		}
		if i > 200 { // of 20 ms each, thirteen times what a frame may take
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Error("not cut off")
}
