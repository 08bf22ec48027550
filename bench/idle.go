package bench

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/noisefs/noisefs/bench/daemons"
)

// IdleReport is what a daemon costs that nobody uses.
type IdleReport struct {
	Machine Machine          `json:"machine"`
	Command string           `json:"command"`
	Cost    daemons.IdleCost `json:"cost"`
}

// Print writes the report as a table.
func (r IdleReport) Print(w io.Writer) error {
	if err := r.Machine.print(w, r.Command); err != nil {
		return err
	}
	c := r.Cost
	span := time.Duration(c.MeasuredSeconds * float64(time.Second))
	_, err := fmt.Fprintf(w, `
a daemon with %d peers, %d MiB stored among all, with the shipped settings; the
median of %d, made into an hour from %s

CPU          %.1f s per hour, %.2f %% of a core
traffic      %.1f MiB in and %.1f MiB out per hour
memory       %.0f MiB without pages of files, %.0f goroutines
open         %.0f connections, %.0f streams, %.0f files
`,
		c.Peers, c.StoredBytes>>20, c.Peers+1, span, c.CPUSecondsPerHour, 100*c.CPUShare,
		c.InMiBPerHour, c.OutMiBPerHour, c.MemoryMiB, c.Goroutines, c.Connections, c.Streams, c.Files)
	return err
}

// ChurnReport is what daemons have that stay while others come and go.
type ChurnReport struct {
	Machine Machine            `json:"machine"`
	Command string             `json:"command"`
	Churned daemons.Churned    `json:"churned"`
	Grown   map[string]float64 `json:"grown"` // as daemons.Churned.Grown has it
}

// Print writes the report as a table.
func (r ChurnReport) Print(w io.Writer) error {
	if err := r.Machine.print(w, r.Command); err != nil {
		return err
	}
	fmt.Fprintf(w, "\nmeans over the daemons that stayed; others came back %d times, and %d came once\n\n",
		r.Churned.Returns, r.Churned.Guests)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "after\tmemory\tgoroutines\tfiles\tstreams\tconnections\tCPU\tin\tout")
	const mib = 1 << 20
	for _, s := range r.Churned.Series {
		fmt.Fprintf(t, "%.0f s\t%.1f MiB\t%.0f\t%.0f\t%.0f\t%.0f\t%.1f s\t%.1f MiB\t%.1f MiB\n",
			s.Seconds, s.MemoryMiB, s.Goroutines, s.Files, s.Streams, s.Connections, s.CPUSeconds,
			s.BytesIn/mib, s.BytesOut/mib)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "\nlast quarter over the second: memory %.2f, goroutines %.2f, "+
		"files %.2f, streams %.2f\n", r.Grown["memory"], r.Grown["goroutines"], r.Grown["files"],
		r.Grown["streams"])
	return err
}
