package report

import (
	"bytes"
	_ "embed" // the drawing's template
	"fmt"
	"html/template"
	"io"
	"math"
)

//go:embed plot.svg
var plotSource string

var plotTemplate = template.Must(template.New("plot").Parse(plotSource))

// Plot is a drawing that stands alone, for pages that compare runs.
type Plot struct {
	Title, XLabel, YLabel string
	// LogX and LogY make axes logarithmic; values on them are above 0.
	LogX, LogY bool
	// XUnit and YUnit say how the marks on logarithmic axes are written. Linear
	// axes have plain numbers.
	XUnit, YUnit Unit
	Curves       []PlotCurve // at most PlotCurvesMax
}

// PlotCurvesMax bounds the curves that a drawing can tell apart.
const PlotCurvesMax = 6

// PlotCurve is a named line, or dots.
type PlotCurve struct {
	Name   string
	Dots   bool
	Points []PlotPoint
}

// PlotPoint is a point of a curve.
type PlotPoint struct{ X, Y float64 }

// plotKey is a line of the legend.
type plotKey struct {
	stroke
	Y, TextY, X, ToX, TextX int
}

// plotDrawing is a plot as the template draws it.
type plotDrawing struct {
	drawing
	Height int // with the legend
	Keys   []plotKey
}

// The legend stands below the plot, in lines of keys.
const (
	keysPerLine  = 3
	keyWidth     = 190
	keyHeight    = 18
	keyLineWidth = 26
	keyGap       = 8
)

// WriteSVG writes the plot as a file of SVG that needs no other.
func (p Plot) WriteSVG(w io.Writer) error {
	if len(p.Curves) > PlotCurvesMax {
		return fmt.Errorf("report: a plot of %d curves, more than %d", len(p.Curves), PlotCurvesMax)
	}
	c := chart{title: p.Title, xLabel: p.XLabel, yLabel: p.YLabel}
	x, y := newSpread(), newSpread()
	for _, curve := range p.Curves {
		c.curves = append(c.curves, curveOf(curve, &x, &y))
	}
	c.x, c.y = x.axis(p.LogX, p.XUnit), y.axis(p.LogY, p.YUnit)
	d := plotDrawing{drawing: c.draw(), Height: chartHeight}
	for i := range d.Curves {
		d.Curves[i].Class = i + 1
		left := plotLeft + (i%keysPerLine)*keyWidth
		top := chartHeight + keyHeight/2 + (i/keysPerLine)*keyHeight
		d.Keys = append(d.Keys, plotKey{
			d.Curves[i], top, top + 4, left, left + keyLineWidth, left + keyLineWidth + keyGap,
		})
		d.Height = top + keyHeight
	}
	var b bytes.Buffer
	if err := plotTemplate.Execute(&b, d); err != nil {
		return fmt.Errorf("report: draw %s: %w", p.Title, err)
	}
	if _, err := w.Write(b.Bytes()); err != nil {
		return fmt.Errorf("report: write plot: %w", err)
	}
	return nil
}

func curveOf(p PlotCurve, x, y *spread) curve {
	c := curve{name: p.Name, dots: p.Dots}
	for _, at := range p.Points {
		x.add(at.X)
		y.add(at.Y)
		c.points = append(c.points, point{at.X, at.Y})
	}
	return c
}

// spread is the least above zero and the greatest of some values.
type spread struct{ low, high float64 }

func newSpread() spread { return spread{low: math.Inf(1)} }

func (s *spread) add(value float64) {
	if value > 0 {
		s.low = min(s.low, value)
	}
	s.high = max(s.high, value)
}

func (s *spread) axis(log bool, unit Unit) axis {
	if !log {
		return linearAxis(s.high, 1)
	}
	if s.high <= 0 {
		s.low, s.high = 1, 10
	}
	return logAxis(s.low, s.high, func(v float64) string { return Format(round(v), unit) })
}
