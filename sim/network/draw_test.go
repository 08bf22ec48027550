package network_test

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/noisefs/noisefs/sim/network"
)

// sendEvery sends n datagrams of a to b, one each gap, and returns which came.
func sendEvery(w *world, a, b network.Peer, n int, gap time.Duration) []bool {
	came := make([]bool, n)
	w.hear = func(x arrival) { came[x.Body.(int)] = true }
	for i := range n {
		w.at(time.Duration(i)*gap, func() {
			p := datagram(a, b, 100)
			p.Body = i
			w.net.Send(p)
		})
	}
	w.run(time.Duration(n)*gap + time.Minute)
	return came
}

func lostShare(came []bool) float64 {
	lost := 0
	for _, c := range came {
		if !c {
			lost++
		}
	}
	return float64(lost) / float64(len(came))
}

func TestLossIsAsSet(t *testing.T) {
	const n, loss = 20_000, 0.1
	for _, gap := range []time.Duration{0, time.Millisecond} { // at one instant, and not
		w := newWorld(t, network.Options{Seed: 1, Loss: loss})
		p := w.add(network.Link{}, network.Link{})
		came := sendEvery(w, p[0], p[1], n, gap)
		sigma := math.Sqrt(loss * (1 - loss) / n)
		if got := lostShare(came); math.Abs(got-loss) > 4*sigma {
			t.Errorf("every %s: lost %.4f, want %.4f", gap, got, loss)
		}
		if got := w.net.Counters(p[0]).Lost; math.Round(lostShare(came)*n) != float64(got) {
			t.Errorf("every %s: counted %d", gap, got)
		}
	}
}

// Bursts lose the share that the model says, and losses come together.
func TestBursts(t *testing.T) {
	const n = 200_000
	b := network.Burst{Good: 9 * time.Second, Bad: time.Second, BadLoss: 0.5}
	w := newWorld(t, network.Options{Seed: 1})
	p := w.add(network.Link{Burst: b}, network.Link{})
	came := sendEvery(w, p[0], p[1], n, 10*time.Millisecond)
	if got, want := lostShare(came), 0.05; math.Abs(got-want) > 0.01 {
		t.Errorf("lost %.4f, want about %.4f", got, want)
	}
	var after []bool
	for i := 1; i < n; i++ {
		if !came[i-1] {
			after = append(after, came[i])
		}
	}
	if got := lostShare(after); got < 0.4 {
		t.Errorf("after a loss, %.2f are lost, want nearly 0.5", got)
	}
}

// A stream loses nothing; loss is delay.
func TestLossDelaysStreams(t *testing.T) {
	took := func(loss float64, blocks int) (mean, most time.Duration) {
		const n = 2000
		w := newWorld(t, network.Options{
			Seed: 1, Loss: loss, Latency: matrixOf(t, []float64{100}),
		})
		p := w.add(network.Link{}, network.Link{})
		for i := range n {
			w.at(time.Duration(i)*time.Second, func() {
				s := stream(p[0], p[1], blocks)
				s.Body = time.Duration(w.now)
				w.net.Send(s)
			})
		}
		w.run(2 * n * time.Second)
		for _, a := range w.heard {
			d := a.at - a.Body.(time.Duration)
			mean += d / n
			most = max(most, d)
		}
		if len(w.heard) != n || w.count(p[0], p[1]) != n {
			t.Fatalf("%d of %d came", len(w.heard), n)
		}
		return mean, most
	}
	if mean, most := took(0, 0); mean != 50*time.Millisecond || most != mean {
		t.Errorf("without loss: %s, %s", mean, most)
	}
	// A loss costs the timeout of 300 ms, a tenth of the packets have one.
	if mean, most := took(0.1, 0); mean < 75*time.Millisecond || mean > 100*time.Millisecond ||
		most < 350*time.Millisecond {
		t.Errorf("10 %% loss, small packets: %s, %s", mean, most)
	}
	// Nearly every block has a loss, and it costs a round trip of 100 ms.
	if mean, _ := took(0.1, blockBytes); mean < 150*time.Millisecond || mean > 180*time.Millisecond {
		t.Errorf("10 %% loss, blocks: %s", mean)
	}
}

func TestDuplicationAndReordering(t *testing.T) {
	const n = 10_000
	w := newWorld(t, network.Options{
		Seed: 1, Duplicate: 0.1, Reorder: 0.1, ReorderDelay: 10 * time.Millisecond,
	})
	p := w.add(network.Link{}, network.Link{})
	for i := range n {
		w.at(time.Duration(i)*time.Millisecond, func() {
			d := datagram(p[0], p[1], 100)
			d.Body = i
			w.net.Send(d)
			s := stream(p[1], p[0], 0)
			s.Body = i
			w.net.Send(s)
		})
	}
	w.run(time.Hour)
	if got := w.count(p[0], p[1]) - n; got < 900 || got > 1100 {
		t.Errorf("%d datagrams came twice, want about 1000", got)
	}
	if got := w.count(p[1], p[0]); got != n {
		t.Errorf("%d stream packets came, want %d", got, n)
	}
	last := map[network.Peer]int{}
	overtaken := map[network.Peer]int{}
	for _, a := range w.heard {
		i := a.Body.(int)
		if i < last[a.From] {
			overtaken[a.From]++
		}
		last[a.From] = max(last[a.From], i)
	}
	if overtaken[p[0]] < 500 || overtaken[p[1]] > 0 {
		t.Errorf("%d datagrams and %d stream packets were overtaken", overtaken[p[0]], overtaken[p[1]])
	}
}

// traffic sends between all of some nodes, and returns what came, as text.
// extra is sent from node 0 to node 1 beside it.
func traffic(t *testing.T, seed uint64, extra int) []string {
	preset, _ := network.PresetNamed("internet")
	o := preset.Options
	o.Seed, o.Loss, o.Duplicate, o.Reorder, o.DialRounds = seed, 0.1, 0.1, 0.1, 0
	w := newWorld(t, o)
	for i := range 4 {
		link := preset.Link(1, i)
		link.Up, link.Down, link.Undialable = 0, 0, false // or they would share the links
		w.add(link)
	}
	var came []string
	w.hear = func(a arrival) {
		came = append(came, fmt.Sprint(a.From, a.To, a.Body, a.at))
	}
	for i := range 200 {
		w.at(time.Duration(i)*time.Millisecond, func() {
			for from := range network.Peer(4) {
				for to := range network.Peer(4) {
					p := datagram(from, to, 50)
					p.Body = i
					w.net.Send(p)
				}
			}
		})
	}
	for i := range extra {
		w.at(time.Duration(i)*time.Millisecond, func() { w.net.Send(datagram(0, 1, 70)) })
	}
	w.run(time.Minute)
	slices.Sort(came)
	return came
}

func TestOneSeedOneRun(t *testing.T) {
	first := traffic(t, 1, 0)
	if len(first) < 2000 {
		t.Fatalf("only %d packets came", len(first))
	}
	if !slices.Equal(first, traffic(t, 1, 0)) {
		t.Error("two runs of a seed differ")
	}
	if slices.Equal(first, traffic(t, 2, 0)) {
		t.Error("two seeds have one run")
	}
}

// More packets on one pair change nothing of what the others send.
func TestDrawsOfPairsAreApart(t *testing.T) {
	first, more := traffic(t, 1, 0), traffic(t, 1, 150)
	kept := slices.DeleteFunc(more, func(s string) bool {
		return len(s) > 7 && s[:7] == "0 1 <ni"
	})
	if len(more) == 0 || !slices.Equal(first, kept) {
		t.Errorf("%d packets came, and %d of the same beside the extra ones", len(first), len(kept))
	}
}
