package main

import (
	"fmt"
	"io"
	"runtime"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/noisefs/noisefs/sim/report"
)

func newSimCompareCommand(g *globals, run simulate) *cobra.Command {
	var s scenario
	var b batch
	var paramsA, paramsB []string
	cmd := &cobra.Command{
		Use:   "compare A B",
		Short: "Run two scenarios under the same seeds and say how they differ",
		Long: `Compare runs two scenarios, or one under two sets of --param-a and --param-b, each
under the same seeds, and prints the means and the mean difference of the pairs
with its 95 % confidence interval. A difference is called clear when its interval
leaves out zero: of twenty figures that do not differ, about one will look clear.
Assertions that do not hold are counted, and do not fail the comparison.

` + simScenarioHelp + "\n\n" + simExitHelp,
		Example: `  noisefs sim compare mine.yaml theirs.yaml --seeds 10
  noisefs sim compare churn churn --param-b policies.replication=fixed \
      --param-b policies.factor=3 --nodes 300`,
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: completeScenarios(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			sides := [2]struct {
				flag   string
				params []string
			}{{"--param-a", paramsA}, {"--param-b", paramsB}}
			for i, side := range sides {
				overrides, err := s.overrides()
				if err != nil {
					return err
				}
				own, err := paramOverrides(side.flag, side.params)
				if err != nil {
					return err
				}
				b.settings = append(b.settings, setting{
					scenario: args[i], overrides: append(overrides, own...),
				})
			}
			results, err := b.run(cmd.Context(), g, run)
			if err != nil {
				return err
			}
			differences := compareResults(results[0], results[1])
			if g.json {
				err = printJSON(g.out, differences)
			} else {
				err = writeDifferences(g.out, b.seeds, differences)
			}
			if err != nil {
				return err
			}
			return batchVerdict(g, results)
		},
	}
	s.addFlags(cmd)
	flags := cmd.Flags()
	flags.StringArrayVar(&paramsA, "param-a", nil, "as --param, for A only; repeatable")
	flags.StringArrayVar(&paramsB, "param-b", nil, "as --param, for B only; repeatable")
	flags.IntVar(&b.seeds, "seeds", 10, "pairs of runs, whose seeds are counted up from --seed")
	flags.IntVar(&b.jobs, "jobs", runtime.GOMAXPROCS(0), "runs at one time")
	return cmd
}

// difference is how two scenarios differ in a figure.
type difference struct {
	Figure     report.Figure `json:"figure"`
	A          estimateJSON  `json:"a"`
	B          estimateJSON  `json:"b"`
	Difference estimateJSON  `json:"difference"` // B - A, of pairs with one seed
	// Verdict is "A" or "B" where one is clearly better, "differ" where they
	// differ clearly and neither is better, "" else.
	Verdict string `json:"verdict"`

	a, b, delta report.Estimate
	described   report.Description
}

// compareResults compares the figures that all runs measured.
func compareResults(a, b []*report.Result) []difference {
	list := []difference{}
	for _, described := range report.All {
		left, right := values(a, described.Figure), values(b, described.Figure)
		if left == nil || right == nil {
			continue
		}
		delta, err := report.EstimateDifference(left, right)
		if err != nil {
			panic(fmt.Sprintf("runs come in pairs: %v", err))
		}
		d := difference{
			Figure: described.Figure, described: described, delta: delta,
			a: report.EstimateMean(left), b: report.EstimateMean(right),
		}
		d.A, d.B, d.Difference = toEstimateJSON(d.a), toEstimateJSON(d.b), toEstimateJSON(delta)
		d.Verdict = d.judge()
		list = append(list, d)
	}
	return list
}

func (d *difference) judge() string {
	switch gain := d.delta.Mean * float64(d.described.Better); {
	case !d.delta.Clear():
		return ""
	case gain > 0:
		return "B"
	case gain < 0:
		return "A"
	}
	return "differ"
}

func writeDifferences(out io.Writer, seeds int, list []difference) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprint(w, "\tA\tB\tB - A\t\n")
	words := map[string]string{
		"A": "A is better", "B": "B is better", "differ": "they differ", "": "",
	}
	for _, d := range list {
		unit := d.described.Unit
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", d.described.Label, d.a.Text(unit), d.b.Text(unit),
			d.delta.Text(unit), words[d.Verdict])
	}
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "\n%d pairs of runs; ± is the 95 %% confidence interval\n", seeds)
	return err
}
