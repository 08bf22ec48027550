package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/noisefs/noisefs/sim/plan"
	"github.com/noisefs/noisefs/sim/report"
)

// simCommand runs a command line of sim with a simulator.
func simCommand(run simulate, args ...string) (stdout, stderr string, err error) {
	var out, said bytes.Buffer
	g := &globals{terminal: terminal{strings.NewReader(""), &out, &said}}
	cmd := newSimCommand(g, run)
	wrapArgs(cmd)
	cmd.PersistentFlags().BoolVar(&g.json, "json", false, "")
	cmd.SetArgs(args)
	cmd.SetOut(&out)
	cmd.SetErr(&said)
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	err = cmd.ExecuteContext(context.Background())
	return out.String(), said.String(), err
}

// simpleRun is a simulator whose figures follow from plan and seed by
// formulas: p99 is 1 + nodes/1000, 3 s more where peers are chosen at random,
// and noise by the seed that is the same for all plans.
func simpleRun(_ context.Context, p *plan.Plan, o simOptions) (*report.Result, error) {
	noise := float64(p.Seed*7%5) / 100
	p99 := 1 + float64(p.Nodes)/1000 + noise
	if p.Policies.Peers == plan.PeersRandom {
		p99 += 3 + noise/10
	}
	figures := report.Figures{}
	figures.Set(report.Availability, 1)
	figures.Set(report.P99Seconds, p99)
	figures.Set(report.BlocksLost, 0)
	figures.Set(report.UnderReplicated, 0)
	figures.Set(report.LoadGini, 0.25)
	o.events.Write(report.Event{AtSeconds: 1, Kind: "nodeStarted"})
	if o.progress != nil {
		o.progress("measuring", time.Second, p.Duration)
	}
	return &report.Result{
		Scenario: p.Name, Seed: p.Seed, Nodes: p.Nodes, Figures: figures, WallSeconds: 3,
		VirtualSeconds: p.Duration.Seconds(), TraceHash: report.Hash(p.Seed * 1000),
	}, nil
}

func violatedRun(ctx context.Context, p *plan.Plan, o simOptions) (*report.Result, error) {
	r, err := simpleRun(ctx, p, o)
	r.InvariantsViolated = []string{"a wrong byte was read"}
	r.Figures.Set(report.P99Seconds, 99)
	return r, err
}

func slowRun(ctx context.Context, p *plan.Plan, o simOptions) (*report.Result, error) {
	r, err := simpleRun(ctx, p, o)
	r.Figures.Set(report.P99Seconds, 99)
	return r, err
}

func brokenRun(context.Context, *plan.Plan, simOptions) (*report.Result, error) {
	return nil, os.ErrDeadlineExceeded
}

func TestSimRun(t *testing.T) {
	dir := t.TempDir()
	page, events := filepath.Join(dir, "out.html"), filepath.Join(dir, "out.jsonl")
	out, _, err := simCommand(simpleRun, "run", "steady", "--nodes", "50", "--param",
		"churn.model=stable", "--duration", "10s", "--report", page, "--events", events)
	if err != nil {
		t.Fatal(err)
	}
	replay := "noisefs sim run steady --param churn.model=stable --nodes 50 --duration 10s --seed 1"
	for _, want := range []string{"steady: 50 nodes, seed 1", "ok  ", "replay: " + replay + "\n"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in\n%s", want, out)
		}
	}
	if got := read(t, page); !strings.Contains(got, replay) {
		t.Error("the page does not show the command")
	}
	if got, want := read(t, events), `{"at":1,"kind":"nodeStarted"}`+"\n"; got != want {
		t.Errorf("got events %q, want %q", got, want)
	}
}

func TestSimRunJSON(t *testing.T) {
	out, _, err := simCommand(simpleRun, "run", "steady", "--seed", "5", "--json")
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{
		"traceHash", "seed", "nodes", "virtualSeconds", "wallSeconds", "events",
		"invariantsChecked", "invariantsViolated", "figures",
	} {
		if _, ok := got[key]; !ok {
			t.Errorf("%s is missing", key)
		}
	}
	if got["seed"] != 5.0 || got["traceHash"] != "0000000000001388" {
		t.Errorf("got seed %v, hash %v", got["seed"], got["traceHash"])
	}
}

func TestSimExitCodes(t *testing.T) {
	wrong := filepath.Join(t.TempDir(), "wrong.yaml")
	if err := os.WriteFile(wrong, []byte("name: a\nnods: 1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name string
		run  simulate
		args string
		want int
		says string
	}{
		{"Violated", violatedRun, "run steady", exitViolated, "a wrong byte was read; replay: noisefs"},
		{"Missed", slowRun, "run steady", exitMissed, "p99Seconds <= 3.5 s: is 99 s; replay: noisefs"},
		{"Broken", brokenRun, "run steady --seed 9", exitFailure, "sim run steady --seed 9"},
		{"Unknown", simpleRun, "run stedy", exitNotFound, "the built-ins are chaos, churn"},
		{"Mistakes", simpleRun, "check " + wrong, exitUsage, "mistakes:\n" + wrong + ":2:1: unknown key"},
		{"BadOverride", simpleRun, "check steady --param workloads.9.rate=1", exitUsage, "items 0 to 0"},
		{"BadNodes", simpleRun, "run steady --nodes many", exitUsage, `--nodes: nodes is a whole number`},
		{"NoValue", simpleRun, "run steady --param nodes", exitUsage, "key=value"},
		{"NoScenario", simpleRun, "run", exitUsage, "accepts 1 arg"},
		{"SweepViolated", violatedRun, "sweep steady --seeds 2", exitViolated, "replay: noisefs"},
		{"SweepMissed", slowRun, "sweep steady --seeds 2", exitOK, ""},
		{"SweepBroken", brokenRun, "sweep steady --seeds 9", exitFailure, "replay: noisefs"},
		{"SweepMistake", simpleRun, "sweep steady --param nodes=1,x", exitUsage, `not "x"`},
		{"SweepTooMany", simpleRun, "sweep steady --seeds 1001", exitUsage, "1 to 1000"},
		{"SweepFigure", simpleRun, "sweep steady --figures speed", exitUsage, `called "speed"`},
		{"CompareViolated", violatedRun, "compare steady churn --seeds 2", exitViolated, "replay"},
		{"CompareOne", simpleRun, "compare steady", exitUsage, "accepts 2 arg"},
		{"CompareParam", simpleRun, "compare steady steady --param-b nodes=0", exitUsage, "-b nodes"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, _, err := simCommand(test.run, strings.Fields(test.args)...)
			if got := exitCode(err); got != test.want {
				t.Errorf("got exit code %d, want %d: %v", got, test.want, err)
			}
			if test.says != "" && !strings.Contains(err.Error(), test.says) {
				t.Errorf("%q does not say %q", err, test.says)
			}
		})
	}
}

func TestSimSweep(t *testing.T) {
	name := filepath.Join(t.TempDir(), "out.csv")
	out, _, err := simCommand(simpleRun, "sweep", "steady", "--param", "nodes=100,1000",
		"--param", "policies.peers=adaptive,random", "--seeds", "5", "--csv", name,
		"--figures", "p99Seconds,repairBytes")
	if err != nil {
		t.Fatal(err)
	}
	// The noise of seeds 1 to 5 is 0.02 0.04 0.01 0.03 0: mean 0.02,
	// deviation 0.0158, and t(0.975, 4) is 2.776.
	want := `nodes  policies.peers  read p99           repair bytes
100    adaptive        1.12 s ± 19.63 ms  -
100    random          4.12 s ± 21.6 ms   -
1000   adaptive        2.02 s ± 19.63 ms  -
1000   random          5.02 s ± 21.6 ms   -
`
	if diff := cmp.Diff(want, out); diff != "" {
		t.Error(diff)
	}
	lines := strings.Split(strings.TrimSpace(read(t, name)), "\n")
	if len(lines) != 1+4*5 {
		t.Errorf("got %d lines of CSV", len(lines))
	}
	if want := "nodes,policies.peers,figure,unit,seeds,mean,low,high"; lines[0] != want {
		t.Errorf("got the head %s", lines[0])
	}
	if want := "100,adaptive,p99Seconds,seconds,5,1.12,1.1003676,1.1396324"; lines[2] != want {
		t.Errorf("got the line %s", lines[2])
	}
}

// A batch runs every setting under every seed, on several workers.
func TestSimSweepJSON(t *testing.T) {
	out, _, err := simCommand(simpleRun, "sweep", "steady", "--param", "nodes=10,20", "--seeds", "3",
		"--seed", "7", "--jobs", "4", "--json")
	if err != nil {
		t.Fatal(err)
	}
	var got []sweepJSON
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		t.Fatal(err)
	}
	if len(got) != 2 || got[1].Params["nodes"] != "20" {
		t.Fatalf("got %+v", got)
	}
	for _, entry := range got {
		if want := []report.Hash{7000, 8000, 9000}; !cmp.Equal(entry.TraceHashes, want) {
			t.Errorf("got hashes %v, want %v", entry.TraceHashes, want)
		}
	}
}

func TestSimCompare(t *testing.T) {
	out, _, err := simCommand(simpleRun, "compare", "steady", "steady", "--seeds", "5",
		"--param-b", "policies.peers=random")
	if err != nil {
		t.Fatal(err)
	}
	// The noise that pairs share cancels out: the interval of the difference
	// is a tenth of those of the means.
	for _, want := range []string{"3 s ± 1.96 ms", "A is better", "5 pairs of runs"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in\n%s", want, out)
		}
	}
	out, _, err = simCommand(simpleRun, "compare", "steady", "steady", "--seeds", "2", "--json")
	if err != nil {
		t.Fatal(err)
	}
	var same []difference
	if err := json.Unmarshal([]byte(out), &same); err != nil {
		t.Fatal(err)
	}
	for _, d := range same {
		if d.Verdict != "" || d.Difference.Mean != 0 {
			t.Errorf("equal runs differ in %s: %+v", d.Figure, d)
		}
	}
	if len(same) != 5 {
		t.Errorf("got %d figures", len(same))
	}
}

// A run that ends with an error stops the others.
func TestSimBatchStops(t *testing.T) {
	failing := errors.New("out of order")
	run := func(ctx context.Context, p *plan.Plan, o simOptions) (*report.Result, error) {
		if p.Seed == 3 {
			return nil, failing
		}
		return simpleRun(ctx, p, o)
	}
	_, _, err := simCommand(run, "sweep", "steady", "--seeds", "100", "--jobs", "2")
	if !errors.Is(err, failing) || !strings.Contains(err.Error(), "--seed 3") {
		t.Errorf("got %v, want the error of seed 3", err)
	}
}

func TestReplayCommand(t *testing.T) {
	got := replayCommand("my file.yaml", []plan.Override{
		{Flag: "--param name", Path: "name", Value: "it's"},
		{Flag: "--nodes", Path: "nodes", Value: "5"},
		{Flag: "--seed", Path: "seed", Value: "1"},
	}, 2)
	want := `noisefs sim run 'my file.yaml' --param 'name=it'\''s' --nodes 5 --seed 2`
	if got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
