package replication

import (
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/noisefs/noisefs/messages"
)

// benchWatched is how many blocks a node of the benchmarks looks after: 12.5 GiB.
const benchWatched = 100_000

// newWatching makes a core that watches so many blocks, each of which three of the
// members hold.
func newWatching(blocks, members int) (*core, []*messages.Member) {
	now := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	random := rand.New(rand.NewPCG(1, 2))
	c := newCore(DefaultConfig(), 128<<10, random)
	all := make([]*messages.Member, members)
	for i := range all {
		all[i] = &messages.Member{
			ID:     messages.NodeID(sha256.Sum256(fmt.Appendf(nil, "node %d", i))),
			Status: messages.MemberAlive, CapacityBlocks: 1 << 20, UptimeClass: 3,
		}
	}
	slices.SortFunc(all, func(a, b *messages.Member) int {
		return slices.Compare(a.ID[:], b.ID[:])
	})
	c.at(now)
	c.viewChanged(messages.NewView(all[0].ID, 0, 0, all, nil))
	for i := range blocks {
		w := c.add(messages.CID(sha256.Sum256(fmt.Appendf(nil, "block %d", i))))
		c.mark(w, true, false)
		w.looked = now
		var holders []uint32
		for range 3 {
			holders = append(holders, c.roster.use(all[1+random.IntN(members-1)].ID))
		}
		c.setHolders(w, holders)
		c.due.at(w, now.Add(c.within(c.cfg.LookInterval)))
	}
	return c, all
}

// BenchmarkViewChanged measures what it costs that a member goes, or comes back:
// all steps of the sweep together, and one of them.
func BenchmarkViewChanged(b *testing.B) {
	for _, members := range []int{20, 1000} {
		b.Run(fmt.Sprintf("Members%d", members), func(b *testing.B) {
			c, all := newWatching(benchWatched, members)
			views := [2]*messages.View{
				messages.NewView(all[0].ID, 0, 0, all[:members-1], nil),
				messages.NewView(all[0].ID, 0, 0, all, nil),
			}
			steps := 0
			for i := 0; b.Loop(); i++ {
				c.at(c.now.Add(time.Second))
				c.viewChanged(views[i%2])
				for steps++; c.sweep.left > 0; steps++ {
					c.at(c.sweep.rested)
					c.sweepOn()
				}
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(steps), "us/step")
		})
	}
}
