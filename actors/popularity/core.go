package popularity

import (
	"cmp"
	"encoding/binary"
	"math"
	"slices"
	"time"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/messages/wire"
	"github.com/noisefs/noisefs/runtime/port"
)

// core counts, merges and estimates. It does no I/O.
type core struct {
	*rules
	started time.Time
	phase   time.Duration // when in each window this node publishes
	sample  uint          // see sketch
	view    *messages.View

	// What this node served, since its last summary and before. Neither is
	// ever sent as it is.
	counting, counted           sketch
	countingSince, countedSince time.Time
	hot                         hot

	// heard has the sums of the summaries, in ascending order of epoch.
	heard []sketch
	// merged has the latest epoch that each author's summary was merged of,
	// under the first 64 bits of its ID: to make an ID that begins as a given
	// one does takes 2^64 keys.
	merged map[uint64]uint64

	published, mergedCount, refused, bytesPublished uint64
}

// newCore makes a core that publishes at phase of each window, phase being
// below the window.
func newCore(rules *rules, now time.Time, phase time.Duration) *core {
	cfg := rules.cfg
	c := &core{
		rules: rules, started: now, phase: phase,
		countingSince: now, countedSince: now,
		// The phase is known to others, but not to the nanosecond.
		sample: uint(phase),
		hot:    hot{blocksMax: cfg.HotMax, halfLife: cfg.HotHalfLife, base: now},
		merged: make(map[uint64]uint64),
	}
	c.counting, c.counted = c.newSketch(c.epochAt(now.Add(-phase))+1), c.newSketch(0)
	return c
}

func (c *core) newSketch(epoch uint64) sketch {
	return sketch{epoch: epoch, depth: c.cfg.Depth, sample: c.sample}
}

// epochAt returns the number of the window that a time is in.
func (c *core) epochAt(t time.Time) uint64 {
	return uint64(max(0, t.Unix())) / uint64(c.cfg.Window/time.Second)
}

// begin returns when a window begins.
func (c *core) begin(epoch uint64) time.Time {
	return time.Unix(int64(epoch)*int64(c.cfg.Window/time.Second), 0)
}

// due returns when the next summary is to be published.
func (c *core) due() time.Time { return c.begin(c.counting.epoch).Add(c.phase) }

// serve counts blocks that were served to others. It reports whether one of
// them is hot.
func (c *core) serve(now time.Time, cids []messages.CID) bool {
	warm := false
	for i := range cids {
		c.counting.count(&cids[i], c.cfg.Width)
		warm = c.hot.count(now, &cids[i]) >= c.cfg.HotPerHourMin || warm
	}
	return warm
}

// publish ends the count of a window and returns its summary, or nothing when
// the time for it is long over, since the machine slept.
func (c *core) publish(now time.Time, entropy port.Entropy) []byte {
	current, epoch := c.epochAt(now), c.counting.epoch
	c.counting, c.counted = c.counted, c.counting
	c.countingSince, c.countedSince = now, c.countingSince
	// Timers may be early and clocks are set: half a window is left for that.
	c.counting.reset(c.epochAt(now.Add(c.cfg.Window/2-c.phase)) + 1)
	c.forget(current)
	if !nearby(epoch, current) {
		return nil
	}
	cells := c.noise.summarize(c.counted.cells, c.cfg, entropy)
	c.merge(epoch, cells) // a node does not hear its own
	payload := wire.DemandSummary{
		Epoch: epoch, WindowSeconds: uint32(c.cfg.Window / time.Second),
		Depth: c.cfg.Depth, Cells: cells,
	}.Append(nil)
	c.published++
	c.bytesPublished += uint64(len(payload))
	return payload
}

// nearby reports whether two epochs are the same or next to each other.
func nearby(a, b uint64) bool { return a == b || a+1 == b || b+1 == a }

// forget drops what counts no more, also what a clock that was ahead left.
func (c *core) forget(current uint64) {
	c.heard = slices.DeleteFunc(c.heard, func(s sketch) bool {
		return s.epoch > current+1 || c.aged(s.epoch, current)
	})
	for author, epoch := range c.merged {
		if !nearby(epoch, current) { // and so it cannot come again
			delete(c.merged, author)
		}
	}
}

// aged reports whether an epoch is too old to count.
func (c *core) aged(epoch, current uint64) bool {
	return epoch+uint64(c.cfg.EpochsMax) <= current
}

// receive takes in what another node published.
func (c *core) receive(now time.Time, author messages.NodeID, payload []byte) {
	if c.accept(now, author, payload) {
		c.mergedCount++
	} else {
		c.refused++
	}
}

// accept merges a summary, if it keeps the rules and is its author's first of
// that window. An author's summaries count in ascending order of windows.
func (c *core) accept(now time.Time, author messages.NodeID, payload []byte) bool {
	if c.view != nil && c.view.Find(author) == nil {
		return false
	}
	m, err := wire.DecodeDemandSummary(payload)
	if err != nil || m.WindowSeconds != uint32(c.cfg.Window/time.Second) ||
		m.Depth != c.cfg.Depth || len(m.Cells) != c.cfg.Depth*c.cfg.Width ||
		!nearby(m.Epoch, c.epochAt(now)) || !c.limits.keptBy(m.Cells) {
		return false
	}
	key := binary.LittleEndian.Uint64(author[:])
	last, known := c.merged[key]
	if known && m.Epoch <= last || !known && len(c.merged) >= c.cfg.AuthorsMax {
		return false
	}
	if !c.merge(m.Epoch, m.Cells) {
		return false
	}
	c.merged[key] = m.Epoch
	return true
}

// merge adds the cells of a summary to what was heard of its epoch; false if
// later epochs have taken its place.
func (c *core) merge(epoch uint64, cells []byte) bool {
	at, found := slices.BinarySearchFunc(c.heard, epoch, func(s sketch, epoch uint64) int {
		return cmp.Compare(s.epoch, epoch)
	})
	if !found {
		if len(c.heard) == c.cfg.EpochsMax {
			if at == 0 {
				return false
			}
			c.heard = slices.Delete(c.heard, 0, 1)
			at--
		}
		c.heard = slices.Insert(c.heard, at, c.newSketch(epoch))
	}
	c.heard[at].add(cells)
	return true
}

// estimate returns how often a block is asked for in the network, per hour.
// What is known of it are lower bounds, as far as noise allows: what the
// summaries say above their noise, and this node's own share in the long and
// in the short run. They do not add up, for they count the same requests.
func (c *core) estimate(now time.Time, cid *messages.CID) float64 {
	return max(c.heardPerHour(now, cid), c.servedPerHour(now, cid), c.hot.rate(now, cid))
}

// heardPerHour is the estimate from summaries: the mean of the windows, later
// ones weighing more. Members publish at times drawn evenly from a window, so
// what was heard of the present one stands for the part of it that is over.
func (c *core) heardPerHour(now time.Time, cid *messages.CID) float64 {
	current := c.epochAt(now)
	var sum tally
	for i := range c.heard {
		s := &c.heard[i]
		if s.epoch > current || c.aged(s.epoch, current) {
			continue
		}
		begin := c.begin(s.epoch)
		from, to := later(c.started, begin), earlier(now, begin.Add(c.cfg.Window))
		weight := math.Pow(c.cfg.EpochDecay, float64(current-s.epoch))
		sum.add(s, cid, weight, max(0, to.Sub(from)))
	}
	return sum.perHour(c.cfg)
}

// servedPerHour is the estimate from what this node served: its share.
func (c *core) servedPerHour(now time.Time, cid *messages.CID) float64 {
	var sum tally
	sum.add(&c.counted, cid, 1, max(0, c.countingSince.Sub(c.countedSince)))
	sum.add(&c.counting, cid, 1, max(0, now.Sub(c.countingSince)))
	return sum.perHour(c.cfg)
}

// tally sums up what sketches say of one block.
type tally struct{ requests, variance, hours float64 }

func (t *tally) add(s *sketch, cid *messages.CID, weight float64, span time.Duration) {
	requests, spread := s.excess(cid)
	t.requests += weight * requests
	t.variance += weight * weight * spread * spread
	t.hours += weight * span.Hours()
}

// perHour is the rate that stands out of the noise. Of less than half a
// window nothing is extrapolated.
func (t *tally) perHour(cfg Config) float64 {
	above := t.requests - cfg.Margin*math.Sqrt(t.variance)
	return max(0, above) / max(t.hours, cfg.Window.Hours()/2)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// stats fills a reply to StatPopularity.
func (c *core) stats(answer messages.Answer) messages.PopularityStatted {
	return messages.PopularityStatted{
		Answer: answer, Published: c.published, Merged: c.mergedCount, Refused: c.refused,
		BytesPublished: c.bytesPublished,
	}
}
