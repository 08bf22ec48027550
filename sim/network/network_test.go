package network_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/sim/network"
)

// transfer is the least time for a packet of blocks at a rate.
func transfer(blocks int, bitsPerSecond float64) time.Duration {
	return time.Duration(float64(blocks) * 8e9 / bitsPerSecond)
}

// near reports whether got is within a share of want.
func near(got, want time.Duration, share float64) bool {
	return math.Abs(float64(got-want)) <= share*float64(want)
}

func TestNoPacketIsAheadOfItsLatency(t *testing.T) {
	for _, preset := range network.Presets() {
		t.Run(preset.Name, func(t *testing.T) {
			o := preset.Options
			o.Seed = 7
			w := newWorld(t, o)
			var peers []network.Peer
			for i := range 30 {
				peers = append(peers, w.add(preset.Link(1, i))...)
			}
			draw := rand.New(rand.NewPCG(1, 2))
			came := 0
			w.hear = func(a arrival) {
				if a.failed {
					return
				}
				came++
				took := a.at - a.Body.(time.Duration)
				up, down := w.net.Link(a.From).Up, w.net.Link(a.To).Down
				least := w.net.OneWay(a.From, a.To)
				if a.Blocks > 0 {
					least += transfer(a.Blocks, float64(min(up, down)))
				}
				if took < least {
					t.Errorf("%d → %d, %d bytes: took %s, want at least %s",
						a.From, a.To, a.Blocks, took, least)
				}
			}
			for range 3000 {
				w.at(time.Duration(draw.Int64N(int64(time.Minute))), func() {
					p := datagram(peers[draw.IntN(30)], peers[draw.IntN(30)], draw.IntN(1000))
					if draw.IntN(2) == 0 {
						p.Stream, p.Blocks = true, draw.IntN(3)*blockBytes
					}
					p.Body = time.Duration(w.now)
					w.net.Send(p)
				})
			}
			w.run(time.Hour)
			if came < 2000 {
				t.Errorf("only %d packets came", came)
			}
		})
	}
}

// A lone transfer takes the latency and its bytes at the slower link's rate,
// whichever that is: nothing is stored on the way.
func TestATransferRunsThroughBothLinksAtOnce(t *testing.T) {
	for _, test := range []struct {
		name     string
		up, down int64
		rttMS    float64
	}{
		{"SlowUplink", 10e6, 100e6, 100},
		{"SlowDownlink", 100e6, 10e6, 100},
		{"Even", 10e6, 10e6, 100},
		{"EvenAndNear", 10e6, 10e6, 0.2},
		{"EndlessUplink", 0, 10e6, 100},
		{"EndlessDownlink", 10e6, 0, 100},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t, network.Options{Latency: matrixOf(t, []float64{test.rttMS})})
			p := w.add(network.Link{Up: test.up}, network.Link{Down: test.down})
			w.net.Send(stream(p[0], p[1], blockBytes))
			w.run(time.Minute)
			want := w.net.OneWay(p[0], p[1]) + transfer(blockBytes, 10e6)
			if len(w.heard) != 1 || !near(w.heard[0].at, want, 0.06) {
				t.Errorf("got %v, want about %s", w.heard, want)
			}
		})
	}
}

// Twenty blocks for one peer and five for another, asked for at once: while
// both have some, both get half, and the link is never idle.
func TestPeersShareAnUplinkFairly(t *testing.T) {
	w := newWorld(t, network.Options{Latency: matrixOf(t, []float64{50})})
	p := w.add(network.Link{Up: 10e6}, network.Link{}, network.Link{})
	for range 20 {
		w.net.Send(stream(p[0], p[1], blockBytes))
	}
	for range 5 {
		w.net.Send(stream(p[0], p[2], blockBytes))
	}
	w.run(transfer(10*blockBytes, 10e6) * 11 / 10)
	if got := w.count(p[0], p[2]); got != 5 {
		t.Errorf("the peer with little to get has %d of 5 blocks", got)
	}
	if got := w.count(p[0], p[1]); got < 4 || got > 7 {
		t.Errorf("the peer with much to get has %d blocks, want about 5", got)
	}
	w.run(time.Minute)
	last := w.heard[len(w.heard)-1].at
	if want := 25*time.Millisecond + transfer(25*blockBytes, 10e6); !near(last, want, 0.06) {
		t.Errorf("the last block came at %s, want about %s", last, want)
	}
}

// Twenty senders that are faster together than the receiver: its rate is
// what comes, and none is left behind.
func TestASaturatedDownlinkGivesItsRate(t *testing.T) {
	const senders, blocks, rate = 20, 10, 50e6
	w := newWorld(t, network.Options{Latency: matrixOf(t, []float64{50})})
	to := w.add(network.Link{Down: rate})[0]
	var from []network.Peer
	for range senders {
		from = append(from, w.add(network.Link{Up: 10e6})...)
	}
	for range blocks {
		for _, p := range from {
			w.net.Send(stream(p, to, blockBytes))
		}
	}
	half := transfer(senders*blocks*blockBytes/2, rate)
	w.run(half)
	for _, p := range from {
		if got := w.count(p, to); got < blocks/2-2 || got > blocks/2+1 {
			t.Errorf("sender %d: %d of %d blocks at half time", p, got, blocks)
		}
	}
	w.run(time.Hour)
	last := w.heard[len(w.heard)-1].at
	if want := 25*time.Millisecond + 2*half; !near(last, want, 0.06) || last < 2*half {
		t.Errorf("the last of %d blocks came at %s, want about %s", len(w.heard), last, want)
	}
}

func TestSmallPacketsGoAheadOfBulk(t *testing.T) {
	w := newWorld(t, network.Options{})
	p := w.add(network.Link{Up: 1e6}, network.Link{Down: 1e6}, network.Link{})
	for range 8 {
		w.net.Send(stream(p[0], p[1], blockBytes))
	}
	w.net.Send(datagram(p[0], p[1], 100))
	w.run(100 * time.Millisecond)
	if len(w.heard) != 1 || w.heard[0].Head != 100 {
		t.Errorf("after 100 ms, %d packets have come", len(w.heard))
	}
	// A flood of them gets no more than the link has.
	flooded := newWorld(t, network.Options{QueueBytes: 1 << 30})
	p = flooded.add(network.Link{Up: 1e6}, network.Link{})
	for range 1000 {
		flooded.net.Send(datagram(p[0], p[1], 1000))
	}
	flooded.run(time.Hour)
	last := flooded.heard[len(flooded.heard)-1].at
	want := transfer(1000*(1000+30+52), 1e6)
	if len(flooded.heard) != 1000 || !near(last, want, 0.02) {
		t.Errorf("%d packets by %s, want 1000 by about %s", len(flooded.heard), last, want)
	}
}

func TestQueuesAreBounded(t *testing.T) {
	const rate = 1e6
	w := newWorld(t, network.Options{QueueBytes: 1 << 20, StreamBytes: 4 << 20})
	p := w.add(network.Link{Up: rate}, network.Link{}, network.Link{Up: 1e9}, network.Link{Down: rate})
	for range 100 {
		big := stream(p[0], p[1], blockBytes)
		w.net.Send(big)
		big.Stream = false
		big.From, big.To = p[2], p[3]
		w.net.Send(big)
	}
	w.run(time.Hour)
	failed := 0
	for _, a := range w.heard {
		if a.failed {
			failed++
		}
	}
	if came := w.count(p[0], p[1]); came+failed != 100 || came < 25 || came > 31 {
		t.Errorf("%d stream packets came and %d failed, want the 4 MiB that have room", came, failed)
	}
	if came := w.count(p[2], p[3]); came < 6 || came > 7 {
		t.Errorf("%d datagrams came, want the 1 MiB that have room", came)
	}
	if got := w.net.Counters(p[2]).Dropped; got < 93 {
		t.Errorf("%d counted as dropped", got)
	}
}

func TestCuts(t *testing.T) {
	w := newWorld(t, network.Options{})
	p := w.add(make([]network.Link, 4)...)
	send := func() (came [4][4]bool) {
		w.heard = nil
		for _, from := range p {
			for _, to := range p {
				w.net.Send(datagram(from, to, 10))
			}
		}
		w.run(time.Second)
		for _, a := range w.heard {
			came[a.From][a.To] = true
		}
		return came
	}
	want := func(name string, stopped func(from, to network.Peer) bool) {
		t.Helper()
		came := send()
		for _, from := range p {
			for _, to := range p {
				if got := came[from][to]; got != (from != to && !stopped(from, to)) {
					t.Errorf("%s: %d → %d came: %v", name, from, to, got)
				}
			}
		}
	}
	want("open", func(network.Peer, network.Peer) bool { return false })
	w.net.Cut("one way", p[:2], p[2:3], true)
	want("one way", func(from, to network.Peer) bool { return from < 2 && to == 2 })
	w.net.Cut("one way", p[:2], nil, false)
	want("replaced", func(from, to network.Peer) bool { return (from < 2) != (to < 2) })
	w.net.Cut("more", p[:1], p[1:2], false)
	want("both", func(from, to network.Peer) bool {
		return (from < 2) != (to < 2) || from+to == 1
	})
	if !w.net.Heal("one way") || w.net.Heal("one way") {
		t.Error("Heal does not tell whether there was a cut")
	}
	want("healed one", func(from, to network.Peer) bool { return from+to == 1 })
	w.net.HealAll()
	want("healed", func(network.Peer, network.Peer) bool { return false })
}

// What is under way when a cut comes is lost, and a stream to the other side
// fails when the sender has given up.
func TestCutsStopWhatIsUnderWay(t *testing.T) {
	w := newWorld(t, network.Options{Latency: matrixOf(t, []float64{100})})
	p := w.add(network.Link{}, network.Link{})
	w.net.Send(datagram(p[0], p[1], 1))
	w.run(10 * time.Millisecond)
	w.net.Cut("c", p[:1], nil, false)
	w.net.Send(stream(p[0], p[1], 0))
	w.run(time.Minute)
	if len(w.heard) != 1 || !w.heard[0].failed ||
		w.heard[0].at != 10*time.Millisecond+network.DialTimeoutDefault {
		t.Errorf("got %+v", w.heard)
	}
	c := w.net.Counters(p[0])
	if c.Dropped != 1 || c.Refused != 1 {
		t.Errorf("dropped %d, refused %d, want 1 each", c.Dropped, c.Refused)
	}
}

func TestWhatWaitsAtACrashIsLost(t *testing.T) {
	w := newWorld(t, network.Options{Latency: matrixOf(t, []float64{100})})
	p := w.add(network.Link{Up: 1e6}, network.Link{Down: 1e6})
	w.net.Send(stream(p[0], p[1], blockBytes)) // takes a second
	w.net.Send(stream(p[0], p[1], 0))          // is on its way for 50 ms
	w.run(20 * time.Millisecond)
	w.net.Switch(p[0], false)
	w.net.Switch(p[0], true)
	w.run(time.Minute)
	if len(w.heard) != 1 || w.heard[0].Blocks != 0 {
		t.Errorf("the sender crashed: got %+v", w.heard)
	}
	w.heard = nil
	w.net.Send(stream(p[0], p[1], 0))
	w.net.Send(datagram(p[0], p[1], 1))
	w.run(20 * time.Millisecond)
	w.net.Switch(p[1], false)
	w.net.Send(stream(p[0], p[1], 0)) // to nobody
	w.net.Switch(p[1], true)
	w.run(time.Minute)
	if len(w.heard) != 2 || w.heard[0].Stream || w.heard[0].failed || !w.heard[1].failed {
		t.Errorf("the receiver crashed: got %+v", w.heard)
	}
}

func TestConnectionsTakeRoundTrips(t *testing.T) {
	w := newWorld(t, network.Options{Latency: matrixOf(t, []float64{100}), DialRounds: 3})
	p := w.add(network.Link{}, network.Link{})
	took := func(from, to network.Peer) time.Duration {
		w.heard = nil
		start := time.Duration(w.now)
		w.net.Send(stream(from, to, 0))
		w.run(time.Minute)
		return w.heard[0].at - start
	}
	for i, want := range []time.Duration{350, 50} {
		if got := took(p[0], p[1]); got != want*time.Millisecond {
			t.Errorf("packet %d took %s, want %d ms", i, got, want)
		}
	}
	if got := took(p[1], p[0]); got != 50*time.Millisecond {
		t.Errorf("back took %s: the connection is there", got)
	}
	w.net.Switch(p[1], false)
	w.net.Switch(p[1], true)
	if got := took(p[0], p[1]); got != 350*time.Millisecond {
		t.Errorf("after a crash it took %s", got)
	}
}

func TestSlowNodes(t *testing.T) {
	w := newWorld(t, network.Options{Latency: matrixOf(t, []float64{100})})
	p := w.add(network.Link{Up: 100e6}, network.Link{Down: 100e6})
	took := func() time.Duration {
		start := time.Duration(w.now)
		w.net.Send(stream(p[0], p[1], blockBytes))
		w.run(time.Hour)
		return w.heard[len(w.heard)-1].at - start
	}
	normal := took()
	w.net.Slow(p[0], network.Slowness{Factor: 20, Delay: time.Second})
	want := normal + time.Second + 19*transfer(blockBytes, 100e6)
	if got := took(); !near(got, want, 0.05) {
		t.Errorf("a slow node took %s, want about %s", got, want)
	}
	w.net.Slow(p[0], network.Slowness{})
	w.net.Slow(p[1], network.Slowness{Factor: 20})
	if got := took(); got != normal {
		t.Errorf("to a slow node it took %s, want %s: it receives as well as ever", got, normal)
	}
	w.net.Slow(p[1], network.Slowness{})
	if got := took(); got != normal {
		t.Errorf("after it, it took %s, want %s", got, normal)
	}
}

func TestCounters(t *testing.T) {
	w := newWorld(t, network.Options{Scale: 32})
	p := w.add(network.Link{}, network.Link{})
	w.net.Send(stream(p[0], p[1], 4096))
	other := datagram(p[0], p[1], 100)
	other.Protocol = "/noisefs/other/1"
	w.net.Send(other)
	w.run(time.Second)
	names := w.net.Protocols()
	if !slices.Equal(names, []messages.Protocol{testProtocol, other.Protocol}) {
		t.Fatalf("protocols: %v", names)
	}
	sent, received := w.net.Counters(p[0]).Sent, w.net.Counters(p[1]).Received
	if sent != received {
		t.Errorf("sent %+v, received %+v", sent, received)
	}
	// 131,072 + 20 + 30 bytes are 91 frames.
	want := network.Tally{Packets: 1, HeadBytes: 20, BlockBytes: 131072, OverheadBytes: 30 + 91*52}
	if sent[0] != want {
		t.Errorf("got %+v, want %+v", sent[0], want)
	}
	want = network.Tally{Packets: 1, HeadBytes: 100, OverheadBytes: 82}
	if sent[1] != want {
		t.Errorf("got %+v, want %+v", sent[1], want)
	}
	total := w.net.Total()
	if all := total.SentAll(); all.Packets != 2 || all.Bytes() != total.ReceivedAll().Bytes() {
		t.Errorf("in total %+v", all)
	}
}

func TestBoundsOfNodes(t *testing.T) {
	w := newWorld(t, network.Options{NodesMax: 1, Latency: matrixOf(t, []float64{1})})
	for _, link := range []network.Link{
		{Place: 1},
		{Place: -1},
		{Up: -1},
		{Down: -1},
		{Delay: -1},
		{Burst: network.Burst{Good: -1}},
		{Burst: network.Burst{BadLoss: math.NaN()}},
	} {
		if _, err := w.net.Add(link); !errors.Is(err, network.ErrOptions) {
			t.Errorf("%+v: got %v, want ErrOptions", link, err)
		}
	}
	w.add(network.Link{})
	if _, err := w.net.Add(network.Link{}); !errors.Is(err, network.ErrFull) {
		t.Errorf("got %v, want ErrFull", err)
	}
}
