package report_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/noisefs/noisefs/sim/report"
)

// A plot is well-formed XML, has its curves and a legend, and scales to what
// is in it.
func TestPlotWriteSVG(t *testing.T) {
	plot := report.Plot{
		Title: "Read p99 <by policy>", XLabel: "utilisation, %", YLabel: "seconds",
		LogY: true, YUnit: report.UnitSeconds,
		Curves: []report.PlotCurve{
			{Name: "adaptive", Points: []report.PlotPoint{{X: 30, Y: 0.5}, {X: 90, Y: 4}}},
			{Name: "a & b", Dots: true, Points: []report.PlotPoint{{X: 60, Y: 40}}},
		},
	}
	var b bytes.Buffer
	if err := plot.WriteSVG(&b); err != nil {
		t.Fatal(err)
	}
	elements := map[string]int{}
	decoder := xml.NewDecoder(&b)
	text := ""
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			elements[token.Name.Local]++
		case xml.CharData:
			text += string(token)
		}
	}
	// Both the curve and its key in the legend.
	if elements["path"] != 2 || elements["circle"] != 2 {
		t.Errorf("got elements %v", elements)
	}
	for _, want := range []string{"adaptive", "a & b", "100 s", "100 ms", "utilisation, %"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in %q", want, text)
		}
	}
}

func TestPlotTooManyCurves(t *testing.T) {
	plot := report.Plot{Curves: make([]report.PlotCurve, report.PlotCurvesMax+1)}
	if err := plot.WriteSVG(io.Discard); err == nil {
		t.Error("more curves than can be told apart")
	}
}
