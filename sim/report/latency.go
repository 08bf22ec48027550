package report

import (
	"fmt"
	"math"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Bounds of a [Latencies]: times are counted in microseconds, to two digits
// (within 1 %), up to a day. Two digits take some 30 KiB, three ten times that.
const (
	latencyMax    = 24 * time.Hour
	latencyDigits = 2
)

// cdfStep is the resolution of a CDF on its time axis: points are at least
// this factor apart, so that one has some hundred points and not thousands.
const cdfStep = 1.05

// Latencies collects durations in constant memory. Shorter than a microsecond
// counts as none, longer than a day as a day.
type Latencies struct {
	histogram *hdrhistogram.Histogram
}

// NewLatencies makes an empty collection.
func NewLatencies() *Latencies {
	return &Latencies{hdrhistogram.New(1, latencyMax.Microseconds(), latencyDigits)}
}

// Add counts one duration.
func (l *Latencies) Add(d time.Duration) {
	d = min(max(d, 0), latencyMax)
	if err := l.histogram.RecordValue(d.Microseconds()); err != nil {
		panic(fmt.Sprintf("report: %s is within the bounds of the histogram: %v", d, err))
	}
}

// Merge adds all of another collection.
func (l *Latencies) Merge(other *Latencies) { l.histogram.Merge(other.histogram) }

// Reset forgets everything.
func (l *Latencies) Reset() { l.histogram.Reset() }

// Count returns how many durations there are.
func (l *Latencies) Count() int64 { return l.histogram.TotalCount() }

// Mean returns the mean in seconds; NaN of nothing.
func (l *Latencies) Mean() float64 {
	if l.Count() == 0 {
		return math.NaN()
	}
	return seconds(l.histogram.Mean())
}

// Quantile returns the time in seconds that the share q (0 to 1) does not
// exceed; NaN of nothing.
func (l *Latencies) Quantile(q float64) float64 {
	if l.Count() == 0 {
		return math.NaN()
	}
	return seconds(float64(l.histogram.ValueAtQuantile(q * 100)))
}

// CDF returns the cumulative distribution; nil of nothing. The last point
// holds all.
func (l *Latencies) CDF() []Share {
	var points []Share
	total := float64(l.Count())
	below := int64(0)
	for _, bar := range l.histogram.Distribution() {
		if bar.Count == 0 {
			continue
		}
		below += bar.Count
		point := Share{Seconds: seconds(float64(bar.To)), Share: float64(below) / total}
		last := len(points) - 1
		if last >= 1 && point.Seconds < points[last-1].Seconds*cdfStep {
			points[last] = point
			continue
		}
		points = append(points, point)
	}
	return points
}

func seconds(microseconds float64) float64 { return microseconds / 1e6 }
