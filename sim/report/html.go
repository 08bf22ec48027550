package report

import (
	"bytes"
	_ "embed" // the page's template
	"fmt"
	"html/template"
	"io"
	"strconv"
)

//go:embed page.html
var pageSource string

var pageTemplate = template.Must(template.New("page").Parse(pageSource))

// row is a line of a table on the page.
type row struct{ Label, Value, Words string }

// verdict is an assertion on the page.
type verdict struct {
	OK                       bool
	Verdict, Demand, Outcome string
}

// page is what the template writes. It has no wall-clock figure, so that it
// follows from plan and seed.
type page struct {
	Scenario, Command, Commit, Span, TraceHash, Events string
	Seed                                               uint64
	Nodes, Missed                                      int
	OK                                                 bool
	Violated, Before, LastEvents                       []string
	Figures, Checks, Observers                         []row
	Assertions                                         []verdict
	Charts                                             []drawing
	Deciles                                            [][]string
}

// WriteHTML writes the result as one HTML page that needs no other file and
// no network, in light or dark as the reader's system is set.
func (r *Result) WriteHTML(w io.Writer) error {
	p := page{
		Scenario: r.Scenario, Command: r.Command, Commit: r.Commit,
		Span: Format(r.VirtualSeconds, UnitSeconds), TraceHash: r.TraceHash.String(),
		Events: count(r.Events), Seed: r.Seed, Nodes: r.Nodes,
		Missed: len(r.Missed()), OK: r.OK(),
		Violated: r.InvariantsViolated, Before: r.Before, LastEvents: r.LastEvents,
	}
	for _, d := range All {
		if value, ok := r.Figures[d.Figure]; ok {
			p.Figures = append(p.Figures, row{d.Label, Format(value, d.Unit), d.Words})
		}
	}
	for _, a := range r.Assertions {
		p.Assertions = append(p.Assertions, verdict{a.OK, a.verdict(), a.demand(), a.outcome()})
	}
	for _, c := range r.Checks {
		p.Checks = append(p.Checks, row{Label: c.Name, Value: count(c.Times)})
	}
	for _, c := range r.plots() {
		p.Charts = append(p.Charts, c.draw())
	}
	for _, d := range r.Deciles {
		p.Deciles = append(p.Deciles, []string{
			significant(d.ReadsPerHour), significant(d.Replicas), strconv.Itoa(d.ReplicasMin),
			strconv.Itoa(d.ReplicasMax), strconv.Itoa(d.Blocks),
		})
	}
	if o := r.Observers; o != nil {
		p.Observers = []row{
			{"observers", strconv.Itoa(o.Nodes), ""},
			{"requests they saw", count(o.Requests), ""},
			{"group a tuple", percent(o.GroupingOdds), "by chance " + percent(o.GroupingChance)},
			{"name a reader", percent(o.NamingOdds), "by chance " + percent(o.NamingChance)},
		}
	}
	var b bytes.Buffer
	if err := pageTemplate.Execute(&b, p); err != nil {
		return fmt.Errorf("report: make page: %w", err)
	}
	if _, err := w.Write(b.Bytes()); err != nil {
		return fmt.Errorf("report: write page: %w", err)
	}
	return nil
}

func count(n uint64) string { return grouped(strconv.FormatUint(n, 10)) }
