package bench

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/noisefs/noisefs/bench/drives"
)

// MountReport is how a mounted drive does beside other file systems.
type MountReport struct {
	Machine   Machine `json:"machine"`
	Command   string  `json:"command"`
	SizeBytes int64   `json:"sizeBytes"` // of the file that is written and read
	Files     int     `json:"files"`     // of 4 KiB
	Rounds    int     `json:"rounds"`
	drives.Report
}

// Print writes the report as a table.
func (r MountReport) Print(w io.Writer) error {
	if err := r.Machine.print(w, r.Command); err != nil {
		return err
	}
	fmt.Fprintf(w, "\na file of %d MiB and %d files of 4 KiB; medians of %d rounds; × is how well "+
		"noisefs does beside it\n\n", r.SizeBytes>>20, r.Files, r.Rounds)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(t, "\t")
	for _, name := range r.Systems {
		fmt.Fprintf(t, "%s\t", name)
		if name != drives.NoiseFS {
			fmt.Fprint(t, "\t")
		}
	}
	fmt.Fprintln(t)
	for _, result := range r.Results {
		if len(result.Median) == 0 {
			continue
		}
		fmt.Fprintf(t, "%s, %s\t", result.Row, result.Unit)
		for _, name := range r.Systems {
			fmt.Fprintf(t, "%s\t", amount(result.Median[name]))
			if name == drives.NoiseFS {
				continue
			}
			ratio, ok := result.Ratio(drives.NoiseFS, name)
			if !ok {
				fmt.Fprint(t, "\t")
				continue
			}
			fmt.Fprintf(t, "× %.2f\t", ratio)
		}
		fmt.Fprintln(t)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, why := range r.Missing {
		fmt.Fprintf(w, "not measured: %s\n", why)
	}
	return nil
}

// amount is a number with three digits or more.
func amount(value float64) string {
	switch {
	case value == 0:
		return "-"
	case value < 10:
		return fmt.Sprintf("%.2f", value)
	case value < 100:
		return fmt.Sprintf("%.1f", value)
	}
	return fmt.Sprintf("%.0f", value)
}
