package network

import "math"

// golden is the increment of SplitMix64: 2^64 divided by the golden ratio.
// Source: Steele, Lea and Flood, "Fast splittable pseudorandom number
// generators", OOPSLA 2014; the shifts and factors of splitmix are theirs.
const golden = 0x9e3779b97f4a7c15

func splitmix(state uint64) uint64 {
	state = (state ^ state>>30) * 0xbf58476d1ce4e5b9
	state = (state ^ state>>27) * 0x94d049bb133111eb
	return state ^ state>>31
}

// draws is a short stream of randomness. Each packet has one of its own, and
// takes its draws from it in a fixed order.
type draws uint64

// keyed starts the stream that belongs to some numbers.
func keyed(seed uint64, parts ...uint64) draws {
	for _, part := range parts {
		seed = splitmix(seed+golden) ^ part
	}
	return draws(splitmix(seed + golden))
}

func (d *draws) uint64() uint64 {
	*d += golden
	return splitmix(uint64(*d))
}

// share is uniform in [0, 1).
func (d *draws) share() float64 { return float64(d.uint64()>>11) / (1 << 53) }

// below is uniform below n, but for a bias of n/2^64.
func (d *draws) below(n int) int { return int(d.uint64() % uint64(n)) }

// exponential has the mean 1.
func (d *draws) exponential() float64 { return -math.Log(1 - d.share()) }

// numbering tells packets apart that one node sends at one instant. Only
// the last peer is remembered: a burst to one peer is numbered, and of
// packets that alternate between peers within one instant, those of equal
// size share their fate.
type numbering struct {
	to     Peer
	atNS   int64
	number uint64
}

func (m *numbering) next(to Peer, nowNS int64) uint64 {
	if m.to == to && m.atNS == nowNS {
		m.number++
	} else {
		*m = numbering{to: to, atNS: nowNS}
	}
	return m.number
}

// weather is the state of a link with bursts of loss: good or bad, for times
// drawn from an exponential distribution.
type weather struct {
	draws   draws
	bad     bool
	untilNS int64
}

// badAt reports whether the link is in a burst. Time does not go back.
func (w *weather) badAt(nowNS int64, b Burst) bool {
	for w.untilNS <= nowNS {
		w.bad = !w.bad
		mean := b.Good
		if w.bad {
			mean = b.Bad
		}
		w.untilNS += 1 + int64(w.draws.exponential()*float64(mean))
	}
	return w.bad
}
