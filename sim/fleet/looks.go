package fleet

import (
	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/shell"
)

// keptPage is how many blocks a node is asked about at a time.
const keptPage = 1024

// lastLook asks all nodes, when everything else is over, what they have, and
// compares it with what they have promised and with their bounds.
func (r *run) lastLook() error {
	if err := r.awaitReplies(); err != nil {
		return err
	}
	r.lookAtBounds()
	left := 0
	for _, m := range r.members {
		if m.alive {
			left++
			r.askKept(m, messages.CID{}, make(map[messages.CID]bool), func() { left-- })
		}
	}
	err := r.pass("last look", answerPatience, func() bool { return left == 0 })
	if err == nil && left > 0 {
		r.checks.violated(checkReplies, "%d nodes do not say what they keep", left)
	}
	return err
}

// askKept collects which blocks a node holds for the network, page after
// page, and then looks whether those that it promised are among them.
func (r *run) askKept(
	m *member, after messages.CID, holds map[messages.CID]bool, done func(),
) {
	r.ask(m, "store", func(call messages.Call) messages.Command {
		return messages.ListKept{Call: call, After: after, Limit: keptPage}
	}, func(reply messages.Reply) {
		page, ok := reply.(messages.KeptListed)
		if !ok {
			return // lastLook says so
		}
		for _, b := range page.Blocks {
			if b.Replica {
				holds[b.CID] = true
			}
		}
		if page.More {
			r.askKept(m, page.Last, holds, done)
			return
		}
		r.checks.lookAtKept(m, holds)
		done()
	})
}

// ask asks an actor of a node, on behalf of the run.
func (r *run) ask(m *member, role string, build shell.Make, heard func(messages.Reply)) {
	if ref := m.node.Ref(role); !ref.IsZero() {
		if _, err := r.gate.Send(ref, build, heard); err != nil {
			r.checks.violated(checkReplies, "%s cannot be asked: %v", m.node.Name(), err)
		}
	}
}

// lookAtKept compares the replicas that a node holds with those that it has
// promised. One that is on its disk, and that it does not know to be a
// replica, is served to nobody, and goes when it is in the way.
func (c *checks) lookAtKept(m *member, holds map[messages.CID]bool) {
	now := c.run.world.Now().Unix()
	for _, cid := range c.promised {
		until, promised := c.replicas[cid][m.number]
		if !promised || until <= now {
			continue
		}
		c.times[checkPromises]++
		if !holds[cid] && m.machine.Blocks().Has([]messages.CID{cid})[0] {
			c.violated(checkPromises, "%s has forgotten that it holds block %s",
				m.node.Name(), cid.Short())
		}
	}
}

// lookAtBounds asks all nodes how much they have of what is bounded.
func (r *run) lookAtBounds() {
	config := &r.config
	block := int64(config.Params.BlockSize)
	within := func(m *member, what string, got, most int64) {
		r.checks.times[checkBounds]++
		if got > most {
			r.checks.violated(checkBounds, "%s has %d %s, at most %d are allowed",
				m.node.Name(), got, what, most)
		}
	}
	for _, m := range r.members {
		r.ask(m, "store", func(call messages.Call) messages.Command {
			return messages.StatStore{Call: call}
		}, func(reply messages.Reply) {
			if s, ok := reply.(messages.StoreStatted); ok {
				within(m, "replicas", s.Replicas, config.Store.ReplicaBytesMax/block)
				within(m, "cached blocks on disk", s.CachedBlocks, config.Store.CacheBytesMax/block)
			}
		})
		r.ask(m, "cache", func(call messages.Call) messages.Command {
			return messages.StatCache{Call: call}
		}, func(reply messages.Reply) {
			if s, ok := reply.(messages.CacheStatted); ok {
				within(m, "bytes of blocks in memory", s.MemoryBytes, config.Cache.MemoryBytes)
			}
		})
		r.ask(m, "popularity", func(call messages.Call) messages.Command {
			return messages.StatPopularity{Call: call}
		}, func(reply messages.Reply) {
			if s, ok := reply.(messages.PopularityStatted); ok {
				r.checks.lookAtGossip(m, s)
			}
		})
	}
}

// lookAtGossip checks that a node took in no more summaries of demand than
// reached it: one that counts twice makes blocks look popular.
func (c *checks) lookAtGossip(m *member, s messages.PopularityStatted) {
	c.times[checkGossip]++
	if s.Merged > m.summaries {
		c.violated(checkGossip, "%s counted %d summaries of the %d that reached it",
			m.node.Name(), s.Merged, m.summaries)
	}
}
