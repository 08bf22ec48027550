package report

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// WriteTable writes the result for people, on a terminal.
func (r *Result) WriteTable(w io.Writer) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s: %d nodes, seed %d, %s", r.Scenario, r.Nodes, r.Seed,
		Format(r.VirtualSeconds, UnitSeconds))
	if r.WallSeconds > 0 {
		fmt.Fprintf(&b, " simulated in %s (%s times as fast)", Format(r.WallSeconds, UnitSeconds),
			significant(r.VirtualSeconds/r.WallSeconds))
	}
	b.WriteString("\n\n")
	r.figureRows(&b)
	r.decileRows(&b)
	r.observerRows(&b)
	r.verdictRows(&b)
	fmt.Fprintf(&b, "\n%s events, trace hash %s\nreplay: %s\n",
		grouped(fmt.Sprint(r.Events)), r.TraceHash, r.Command)
	if _, err := w.Write(b.Bytes()); err != nil {
		return fmt.Errorf("report: write table: %w", err)
	}
	return nil
}

// columns aligns cells that are separated by tabs.
func columns(b *bytes.Buffer, rows func(w io.Writer)) {
	w := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	rows(w)
	// A bytes.Buffer refuses nothing.
	_ = w.Flush()
}

func (r *Result) figureRows(b *bytes.Buffer) {
	columns(b, func(w io.Writer) {
		for _, d := range All {
			if value, ok := r.Figures[d.Figure]; ok {
				fmt.Fprintf(w, "  %s\t%s\n", d.Label, Format(value, d.Unit))
			}
		}
	})
}

func (r *Result) decileRows(b *bytes.Buffer) {
	if len(r.Deciles) == 0 {
		return
	}
	b.WriteString("\nreplicas by popularity, a tenth of the blocks a row\n")
	columns(b, func(w io.Writer) {
		fmt.Fprint(w, "  reads/h\treplicas\tmin\tmax\tblocks\n")
		for _, d := range r.Deciles {
			fmt.Fprintf(w, "  %s\t%s\t%d\t%d\t%d\n", significant(d.ReadsPerHour),
				significant(d.Replicas), d.ReplicasMin, d.ReplicasMax, d.Blocks)
		}
	})
}

func (r *Result) observerRows(b *bytes.Buffer) {
	if r.Observers == nil {
		return
	}
	o := r.Observers
	fmt.Fprintf(b, "\n%d observers, who were asked %s times\n", o.Nodes,
		grouped(fmt.Sprint(o.Requests)))
	columns(b, func(w io.Writer) {
		fmt.Fprintf(w, "  group a tuple\t%s\tby chance %s\n", percent(o.GroupingOdds),
			percent(o.GroupingChance))
		fmt.Fprintf(w, "  name a reader\t%s\tby chance %s\n", percent(o.NamingOdds),
			percent(o.NamingChance))
	})
}

func (r *Result) verdictRows(b *bytes.Buffer) {
	if len(r.Assertions) > 0 {
		b.WriteString("\nassertions\n")
		columns(b, func(w io.Writer) {
			for _, a := range r.Assertions {
				fmt.Fprintf(w, "  %s\t%s\t%s\n", a.verdict(), a.demand(), a.outcome())
			}
		})
	}
	fmt.Fprintf(b, "\ninvariants: checked %s times, %d violated\n",
		grouped(fmt.Sprint(r.InvariantsChecked)), len(r.InvariantsViolated))
	columns(b, func(w io.Writer) {
		for _, c := range r.Checks {
			fmt.Fprintf(w, "  %s\t%s\n", c.Name, grouped(fmt.Sprint(c.Times)))
		}
	})
	for _, text := range r.InvariantsViolated {
		fmt.Fprintf(b, "  VIOLATED: %s\n", text)
	}
	if len(r.Before) > 0 {
		fmt.Fprintf(b, "\nwhat happened before it\n  %s\n", strings.Join(r.Before, "\n  "))
	}
	if len(r.LastEvents) > 0 {
		fmt.Fprintf(b, "\nthe last events before it\n  %s\n", strings.Join(r.LastEvents, "\n  "))
	}
}

func (a Assertion) verdict() string {
	if a.OK {
		return "ok"
	}
	return "MISSED"
}

func (a Assertion) unit() Unit {
	d, _ := Describe(a.Metric)
	return d.Unit
}

func (a Assertion) demand() string {
	return fmt.Sprintf("%s %s %s", a.Metric, a.Op, Format(a.Value, a.unit()))
}

func (a Assertion) outcome() string {
	if a.Got == nil {
		return "was not measured"
	}
	return "is " + Format(*a.Got, a.unit())
}

// String says what was demanded, and what was got.
func (a Assertion) String() string { return a.demand() + ": " + a.outcome() }
