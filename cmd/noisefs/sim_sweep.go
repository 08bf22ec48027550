package main

import (
	"encoding/csv"
	"fmt"
	"io"
	"runtime"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/noisefs/noisefs/sim/plan"
	"github.com/noisefs/noisefs/sim/report"
)

// sweep is a scenario under every combination of some values.
type sweep struct {
	batch
	keys    []string   // that vary
	values  [][]string // of each setting, by key
	results [][]*report.Result
}

func newSimSweepCommand(g *globals, run simulate) *cobra.Command {
	var s scenario
	var sw sweep
	var name, figureList string
	cmd := &cobra.Command{
		Use:   "sweep SCENARIO --param KEY=VALUE,VALUE…",
		Short: "Run a scenario under several values and seeds",
		Long: `Sweep runs a scenario once per seed for every combination of the values of its
--param flags, on all cores, and prints the means with their 95 % confidence
intervals (Student's t over the seeds). A --param with one value is just set.
Assertions that do not hold are counted, and do not fail the sweep.

` + simScenarioHelp + "\n\n" + simExitHelp,
		Example: `  noisefs sim sweep steady --param nodes=100,300,1000 --seeds 5 --csv steady.csv
  noisefs sim sweep churn --param policies.replication=fixed --param policies.factor=2,3,5,8
  noisefs sim sweep slow-nodes --param policies.peers=adaptive,random \
      --param workloads.0.rate=0.5,1,2 --figures p99Seconds,hedgeShare`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: completeScenarios(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			s.name = args[0]
			figures, err := parseFigures(figureList)
			if err != nil {
				return err
			}
			if err := sw.lay(&s); err != nil {
				return err
			}
			if sw.results, err = sw.run(cmd.Context(), g, run); err != nil {
				return err
			}
			if err := createFile(name, sw.writeCSV); err != nil {
				return err
			}
			if g.json {
				err = sw.writeJSON(g.out)
			} else {
				err = sw.writeTable(g.out, figures)
			}
			if err != nil {
				return err
			}
			return batchVerdict(g, sw.results)
		},
	}
	s.addFlags(cmd)
	cmd.Flags().IntVar(&sw.seeds, "seeds", 5, "seeds per combination, counted up from --seed")
	cmd.Flags().IntVar(&sw.jobs, "jobs", runtime.GOMAXPROCS(0), "runs at one time")
	cmd.Flags().StringVar(&name, "csv", "", "write all figures to this file")
	cmd.Flags().StringVar(&figureList, "figures", "", "figures to print, as p99Seconds,hedges")
	return cmd
}

// lay lays out the settings: every combination of values, the last key
// changing fastest.
func (sw *sweep) lay(s *scenario) error {
	params := s.params
	s.params = nil
	overrides, err := s.overrides()
	if err != nil {
		return err
	}
	varying, err := paramOverrides("--param", params)
	if err != nil {
		return err
	}
	sw.settings, sw.values = []setting{{scenario: s.name, overrides: overrides}}, [][]string{nil}
	for _, o := range varying {
		choices := strings.Split(o.Value, ",")
		if len(sw.settings)*len(choices) > batchRunsMax {
			return usagef("these are more than %d combinations", batchRunsMax)
		}
		sw.keys = append(sw.keys, o.Path)
		var settings []setting
		var values [][]string
		for i, before := range sw.settings {
			for _, choice := range choices {
				o.Value = choice
				next := before
				next.overrides = append(append([]plan.Override{}, before.overrides...), o)
				settings = append(settings, next)
				values = append(values, append(append([]string{}, sw.values[i]...), choice))
			}
		}
		sw.settings, sw.values = settings, values
	}
	return nil
}

func (sw *sweep) writeTable(out io.Writer, figures []report.Figure) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	var head []string
	head = append(head, sw.keys...)
	for _, figure := range figures {
		head = append(head, labelOf(figure))
	}
	fmt.Fprintln(w, strings.Join(head, "\t"))
	for i, results := range sw.results {
		var cells []string
		cells = append(cells, sw.values[i]...)
		for _, figure := range figures {
			cells = append(cells, estimateText(values(results, figure), figure))
		}
		fmt.Fprintln(w, strings.Join(cells, "\t"))
	}
	return w.Flush()
}

// sweepJSON is a combination of values with what it measured.
type sweepJSON struct {
	Params      map[string]string              `json:"params"`
	Seeds       int                            `json:"seeds"`
	Figures     map[report.Figure]estimateJSON `json:"figures"`
	TraceHashes []report.Hash                  `json:"traceHashes"`
}

// estimateJSON is a mean; the bounds of its interval are absent for one seed.
type estimateJSON struct {
	Mean float64  `json:"mean"`
	Low  *float64 `json:"low,omitempty"`
	High *float64 `json:"high,omitempty"`
}

func toEstimateJSON(e report.Estimate) estimateJSON {
	if e.N < 2 {
		return estimateJSON{Mean: e.Mean}
	}
	return estimateJSON{Mean: e.Mean, Low: new(e.Mean - e.Half), High: new(e.Mean + e.Half)}
}

func (sw *sweep) writeJSON(out io.Writer) error {
	list := []sweepJSON{}
	for i, results := range sw.results {
		entry := sweepJSON{
			Params: map[string]string{}, Seeds: sw.seeds,
			Figures: map[report.Figure]estimateJSON{},
		}
		for k, key := range sw.keys {
			entry.Params[key] = sw.values[i][k]
		}
		for _, d := range report.All {
			if samples := values(results, d.Figure); samples != nil {
				entry.Figures[d.Figure] = toEstimateJSON(report.EstimateMean(samples))
			}
		}
		for _, r := range results {
			entry.TraceHashes = append(entry.TraceHashes, r.TraceHash)
		}
		list = append(list, entry)
	}
	return printJSON(out, list)
}

// writeCSV writes a line per combination and figure.
func (sw *sweep) writeCSV(out io.Writer) error {
	w := csv.NewWriter(out)
	head := append(append([]string{}, sw.keys...),
		"figure", "unit", "seeds", "mean", "low", "high")
	if err := w.Write(head); err != nil {
		return err
	}
	for i, results := range sw.results {
		for _, d := range report.All {
			samples := values(results, d.Figure)
			if samples == nil {
				continue
			}
			e := report.EstimateMean(samples)
			line := append(append([]string{}, sw.values[i]...), string(d.Figure), d.Unit.String(),
				strconv.Itoa(e.N), number(e.Mean), "", "")
			if e.N > 1 {
				line[len(line)-2], line[len(line)-1] = number(e.Mean-e.Half), number(e.Mean+e.Half)
			}
			if err := w.Write(line); err != nil {
				return err
			}
		}
	}
	w.Flush()
	return w.Error()
}

func number(value float64) string { return strconv.FormatFloat(value, 'g', 8, 64) }
