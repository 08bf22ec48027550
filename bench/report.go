package bench

import (
	"fmt"
	"io"
	"text/tabwriter"
)

// StoreReport is what [Store] found. Rates are in MB (10^6 bytes) per second,
// medians over the rounds; ratios are of medians.
type StoreReport struct {
	Machine   Machine `json:"machine"`
	Command   string  `json:"command"`
	SizeBytes int64   `json:"sizeBytes"`
	Rounds    int     `json:"rounds"`

	BlocksStored int64   `json:"blocksStored"` // by one cold put
	Syncs        int64   `json:"syncs"`        // of block files during it
	BareWrite    float64 `json:"bareWriteMBps"`
	PutStored    float64 `json:"putStoredMBps"` // bytes of blocks
	PutUser      float64 `json:"putUserMBps"`   // bytes of the file
	PutRatio     float64 `json:"putRatio"`      // PutStored / BareWrite
	BareRead     float64 `json:"bareReadMBps"`
	GetWarm      float64 `json:"getWarmMBps"`
	GetCold      float64 `json:"getColdMBps"`
	GetRatio     float64 `json:"getRatio"` // GetWarm / BareRead

	SpaceCold float64 `json:"spaceCold"` // bytes stored per user byte, first file
	SpaceWarm float64 `json:"spaceWarm"` // second file of the size

	TreeFiles          int     `json:"treeFiles"`
	TreeFileBytes      int     `json:"treeFileBytes"`
	TreeCold           float64 `json:"treeCold"`
	TreeWarm           float64 `json:"treeWarm"`
	TreeFilesPerSecond float64 `json:"treeFilesPerSecond"`

	// Processes are whole commands with their start and end, ours first.
	Processes []Process `json:"processes"`
}

// Print writes the report as a table.
func (s StoreReport) Print(w io.Writer) error {
	if err := s.Machine.print(w, s.Command); err != nil {
		return err
	}
	fmt.Fprintln(w)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	row := func(what, value, note string) { fmt.Fprintf(t, "%s\t%s\t%s\n", what, value, note) }
	rate := func(what string, value float64, note string) {
		row(what, fmt.Sprintf("%.0f MB/s", value), note)
	}
	share := func(what string, value float64, target string) {
		row(what, fmt.Sprintf("%.0f %%", value*100), target)
	}
	times := func(what string, value float64, target string) {
		row(what, fmt.Sprintf("%.3f ×", value), target)
	}
	rate("bare loop, hash and write", s.BareWrite,
		fmt.Sprintf("%d blocks, all cores, %d syncs", s.BlocksStored, s.Syncs))
	rate("put, per byte stored", s.PutStored, fmt.Sprintf("%.0f MB/s of the file", s.PutUser))
	share("put / bare", s.PutRatio, "must reach 75 %")
	rate("bare loop, read and hash", s.BareRead, "the file's D blocks, all cores")
	rate("get, warm", s.GetWarm, "")
	share("get / bare", s.GetRatio, "must reach 100 %")
	rate("get, cold", s.GetCold, "page cache dropped")
	times("space, cold", s.SpaceCold, "at most 2.1 ×")
	times("space, warm", s.SpaceWarm, "at most 1.15 ×")
	if s.TreeFiles > 0 {
		what := fmt.Sprintf("tree of %d files of %d B, ", s.TreeFiles, s.TreeFileBytes)
		times(what+"cold", s.TreeCold, "at most 2.6 ×")
		times(what+"warm", s.TreeWarm, "at most 1.5 ×")
		row("", fmt.Sprintf("%.0f files/s", s.TreeFilesPerSecond), "")
	}
	for _, p := range s.Processes {
		rate(p.Name, p.MBps, fmt.Sprintf("whole process; peak RSS %.0f MiB", p.PeakMiB))
	}
	return t.Flush()
}
