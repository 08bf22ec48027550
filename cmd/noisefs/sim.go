package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/noisefs/noisefs/sim/plan"
	"github.com/noisefs/noisefs/sim/report"
)

// Outcomes of simulations that are failures of what was simulated.
var (
	errViolated = errors.New("an invariant was violated")
	errMissed   = errors.New("an assertion does not hold")
)

// simulate runs a plan in the deterministic world. A violated invariant is
// not an error: it is in the result.
type simulate func(ctx context.Context, p *plan.Plan, o simOptions) (*report.Result, error)

// simOptions are what a run needs beside its plan.
type simOptions struct {
	events *report.EventWriter // nil: no log
	// progress hears how much virtual time has passed; nil is nobody.
	progress func(phase string, done, total time.Duration)
}

const simScenarioHelp = `SCENARIO is a built-in by name (see 'noisefs sim list') or
a YAML file; its keys are described in docs/simulation.md. --param replaces the value
of any of them by its dotted path, as --param churn.model=stable or
--param workloads.0.rate=2.`

const simExitHelp = `Exit codes: 0 all is well, 2 something is wrong with the scenario or
an argument, 3 there is no such scenario, 12 an invariant was violated, 13 an assertion
of the scenario does not hold. 12 goes before 13.`

func newSimCommand(g *globals, run simulate) *cobra.Command {
	cmd := group("sim", "Simulate networks of nodes, in virtual time",
		newSimRunCommand(g, run), newSimSweepCommand(g, run), newSimCompareCommand(g, run),
		newSimListCommand(g), newSimCheckCommand(g))
	cmd.Long = `Sim runs whole networks of nodes in one process and in virtual time: the code of
the nodes is the one that ships, the network, the disks, the faults and the users
are simulated. What happens follows from the scenario and its seed, byte for byte.

` + simExitHelp
	cmd.Example = `  noisefs sim list
  noisefs sim run steady --nodes 300 --report steady.html
  noisefs sim sweep churn --param nodes=100,300 --seeds 5
  noisefs sim compare steady steady --param-b policies.peers=random --seeds 10`
	return cmd
}

// completeScenarios completes up to count scenarios: built-ins, and files.
func completeScenarios(count int) cobra.CompletionFunc {
	return func(_ *cobra.Command, args []string, _ string) (
		[]cobra.Completion, cobra.ShellCompDirective,
	) {
		if len(args) >= count {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return plan.Builtins(), cobra.ShellCompDirectiveDefault
	}
}

func newSimListCommand(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List the built-in scenarios",
		Example: "  noisefs sim list",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			w := tabwriter.NewWriter(g.out, 0, 0, 2, ' ', 0)
			for _, name := range plan.Builtins() {
				p, err := plan.Load(name)
				if err != nil {
					return fmt.Errorf("built-in %s: %w", name, err)
				}
				if g.json {
					err = printJSONLine(g.out, map[string]string{
						"name": p.Name, "description": p.Description,
					})
				} else {
					_, err = fmt.Fprintf(w, "%s\t%s\n", p.Name, p.Description)
				}
				if err != nil {
					return err
				}
			}
			return w.Flush()
		},
	}
}

func newSimCheckCommand(g *globals) *cobra.Command {
	var s scenario
	cmd := &cobra.Command{
		Use:   "check SCENARIO",
		Short: "Check a scenario without running it",
		Long: "Check reports everything that is wrong with a scenario, by line and column.\n\n" +
			simScenarioHelp,
		Example: `  noisefs sim check mine.yaml
  noisefs sim check churn --nodes 5000`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: completeScenarios(1),
		RunE: func(_ *cobra.Command, args []string) error {
			s.name = args[0]
			p, err := s.load()
			if err != nil {
				return err
			}
			if g.json {
				return printJSON(g.out, map[string]any{
					"name": p.Name, "nodes": p.Nodes, "virtualSeconds": p.Duration.Seconds(),
				})
			}
			_, err = fmt.Fprintf(g.out, "%s is a good scenario: %d nodes for %s\n",
				quoteName(p.Name), p.Nodes, p.Duration)
			return err
		},
	}
	s.addFlags(cmd)
	return cmd
}

// scenario is what the arguments and flags say about what to simulate.
type scenario struct {
	name                  string
	nodes, seed, duration string   // empty: the scenario's
	params                []string // key=value
}

func (s *scenario) addFlags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&s.nodes, "nodes", "", "how many nodes (default: the scenario's)")
	flags.StringVar(&s.seed, "seed", "", "seed of every draw (default: the scenario's)")
	flags.StringVar(&s.duration, "duration", "", "measured span, as 10m (default: the scenario's)")
	flags.StringArrayVar(&s.params, "param", nil,
		"replace a value of the scenario, as key.below=value; repeatable")
}

// overrides are the flags as the plan takes them, more specific ones last.
func (s *scenario) overrides() ([]plan.Override, error) {
	list, err := paramOverrides("--param", s.params)
	if err != nil {
		return nil, err
	}
	for _, o := range []plan.Override{
		{Flag: "--nodes", Path: "nodes", Value: s.nodes},
		{Flag: "--duration", Path: "duration", Value: s.duration},
		{Flag: "--seed", Path: "seed", Value: s.seed},
	} {
		if o.Value != "" {
			list = append(list, o)
		}
	}
	return list, nil
}

func paramOverrides(flag string, params []string) ([]plan.Override, error) {
	var list []plan.Override
	for _, param := range params {
		key, value, ok := strings.Cut(param, "=")
		if !ok || key == "" {
			return nil, usagef("%s takes key=value, not %q", flag, param)
		}
		list = append(list, plan.Override{Flag: flag + " " + key, Path: key, Value: value})
	}
	return list, nil
}

func (s *scenario) load() (*plan.Plan, error) {
	overrides, err := s.overrides()
	if err != nil {
		return nil, err
	}
	return loadPlan(s.name, overrides)
}

// loadPlan loads a scenario. Problems begin on a line of their own, so that
// editors find the places.
func loadPlan(name string, overrides []plan.Override) (*plan.Plan, error) {
	p, err := plan.Load(name, overrides...)
	var problems plan.Problems
	if errors.As(err, &problems) {
		return nil, fmt.Errorf("the scenario has mistakes:\n%w", problems)
	}
	return p, err
}

// replayCommand writes the command that runs a plan again, alone.
func replayCommand(name string, overrides []plan.Override, seed uint64) string {
	words := []string{"noisefs sim run", shellWord(name)}
	for _, o := range overrides {
		switch {
		case o.Path == "seed":
		case o.Flag == "--nodes", o.Flag == "--duration":
			words = append(words, o.Flag, shellWord(o.Value))
		default:
			words = append(words, "--param", shellWord(o.Path+"="+o.Value))
		}
	}
	return strings.Join(append(words, "--seed", strconv.FormatUint(seed, 10)), " ")
}

var plainWord = regexp.MustCompile(`^[A-Za-z0-9_./:=,+-]+$`)

// shellWord quotes a word for a POSIX shell where it must be.
func shellWord(word string) string {
	if plainWord.MatchString(word) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// runPlan runs one plan and completes its result.
func runPlan(
	ctx context.Context, run simulate, p *plan.Plan, o simOptions, command string,
) (*report.Result, error) {
	result, err := run(ctx, p, o)
	if err != nil {
		return nil, fmt.Errorf("simulate: %w; replay: %s", err, command)
	}
	result.Command, result.Commit = command, readVersion().Commit
	p.Judge(result)
	return result, nil
}

// verdict is nil for a result in which all is well.
func verdict(r *report.Result) error {
	if n := len(r.InvariantsViolated); n > 0 {
		return fmt.Errorf("%w: %s; replay: %s", errViolated, r.InvariantsViolated[0], r.Command)
	}
	if missed := r.Missed(); len(missed) > 0 {
		return fmt.Errorf("%w: %s; replay: %s", errMissed, missed[0], r.Command)
	}
	return nil
}

// createFile creates a file and writes it; nothing when name is empty.
func createFile(name string, write func(io.Writer) error) error {
	if name == "" {
		return nil
	}
	file, err := os.Create(name)
	if err != nil {
		return err
	}
	return errors.Join(write(file), file.Close())
}
