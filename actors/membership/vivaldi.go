package membership

import (
	"math"
	"time"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/port"
)

// Constants of the coordinates, as in hashicorp/serf/coordinate.
const (
	vivaldiErrorMax   = 1.5 // the error of who knows nothing
	vivaldiErrorShare = 0.25
	vivaldiForceShare = 0.25
	adjustmentWindow  = 20
	heightMin         = 10e-6 // seconds
	gravityRho        = 150.0 // seconds: drift is pulled back at this distance
	// roundTripMax bounds what counts as a measurement, and coordinateMax
	// what counts as a place, in seconds. Beyond are liars and stalls.
	roundTripMax  = 10 * time.Second
	coordinateMax = 10.0
	// Movements are told when they exceed both of these.
	movedMin   = 0.2e-3 // seconds
	movedShare = 0.1    // of the distance from the origin
)

// vivaldi is this node's place in the space where distance is round-trip
// time. It follows Dabek et al., "Vivaldi", SIGCOMM 2004, with the height
// vectors of its section 5.4, and the adjustment term and the gravity of
// hashicorp/serf/coordinate (Ledlie et al., "Network coordinates in the
// wild", NSDI 2007). That package is not used: it draws from the global
// source of randomness, copies each vector several times per measurement,
// and scales the height by the flat part of the distance alone.
type vivaldi struct {
	vec        [4]float64
	height     float64
	adjustment float64
	error      float64 // relative, of what the place predicts

	samples [adjustmentWindow]float32 // measured less predicted, seconds
	sampled uint
}

func newVivaldi() vivaldi { return vivaldi{height: heightMin, error: vivaldiErrorMax} }

// plausible reports whether a coordinate is one that a node may be at.
func plausible(c messages.Coordinate) bool {
	for _, v := range c.Vec {
		if math.Abs(float64(v)) > coordinateMax {
			return false
		}
	}
	return c.Height >= 0 && c.Height <= coordinateMax &&
		math.Abs(float64(c.Adjustment)) <= coordinateMax &&
		c.Error >= 0 && c.Error <= vivaldiErrorMax
}

// observe takes in a round trip to a node at that coordinate.
func (v *vivaldi) observe(other messages.Coordinate, took time.Duration, draw port.Rand) {
	if other.Error == 0 || took <= 0 || took > roundTripMax || !plausible(other) {
		return
	}
	measured := math.Max(took.Seconds(), 1e-6)
	flat := v.flat(other)
	raw := flat + v.height + float64(other.Height)
	predicted := raw
	if adjusted := raw + v.adjustment + float64(other.Adjustment); adjusted > 0 {
		predicted = adjusted
	}
	wrong := math.Abs(predicted-measured) / measured
	weight := v.error / math.Max(v.error+float64(other.Error), 1e-6)
	share := vivaldiErrorShare * weight
	v.error = math.Min(wrong*share+v.error*(1-share), vivaldiErrorMax)
	v.push(vivaldiForceShare*weight*(measured-predicted), other, flat, draw)

	now := v.flat(other) + v.height + float64(other.Height)
	v.samples[v.sampled%adjustmentWindow] = float32(measured - now)
	v.sampled++
	sum := 0.0
	for _, sample := range v.samples {
		sum += float64(sample)
	}
	v.adjustment = sum / (2 * adjustmentWindow)

	origin := v.flat(messages.Coordinate{})
	v.push(-math.Pow(origin/gravityRho, 2), messages.Coordinate{}, origin, draw)
}

// flat is the distance without heights, in seconds.
func (v *vivaldi) flat(other messages.Coordinate) float64 {
	sum := 0.0
	for i := range v.vec {
		d := v.vec[i] - float64(other.Vec[i])
		sum += d * d
	}
	return math.Sqrt(sum)
}

// push moves the node away from the other one by force, in seconds, along
// the line between them: in part on the plane, in part up.
func (v *vivaldi) push(force float64, other messages.Coordinate, flat float64, draw port.Rand) {
	if force == 0 {
		return
	}
	heights := v.height + float64(other.Height)
	if flat < 1e-6 {
		// Two nodes at one place: any direction will do.
		for i := range v.vec {
			v.vec[i] += force * (draw.Float64() - 0.5)
		}
		return
	}
	total := flat + heights
	for i := range v.vec {
		v.vec[i] += force * (v.vec[i] - float64(other.Vec[i])) / total
	}
	v.height = math.Max(v.height+force*heights/total, heightMin)
}

// coordinate returns the place as others are told.
func (v *vivaldi) coordinate() messages.Coordinate {
	var c messages.Coordinate
	for i := range v.vec {
		c.Vec[i] = float32(v.vec[i])
	}
	c.Height, c.Adjustment, c.Error =
		float32(v.height), float32(v.adjustment), float32(v.error)
	return c
}

// moved reports whether the node is so far from where it was said to be that
// others should know.
func (v *vivaldi) moved(from messages.Coordinate) bool {
	d := v.flat(from) + math.Abs(v.height-float64(from.Height)) +
		math.Abs(v.adjustment-float64(from.Adjustment))
	far := v.flat(messages.Coordinate{}) + v.height
	return d > math.Max(movedMin, movedShare*far) || v.error < float64(from.Error)/2
}
