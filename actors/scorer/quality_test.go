package scorer

import (
	"container/heap"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/noisefs/noisefs/messages"
)

// crowd is a queueing simulation: clients, each with a scorer of its own, ask
// servers with exponential service times and one queue each.
type crowd struct {
	clients, servers int
	slow             int     // servers that take slowBy as long
	slowBy           float64 // times
	utilisation      float64 // of all servers' capacity together
	holders          int     // of each block
	service          time.Duration
	reads            int
}

// arrival is an answer on its way back, or a request on its way there.
type arrival struct {
	atNS           int64
	client, server int
	sentNS         int64
	back           bool
	load           int
}

type arrivals []arrival

func (a arrivals) Len() int           { return len(a) }
func (a arrivals) Less(i, j int) bool { return a[i].atNS < a[j].atNS }
func (a arrivals) Swap(i, j int)      { a[i], a[j] = a[j], a[i] }
func (a *arrivals) Push(x any)        { *a = append(*a, x.(arrival)) }
func (a *arrivals) Pop() any {
	last := (*a)[len(*a)-1]
	*a = (*a)[:len(*a)-1]
	return last
}

// run returns the times that reads took, sorted. Arrivals, service times and
// holders of a seed are the same under every policy.
func (w crowd) run(policy string, seed uint64) []time.Duration {
	cfg := DefaultConfig()
	cfg.Policy = policy
	draw := rand.New(rand.NewPCG(seed, 1))
	cores := make([]*core, w.clients)
	for i := range cores {
		cores[i] = newCore(cfg, rand.New(rand.NewPCG(seed, uint64(100+i))))
	}
	ids := nodeIDs(w.servers)
	place := map[messages.NodeID]int{}
	for i, id := range ids {
		place[id] = i
	}
	way := make([][]int64, w.clients) // one way, in ns
	for i := range way {
		for range w.servers {
			way[i] = append(way[i], int64(time.Duration(1+draw.IntN(15))*time.Millisecond))
		}
	}
	factor := func(server int) float64 {
		if server < w.slow {
			return w.slowBy
		}
		return 1
	}
	capacity := 0.0
	for i := range w.servers {
		capacity += 1 / (w.service.Seconds() * factor(i))
	}
	gapNS := 1e9 / (capacity * w.utilisation)

	freeNS := make([]int64, w.servers)   // when the queue is empty
	queued := make([][]int64, w.servers) // when each in it is done
	took := make([]time.Duration, 0, w.reads)
	var flying arrivals
	var nextNS int64
	for sent := 0; sent < w.reads || len(flying) > 0; {
		if sent < w.reads && (len(flying) == 0 || nextNS <= flying[0].atNS) {
			client := draw.IntN(w.clients)
			var want []messages.NodeID
			for _, at := range draw.Perm(w.servers)[:w.holders] {
				want = append(want, ids[at])
			}
			choices, _ := cores[client].choose(time.Unix(0, nextNS), [][]messages.NodeID{want}, true)
			server := place[choices[0].Peer]
			heap.Push(&flying, arrival{
				atNS: nextNS + way[client][server], client: client, server: server, sentNS: nextNS,
			})
			sent++
			nextNS += int64(draw.ExpFloat64() * gapNS)
			continue
		}
		a := heap.Pop(&flying).(arrival)
		if a.back {
			d := time.Duration(a.atNS - a.sentNS)
			took = append(took, d)
			cores[a.client].answered(time.Unix(0, a.atNS), messages.PeerAnswered{
				Peer: ids[a.server], Outcome: messages.OutcomeServed, Took: d, Load: a.load,
			})
			continue
		}
		queue := slices.DeleteFunc(queued[a.server], func(doneNS int64) bool { return doneNS <= a.atNS })
		doneNS := max(a.atNS, freeNS[a.server]) +
			int64(draw.ExpFloat64()*float64(w.service)*factor(a.server))
		freeNS[a.server] = doneNS
		queued[a.server] = append(queue, doneNS)
		heap.Push(&flying, arrival{
			atNS: doneNS + way[a.client][a.server], client: a.client, server: a.server,
			sentNS: a.sentNS, back: true, load: len(queued[a.server]),
		})
	}
	slices.Sort(took)
	return took
}

// Ours has a lower 99th percentile than the baselines at every load, whether
// a tenth of the servers is slow or none, where there are samples of each.
// The figures are printed by -v.
func TestQuality(t *testing.T) {
	baselines := []string{
		PolicyRandom, PolicyRoundRobin, PolicyLowestRTT, PolicyTwoChoices,
	}
	tests := []struct {
		clients, slow int
		utilisation   float64
		behind        []string // must be behind ours
	}{
		{10, 0, 0.3, baselines},
		{10, 0, 0.6, baselines},
		{10, 0, 0.9, baselines},
		{10, 2, 0.3, baselines},
		{10, 2, 0.6, baselines},
		{10, 2, 0.9, baselines},
		{100, 0, 0.6, nil}, // few samples of each server
		{100, 2, 0.6, baselines},
	}
	for _, test := range tests {
		name := fmt.Sprintf("Clients%d/Slow%d/Utilisation%g", test.clients, test.slow, test.utilisation)
		t.Run(name, func(t *testing.T) {
			w := crowd{
				clients: test.clients, servers: 20, slow: test.slow, slowBy: 4,
				utilisation: test.utilisation, holders: 5, service: 10 * time.Millisecond,
				reads: 20_000,
			}
			measure := func(policy string) time.Duration {
				took := w.run(policy, 1)
				p99 := took[len(took)*99/100]
				t.Logf("%-12s p50 %8.1f ms  p99 %8.1f ms", policy,
					took[len(took)/2].Seconds()*1e3, p99.Seconds()*1e3)
				return p99
			}
			ours := measure(PolicyAdaptive)
			for _, policy := range baselines {
				theirs := measure(policy)
				if slices.Contains(test.behind, policy) && ours >= theirs {
					t.Errorf("ours is at %s, %s at %s", ours, policy, theirs)
				}
			}
		})
	}
}
