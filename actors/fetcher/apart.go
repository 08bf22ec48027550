package fetcher

import (
	"maps"
	"slices"
	"time"

	"github.com/noisefs/noisefs/messages"
)

// kinMax bounds the blocks that one is known to be in a tuple with: a
// randomizer is used up to 64 times.
const kinMax = 128

// toldPeersMax bounds the peers of which it is remembered that they were asked
// for one block, the last ones: more than Config.TriedMax may be, so that only
// those are forgotten that were asked in another view.
const toldPeersMax = 2 * messages.CandidatesMax

// told remembers who was asked for which block, this node's own requests
// alone. It has two generations, each up to half of the bound: when the newer
// one is full it becomes the older one, and what was of no use in that time is
// forgotten.
type told struct {
	half         int
	newer, older map[messages.CID][]messages.NodeID
}

func newTold(most int) told {
	return told{half: most / 2, newer: make(map[messages.CID][]messages.NodeID)}
}

// of returns who was asked for a block.
func (t *told) of(cid messages.CID) []messages.NodeID {
	if peers, ok := t.newer[cid]; ok {
		return peers
	}
	peers, ok := t.older[cid]
	if ok {
		t.put(cid, peers)
	}
	return peers
}

// add notes that a peer is asked for a block.
func (t *told) add(cid messages.CID, peer messages.NodeID) {
	peers := t.of(cid)
	if slices.Contains(peers, peer) {
		return
	}
	t.put(cid, append(slices.Clip(peers[max(0, len(peers)+1-toldPeersMax):]), peer))
}

func (t *told) put(cid messages.CID, peers []messages.NodeID) {
	if _, known := t.newer[cid]; !known && len(t.newer) >= t.half {
		t.older, t.newer = t.newer, make(map[messages.CID][]messages.NodeID)
	}
	t.newer[cid] = peers
}

// bad has who was silent or sent something else, and until when nobody is to
// rely on it: one bad holder of three would otherwise be asked for a member of
// each tuple, since the two good ones have had the others.
type bad map[messages.NodeID]int64

const (
	badMax = 256
	badFor = time.Minute
)

// note takes in how a request to a peer ended.
func (b bad) note(nowNS int64, peer messages.NodeID, outcome messages.Outcome) {
	switch outcome {
	case messages.OutcomeServed:
		delete(b, peer)
	case messages.OutcomeFailed, messages.OutcomeWrong:
		if len(b) >= badMax {
			maps.DeleteFunc(b, func(_ messages.NodeID, untilNS int64) bool { return untilNS <= nowNS })
		}
		if len(b) < badMax {
			b[peer] = nowNS + int64(badFor)
		}
	case messages.OutcomeAbsent, messages.OutcomeBusy, messages.OutcomeAbandoned:
	}
}

// relate notes which of the blocks that are being fetched are in a tuple with
// which others.
func (c *core) relate(tuples [][3]messages.CID) {
	for _, tuple := range tuples {
		for _, cid := range tuple {
			f := c.flights[cid]
			if f == nil {
				continue
			}
			for _, other := range tuple {
				if other != cid && len(f.kin) < kinMax && !slices.Contains(f.kin, other) {
					f.kin = append(f.kin, other)
				}
			}
		}
	}
}

// shunned returns who was asked for blocks of the same tuples: whoever was asked
// for several of them is in it as often.
func (c *core) shunned(f *flight) []messages.NodeID {
	var peers []messages.NodeID
	for _, cid := range f.kin {
		peers = append(peers, c.told.of(cid)...)
	}
	return peers
}

// others reports whether somebody among these places was not asked yet, is not
// to be shunned, and may be hoped to answer.
func (c *core) others(
	f *flight, places []int32, untried uint32, shunned []messages.NodeID,
) bool {
	for i, at := range places {
		id := f.view.Members[at].ID
		if untried&(1<<i) != 0 && !slices.Contains(shunned, id) && c.bad[id] <= c.nowNS {
			return true
		}
	}
	return false
}

// nearest returns those among places that were not asked for the block yet and
// were asked for the fewest others of its tuples, for when nobody is left who was
// asked for none. Who may not answer is left out, unless nobody else is left.
func (c *core) nearest(
	f *flight, places []int32, untried uint32, shunned []messages.NodeID,
) []messages.NodeID {
	var all, nearest []messages.NodeID
	least := len(shunned) + 1
	for i, at := range places {
		id := f.view.Members[at].ID
		if untried&(1<<i) == 0 {
			continue
		}
		all = append(all, id)
		met := 0
		for _, peer := range shunned {
			if peer == id {
				met++
			}
		}
		if c.bad[id] > c.nowNS || met > least {
			continue
		}
		if met < least {
			least, nearest = met, nil
		}
		nearest = append(nearest, id)
	}
	if nearest == nil {
		return all
	}
	return nearest
}

// meets reports whether a peer that was chosen has been asked for a block of
// the same tuple since, while another may have this one.
func (c *core) meets(f *flight, peer messages.NodeID, hedge bool) bool {
	shunned := c.shunned(f)
	if !slices.Contains(shunned, peer) {
		return false
	}
	places, untried := f.group(c.cfg.Width)
	return hedge || c.others(f, places, untried, shunned)
}

// yields reports whether a member of the same tuple goes first: it is in more
// tuples, and so has less choice, and nobody was asked for it yet. Nothing is
// lost by that, since whoever reads one needs the other; but what is parked, or
// waits in a queue that is less urgent, is not waited for.
func (c *core) yields(f *flight) bool {
	for _, cid := range f.kin {
		other := c.flights[cid]
		if other != nil && other.queued && other.urgency <= f.urgency && other.asked == 0 &&
			len(other.kin) > len(f.kin) && len(other.order) > 0 {
			return true
		}
	}
	return false
}
