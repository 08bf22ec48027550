package fetcher

// windowMin is the least that a window shrinks to: so many blocks are had at
// one time over the slowest link, or from as far away as others can be. Where
// each answer takes 4 s whatever the link could do, 4 was one block a second,
// and reads failed.
const windowMin = 8

// window bounds the requests under way by what this node's own link can do.
// Without it, a node on a slow link asks for more than arrives before the
// timeouts, and most of what it gets is thrown away.
//
// It halves when a block comes too late, or not in time, and for long none has
// come quickly: one slow peer shows in its own answers alone, a full link in
// all. It grows by half with each window of blocks that come quickly.
type window struct {
	size     float64
	max      float64
	lateNS   int64 // how long a block may take
	shrunkNS int64 // what was sent before tells nothing about the window now
	quickNS  int64 // when a block last came that was not late
}

func newWindow(cfg Config) window {
	size := float64(cfg.InFlightMax)
	return window{size: size, max: size, lateNS: int64(cfg.LateAfter)}
}

// room returns how many requests may be under way.
func (w *window) room() int { return int(w.size) }

// came takes in that a block came, or not in time: what one of inFlight
// requests that was sent at a time came to.
func (w *window) came(nowNS, sentNS int64, inFlight int) {
	if nowNS-sentNS <= w.lateNS {
		w.quickNS = nowNS
		w.size = min(w.max, w.size+0.5)
		return
	}
	if sentNS < w.shrunkNS || nowNS-w.quickNS <= w.lateNS {
		return
	}
	w.shrunkNS = nowNS
	w.size = min(w.max, max(windowMin, min(w.size, float64(inFlight))/2))
}
