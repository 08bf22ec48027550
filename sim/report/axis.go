package report

import (
	"math"
	"strconv"
)

// tick is a mark on an axis.
type tick struct {
	at   float64 // from 0 to 1 along the axis
	text string
}

// axis maps values to 0..1.
type axis struct {
	low, high float64
	log       bool
	ticks     []tick
}

// ticksWanted is about how many marks an axis gets.
const ticksWanted = 6

// linearAxis returns an axis from 0 to a round value at or above high. A
// value is written divided by unit.
func linearAxis(high, unit float64) axis {
	if !(high > 0) {
		high = unit
	}
	step := niceStep(high/unit/ticksWanted) * unit
	a := axis{high: math.Ceil(high/step-1e-9) * step}
	for i := 0; float64(i)*step <= a.high*(1+1e-9); i++ {
		value := float64(i) * step
		text := strconv.FormatFloat(round(value/unit), 'f', -1, 64)
		a.ticks = append(a.ticks, tick{a.place(value), text})
	}
	return a
}

// exactAxis is a linear axis that ends at high itself: for time.
func exactAxis(high, unit float64) axis {
	a := linearAxis(high, unit)
	scale := a.high / high
	a.high = high
	var within []tick
	for _, t := range a.ticks {
		if t.at *= scale; t.at <= 1+1e-9 {
			within = append(within, t)
		}
	}
	a.ticks = within
	return a
}

// logAxis returns an axis of powers of ten that holds low and high, both
// above 0. Marks are written by format.
func logAxis(low, high float64, format func(float64) string) axis {
	first, last := math.Floor(math.Log10(low)+1e-9), math.Ceil(math.Log10(high)-1e-9)
	last = max(last, first+1)
	a := axis{low: math.Pow(10, first), high: math.Pow(10, last), log: true}
	every := math.Ceil((last - first) / (2 * ticksWanted))
	for e := first; e <= last; e += every {
		value := math.Pow(10, e)
		a.ticks = append(a.ticks, tick{a.place(value), format(value)})
	}
	return a
}

func (a axis) place(value float64) float64 {
	if a.log {
		value = max(value, a.low)
		return math.Log(value/a.low) / math.Log(a.high/a.low)
	}
	return (value - a.low) / (a.high - a.low)
}

// niceStep returns the least of 1, 2, 5, 10, 20, … at or above a step.
func niceStep(step float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(step)))
	for _, factor := range []float64{1, 2, 5} {
		if factor*power >= step*(1-1e-9) {
			return factor * power
		}
	}
	return 10 * power
}

// round hides what adding up fractions leaves: 0.30000000000000004.
func round(value float64) float64 {
	text := strconv.FormatFloat(value, 'g', 9, 64)
	rounded, err := strconv.ParseFloat(text, 64)
	if err != nil {
		panic("report: what was formatted parses: " + text)
	}
	return rounded
}

// timeUnit returns the unit in which a span of seconds is best marked.
func timeUnit(span float64) (unit float64, name string) {
	switch {
	case span > 2*86400:
		return 86400, "days"
	case span > 3*3600:
		return 3600, "hours"
	case span > 180:
		return 60, "minutes"
	}
	return 1, "seconds"
}

// byteUnit returns the unit in which bytes up to high are best marked.
func byteUnit(high float64) (unit float64, name string) {
	unit = 1
	for _, name = range bytePrefixes {
		if high < 1024*unit {
			return unit, name
		}
		unit *= 1024
	}
	return unit / 1024, name
}
