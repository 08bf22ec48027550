package bench

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/noisefs/noisefs/bench/lanes"
)

// NetReport is how fast blocks travel between two processes on one machine.
type NetReport struct {
	Machine Machine      `json:"machine"`
	Command string       `json:"command"`
	Blocks  int          `json:"blocks"`
	Rounds  int          `json:"rounds"`
	Lanes   []lanes.Lane `json:"lanes"` // raw TCP first
}

// Print writes the report as a table.
func (r NetReport) Print(w io.Writer) error {
	if err := r.Machine.print(w, r.Command); err != nil {
		return err
	}
	fmt.Fprintf(w, "\n%d blocks of 128 KiB, each hashed on arrival; medians of %d rounds\n\n",
		r.Blocks, r.Rounds)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "\tMB/s\tof raw TCP\tCPU s per GiB, both ends")
	for _, lane := range r.Lanes {
		fmt.Fprintf(t, "%s\t%.0f\t%.0f %%\t%.1f\n",
			lane.Name, lane.MBps, 100*lane.MBps/r.Lanes[0].MBps, lane.CPUPerGiB)
	}
	return t.Flush()
}
