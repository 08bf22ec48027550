package scorer

import (
	"math"
	"time"

	"github.com/noisefs/noisefs/messages"
)

// quantile estimates a quantile of a stream of positive numbers: a sample
// above the estimate raises it by a factor, one below lowers it, in such
// proportions that it rests where the share p lies below.
// Source: Yazidi and Hammer, 2019 (see doc.go).
type quantile float64

// add takes in a sample. step is how far one sample moves the estimate: the
// higher, the sooner it forgets, and the more it wavers.
func (q *quantile) add(sample, p, step float64) {
	switch {
	case *q == 0:
		*q = quantile(sample)
	case sample > float64(*q):
		*q *= quantile(1 + step*p)
	default:
		*q *= quantile(1 - step*(1-p))
	}
}

// The quantiles that are estimated.
const (
	quantileP50 = 0.5
	quantileP95 = 0.95
)

// The steps of the estimates: a peer is seen less often than all of them.
const (
	stepOfPeer = 0.1
	stepOfAll  = 0.05
)

// fading returns what is left of 1 after age, at a time constant. Clocks may
// be set back: nothing grows by that.
func fading(ageNS int64, tau time.Duration) float64 {
	if ageNS <= 0 {
		return 1
	}
	return math.Exp(-float64(ageNS) / float64(tau))
}

// distance is the round-trip time that two coordinates foretell, in seconds;
// false when one of them was never measured.
// Source: hashicorp/serf/coordinate, Coordinate.DistanceTo.
func distance(a, b *messages.Coordinate) (float64, bool) {
	if a.Error == 0 || b.Error == 0 {
		return 0, false
	}
	sum := 0.0
	for i := range a.Vec {
		d := float64(a.Vec[i] - b.Vec[i])
		sum += d * d
	}
	raw := math.Sqrt(sum) + float64(a.Height) + float64(b.Height)
	if adjusted := raw + float64(a.Adjustment) + float64(b.Adjustment); adjusted > 0 {
		return adjusted, true
	}
	return raw, true
}
