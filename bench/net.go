package bench

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/noisefs/noisefs/bench/daemons"
	"github.com/noisefs/noisefs/bench/lanes"
)

// NetReport is how fast blocks travel between processes on one machine, and how
// fast a file is read of which nothing is here.
type NetReport struct {
	Machine Machine        `json:"machine"`
	Command string         `json:"command"`
	Blocks  int            `json:"blocks"`
	Rounds  int            `json:"rounds"`
	Lanes   []lanes.Lane   `json:"lanes"` // raw TCP first; empty: not measured
	Cold    []daemons.Cold `json:"cold"`  // empty: not measured
}

// blocksPerChunkMax is what reading a file cold may move for each chunk.
const blocksPerChunkMax = 2.2

// Print writes the report as a table.
func (r NetReport) Print(w io.Writer) error {
	if err := r.Machine.print(w, r.Command); err != nil {
		return err
	}
	if len(r.Lanes) > 0 {
		if err := r.printLanes(w); err != nil {
			return err
		}
	}
	if len(r.Cold) > 0 {
		return r.printCold(w)
	}
	return nil
}

func (r NetReport) printLanes(w io.Writer) error {
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

func (r NetReport) printCold(w io.Writer) error {
	fmt.Fprintf(w, "\ncold get of %d MiB, each node a process; at most %g blocks per chunk\n\n",
		r.Cold[0].SizeBytes>>20, blocksPerChunkMax)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "\tMB/s\tblocks per chunk\tCPU s per GiB\tof the reader's node\tits peak RSS")
	for _, c := range r.Cold {
		fmt.Fprintf(t, "from %d peers\t%.0f\t%.2f\t%.1f\t%.1f\t%.0f MiB\n",
			c.Peers, c.MBps, c.BlocksPerChunk, c.CPUPerGiB, c.ReaderCPUPerGiB, c.PeakMiB)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, c := range r.Cold {
		fmt.Fprintf(w, "\nwhere the reader's node spent its time, from %d peers\n\n", c.Peers)
		for _, share := range c.Top {
			fmt.Fprintf(t, "%5.1f %%\t%s\n", 100*share.Share, share.Function)
		}
		if err := t.Flush(); err != nil {
			return err
		}
	}
	return nil
}
