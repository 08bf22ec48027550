package bench

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/noisefs/noisefs/bench/dht"
)

// DHTReport is what a DHT would take to find the holders of blocks.
type DHTReport struct {
	Machine  Machine      `json:"machine"`
	Command  string       `json:"command"`
	Networks []dht.Report `json:"networks"`
}

// Print writes the report as a table.
func (r DHTReport) Print(w io.Writer) error {
	if err := r.Machine.print(w, r.Command); err != nil {
		return err
	}
	fmt.Fprint(w, "\nprovider records of a DHT, beside computing who holds a block; one process, "+
		"loopback\n\n")
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "hosts\t\tmedian\tat most\tmessages\tconnections opened")
	for _, n := range r.Networks {
		for _, row := range []struct {
			what string
			cost dht.Cost
		}{
			{"provide", n.Provide}, {"look up", n.LookUp}, {"placement, either", n.Placement},
		} {
			fmt.Fprintf(t, "%d\t%s\t%s\t%s\t%.1f\t%.1f\n", n.Hosts, row.what,
				short(row.cost.MedianSeconds), short(row.cost.MostSeconds),
				row.cost.Messages, row.cost.Connections)
		}
	}
	return t.Flush()
}

// short words a time with three digits or so.
func short(seconds float64) string {
	took := time.Duration(seconds * float64(time.Second))
	unit := time.Nanosecond
	for took/unit >= 1000 {
		unit *= 10
	}
	return took.Round(unit).String()
}
