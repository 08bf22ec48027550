package report

import (
	"strconv"
	"strings"
)

// The place of a plot in its drawing, in units of the drawing.
const (
	chartWidth, chartHeight = 640, 280
	plotLeft, plotRight     = 64, chartWidth - 16
	plotTop, plotBottom     = 12, chartHeight - 44
)

// point is a value on both axes.
type point struct{ x, y float64 }

// curve is a named set of points of a chart, as a line or as dots.
type curve struct {
	name   string
	dots   bool
	steps  bool // a line that goes up in steps
	points []point
}

// chart is a plot. Curves are told apart by color and, as lines, by dashes.
type chart struct {
	title, about   string
	xLabel, yLabel string
	x, y           axis
	curves         []curve
}

// drawing is a chart as the template draws it: text only.
type drawing struct {
	Title, About, XLabel, YLabel string
	Width, Height                int
	Left, Right, Top, Bottom     int
	MiddleX, MiddleY, LabelY     int
	XTicks, YTicks               []mark
	Curves                       []stroke
}

type mark struct{ At, Text string }

type stroke struct {
	Name  string
	Class int // 1 to 4: color and dashes
	Path  string
	Dots  []mark // At is x, Text is y
}

func (c chart) draw() drawing {
	d := drawing{
		Title: c.title, About: c.about, XLabel: c.xLabel, YLabel: c.yLabel,
		Width: chartWidth, Height: chartHeight,
		Left: plotLeft, Right: plotRight, Top: plotTop, Bottom: plotBottom,
		MiddleX: (plotLeft + plotRight) / 2, MiddleY: (plotTop + plotBottom) / 2,
		LabelY: chartHeight - 6,
	}
	for _, t := range c.x.ticks {
		d.XTicks = append(d.XTicks, mark{across(t.at), t.text})
	}
	for _, t := range c.y.ticks {
		d.YTicks = append(d.YTicks, mark{down(t.at), t.text})
	}
	for i, curve := range c.curves {
		s := stroke{Name: curve.name, Class: i%4 + 1}
		if curve.dots {
			for _, p := range curve.points {
				s.Dots = append(s.Dots, mark{across(c.x.place(p.x)), down(c.y.place(p.y))})
			}
		} else {
			s.Path = c.path(curve)
		}
		d.Curves = append(d.Curves, s)
	}
	return d
}

// path writes a line in SVG's path language.
func (c chart) path(curve curve) string {
	var b strings.Builder
	for i, p := range curve.points {
		x, y := across(c.x.place(p.x)), down(c.y.place(p.y))
		switch {
		case i == 0:
			b.WriteString("M" + x + " " + y)
		case curve.steps:
			b.WriteString("H" + x + "V" + y)
		default:
			b.WriteString("L" + x + " " + y)
		}
	}
	return b.String()
}

// across and down turn a place on an axis into one in the drawing. A tenth
// of a unit is finer than anybody sees.
func across(at float64) string { return coordinate(plotLeft + at*(plotRight-plotLeft)) }
func down(at float64) string   { return coordinate(plotBottom - at*(plotBottom-plotTop)) }

func coordinate(value float64) string {
	return trimPoint(strconv.FormatFloat(value, 'f', 1, 64))
}

func trimPoint(text string) string { return strings.TrimSuffix(text, ".0") }

// highest returns the greatest y of all curves.
func highest(curves []curve) float64 {
	high := 0.0
	for _, c := range curves {
		for _, p := range c.points {
			high = max(high, p.y)
		}
	}
	return high
}
