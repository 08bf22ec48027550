package plan_test

import (
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

func TestParseProblems(t *testing.T) {
	tests := []struct {
		name, file string
		want       string // every line is one problem, in order
	}{
		{"Empty", "", "f.yaml:1:1: the file is empty"},
		{"OnlyComment", "# nothing\n", "f.yaml:1:1: the file is empty"},
		{"NoMapping", "- a\n- b\n", "f.yaml:1:1: a scenario is keys with values\n" +
			"f.yaml:1:1: a scenario has keys of its own: *"},
		{
			"TwoDocuments", "name: a\n---\nname: b\n",
			"f.yaml:3:*: a second document: one is a scenario",
		},
		{"BadSyntax", "name: a\nnodes: [1, 2\n", "f.yaml:2:8: *"},
		{"NoName", "nodes: 10\n", "f.yaml:1:1: a scenario needs a name"},
		{
			"UnknownKey", "name: a\nnods: 10\n",
			`f.yaml:2:1: unknown key "nods": a scenario has name, description, *`,
		},
		{
			"UnknownKeyBelow", "name: a\nnetwork:\n  preset: lan\n  speed: 3\n",
			`f.yaml:4:3: unknown key "speed": network has preset, *`,
		},
		{"SetTwice", "name: a\nnodes: 10\nnodes: 11\n", "f.yaml:3:1: nodes is set a second time"},
		{"NoValue", "name: a\nnodes:\n", "f.yaml:2:*: there is no value here"},
		{
			"Anchor", "name: &x a\ndescription: *x\n",
			"f.yaml:1:1: a scenario needs a name\nf.yaml:1:7: a scenario uses no YAML anchor\n" +
				"f.yaml:2:14: a scenario uses no YAML alias",
		},
		{
			"WrongTypes", "name: a\nnodes: many\nduration: 10\nseed: -1\nnetwork: lan\n" +
				"workloads: reads\n",
			`f.yaml:2:8: nodes is a whole number, not "many"
f.yaml:3:11: duration is a duration like 10s, 5m or 30d, not "10"
f.yaml:4:7: seed is a whole number, not "-1"
f.yaml:5:10: network has keys of its own: preset, *
f.yaml:6:12: workloads is a list`,
		},
		{
			"NumberInQuotes", "name: a\nnodes: \"10\"\n",
			"f.yaml:2:8: nodes is a whole number, not a text: leave out the quotes",
		},
		{
			"OutOfBounds", "name: a\nnodes: 0\nwarmup: 25h\nnode:\n  blockBytes: 1500\n" +
				"network:\n  preset: wan\n  undialable: 1.5\n",
			`f.yaml:2:8: nodes is 0, want 1 to 20000
f.yaml:3:9: warmup is 25h, want 0s to 24h
f.yaml:5:15: node.blockBytes is 1500, want one of 1024, 2048, 4096
f.yaml:7:11: network.preset is wan, want one of lan, planetlab, internet, ipfs-2022, stable-servers
f.yaml:8:15: network.undialable is 1.5, want 0 to 1`,
		},
		{
			"NotANumber", "name: a\nnetwork:\n  jitter: .nan\n  undialable: nan\n",
			`f.yaml:3:11: network.jitter is a number, not ".nan"
f.yaml:4:15: network.undialable is a number, not "nan"`,
		},
		{
			"NoKind", "name: a\nworkloads:\n  - rate: 1\nfaults:\n  - {at: 1s}\n",
			"f.yaml:3:5: workloads.0 needs a kind\nf.yaml:5:6: faults.0 needs a kind",
		},
		{
			"UnknownKind", "name: a\nworkloads:\n  - kind: writes\n    rate: 1\n",
			"f.yaml:3:11: workloads.0.kind is writes, want one of reads, *",
		},
		{
			"KeyOfOtherKind", "name: a\nworkloads:\n  - kind: uploads\n    rate: 1\n    zipf: 1\n",
			"f.yaml:5:11: uploads takes no zipf: it has kind, start, stop, share, rate",
		},
		{
			"KindNeeds", "name: a\nfaults:\n  - {at: 1s, kind: slow}\n" +
				"  - at: 2s\n    kind: liar\n    node: 1\n",
			"f.yaml:3:20: slow needs node or share\nf.yaml:5:11: liar needs lie",
		},
		{
			"EitherOr", "name: a\nfaults:\n  - {at: 1s, kind: partition, share: 0.5, region: europe}\n",
			"f.yaml:3:*: partition is for either region or share",
		},
		{
			"BadReferences", "name: a\nnodes: 5\nfaults:\n  - {at: 1s, kind: crash, node: 5}\n" +
				"workloads:\n  - {kind: flash-crowd, rate: 1, file: 100, factor: 9}\n",
			"f.yaml:4:33: there is no node 5: nodes are 0 to 4\n" +
				"f.yaml:6:40: there is no file 100: content has the files 0 to 99",
		},
		{
			"Late", "name: a\nduration: 1m\nfaults:\n  - {at: 60s, kind: massacre, share: 0.5}\n" +
				"workloads:\n  - kind: reads\n    rate: 1\n    start: 30s\n    stop: 20s\n",
			"f.yaml:4:10: at is 1m0s, but the run takes 1m0s\n" +
				"f.yaml:9:11: stop is 20s, but start is 30s",
		},
		{
			"NobodyAndAll", "name: a\nfaults:\n  - {at: 1s, kind: massacre, share: 1}\n" +
				"  - {at: 1s, kind: slow, share: 0, factor: 2}\n",
			"f.yaml:3:37: a massacre leaves somebody\nf.yaml:4:33: a share of 0 is nobody",
		},
		{
			"Impossible", "name: a\nnodes: 9\nnetwork:\n  topology: k-regular\n  degree: 3\n" +
				"policies:\n  replication: fixed\nchurn:\n  model: stable\n  sigma: 1\n" +
				"content:\n  blocksPerFile: {median: 9, max: 8}\n  owners: 0.1\n",
			`f.yaml:5:11: no network of 9 nodes has the odd degree 3
f.yaml:7:16: replication fixed needs a factor
f.yaml:10:10: sigma counts in model sessions only
f.yaml:12:*: median is 9, but max is 8
f.yaml:13:11: of 9 nodes, a share of 0.1 owns files: that is nobody`,
		},
		{
			"NoRegions", "name: a\nnetwork: {preset: lan, topology: regional}\n" +
				"faults:\n  - {at: 1s, kind: partition, region: europe}\n",
			"f.yaml:2:34: the preset lan has no regions\n" +
				"f.yaml:4:39: a network of preset lan or with a matrix has no regions",
		},
		{
			"Assertions", "name: a\nassertions:\n  - {metric: speed, op: '>=', value: 1}\n" +
				"  - {metric: reads, op: '=>', value: 1}\n  - {metric: reads, op: '>='}\n",
			`f.yaml:3:14: no figure is called "speed": there are reads, *
f.yaml:4:25: assertions.1.op is =>, want one of >=, <=, >, <, ==
f.yaml:5:6: an assertion needs value`,
		},
		{
			"Chaos", "name: a\nchaos:\n  kinds: [crash, fire]\n  every: 1ms\n",
			"f.yaml:3:18: chaos.kinds.1 is fire, want one of crash, *\n" +
				"f.yaml:4:10: chaos.every is 1ms, want 100ms to 24h",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := plan.Parse("f.yaml", []byte(test.file))
			if !errors.Is(err, plan.ErrInvalid) {
				t.Fatalf("got error %v, want ErrInvalid", err)
			}
			got, want := strings.Split(err.Error(), "\n"), strings.Split(test.want, "\n")
			if len(got) != len(want) {
				t.Fatalf("got %d problems, want %d:\n%s", len(got), len(want), err)
			}
			for i := range got {
				if !matches(got[i], want[i]) {
					t.Errorf("problem %d:\n got %s\nwant %s", i, got[i], want[i])
				}
			}
		})
	}
}

// matches compares a line with a pattern, in which * is any text.
func matches(line, pattern string) bool {
	first, rest, wild := strings.Cut(pattern, "*")
	line, ok := strings.CutPrefix(line, first)
	if !wild || !ok {
		return ok && line == ""
	}
	for i := range len(line) + 1 {
		if matches(line[i:], rest) {
			return true
		}
	}
	return false
}

const complete = `# Every form of value once.
name: complete
description: |
  Two
  lines.
seed: 18446744073709551615
nodes: 1_000
duration: 1h30m
network:
  preset: ipfs-2022
  topology: k-regular
  degree: 8
  undialable: 0
  loss: {rate: 0.01}
  clockSkew: 2s
policies: {replication: fixed, factor: 5}
timings:
  lease: 365d
workloads:
  - kind: flash-crowd
    rate: 0.1
    file: 0
    factor: 100
    over: 10s
faults:
  - {at: 10s, kind: partition, region: europe, oneWay: true, for: 10m}
chaos: {every: 1s}
assertions:
  - metric: p99Seconds
    op: "<="
    value: 2
`

func TestParseComplete(t *testing.T) {
	got, err := plan.Parse("f.yaml", []byte(complete))
	if err != nil {
		t.Fatal(err)
	}
	none, skew, file := 0.0, 2*time.Second, 0
	want := plan.Default()
	want.Name, want.Description = "complete", "Two\nlines.\n"
	want.Seed, want.Nodes, want.Duration = 1<<64-1, 1000, 90*time.Minute
	want.Network = plan.Network{
		Preset: plan.PresetIPFS2022, Topology: plan.TopologyKRegular, Degree: 8,
		Undialable: &none, Loss: &plan.Loss{Rate: 0.01, Burst: 1}, ClockSkew: &skew,
	}
	want.Policies.Replication, want.Policies.Factor = plan.ReplicationFixed, 5
	want.Timings.Lease = 365 * 24 * time.Hour
	want.Workloads = []plan.Workload{{
		Kind: plan.WorkFlashCrowd, Rate: 0.1, File: &file, Factor: 100, Over: 10 * time.Second,
		Share: 1,
	}}
	want.Faults = []plan.Fault{{
		At: 10 * time.Second, Kind: plan.FaultPartition, Region: "europe", OneWay: true,
		For: 10 * time.Minute,
	}}
	want.Chaos = &plan.Chaos{
		Every: time.Second, For: 30 * time.Second, ShareMax: 0.3,
		Kinds: []plan.FaultKind{"crash", "partition", "slow", "disk-full", "corrupt"},
	}
	want.Assertions = []plan.Assertion{{Metric: report.P99Seconds, Op: "<=", Value: 2}}
	if diff := cmp.Diff(want, *got); diff != "" {
		t.Error(diff)
	}
}

func TestOverrides(t *testing.T) {
	set := func(path, value string) plan.Override {
		return plan.Override{Flag: "--param " + path, Path: path, Value: value}
	}
	p, err := plan.Parse("f.yaml", []byte(complete), set("nodes", "50"),
		set("churn.model", "stable"), set("workloads.0.rate", "2.5"), set("node.cacheBlocks", "7"))
	if err != nil {
		t.Fatal(err)
	}
	if p.Nodes != 50 || p.Churn.Model != plan.ChurnStable || p.Workloads[0].Rate != 2.5 ||
		p.Node.CacheBlocks != 7 {
		t.Errorf("got %d nodes, churn %q, rate %g, cache %d", p.Nodes, p.Churn.Model,
			p.Workloads[0].Rate, p.Node.CacheBlocks)
	}
	tests := []struct {
		path, value string
		is          error
		want        string
	}{
		{"nods", "5", plan.ErrInvalid, `--param nods: unknown key "nods": *`},
		{"nodes", "many", plan.ErrInvalid, `--param nodes: nodes is a whole number, not "many"`},
		{"nodes", "3", plan.ErrInvalid, `f.yaml:12:11: degree is 8, with 3 nodes want 2 at most
f.yaml:16:40: factor is 5, with 3 nodes`},
		{"nodes.more", "3", plan.ErrOverride, "*: --param nodes.more: nodes has no keys"},
		{"workloads.1.rate", "3", plan.ErrOverride, "*workloads has the items 0 to 0, not \"1\""},
		{"", "3", plan.ErrInvalid, `--param : unknown key "": *`},
	}
	for _, test := range tests {
		t.Run(test.path+"="+test.value, func(t *testing.T) {
			_, err := plan.Parse("f.yaml", []byte(complete), set(test.path, test.value))
			if !errors.Is(err, test.is) || !matches(err.Error(), test.want) {
				t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
}

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "mine.yaml")
	write(t, name, "name: mine\nnetwork:\n  matrix: data/rtt.tsv\n")
	p, err := plan.Load(name)
	if err != nil {
		t.Fatal(err)
	}
	if want := filepath.Join(dir, "data", "rtt.tsv"); p.Network.Matrix != want {
		t.Errorf("got matrix %s, want %s", p.Network.Matrix, want)
	}
	if _, err := plan.Load("no-such-scenario"); !errors.Is(err, plan.ErrUnknown) {
		t.Errorf("got %v, want ErrUnknown", err)
	}
	if _, err := plan.Load(dir); err == nil || errors.Is(err, plan.ErrUnknown) {
		t.Errorf("got %v for a folder", err)
	}
	long := filepath.Join(dir, "long.yaml")
	write(t, long, "name: long\n"+strings.Repeat("# comment\n", 110_000))
	if _, err := plan.Load(long); !errors.Is(err, plan.ErrInvalid) {
		t.Errorf("got %v for a file that is too long", err)
	}
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// Every built-in is a good scenario, by the name of its file, and says what
// must come of it.
func TestBuiltins(t *testing.T) {
	for _, name := range plan.Builtins() {
		t.Run(name, func(t *testing.T) {
			p, err := plan.Load(name)
			if err != nil {
				t.Fatal(err)
			}
			if p.Name != name || p.Description == "" || len(p.Assertions) == 0 {
				t.Errorf("name %q, description %q, %d assertions", p.Name, p.Description,
					len(p.Assertions))
			}
			if _, err := plan.Load(name, plan.Override{
				Flag: "--nodes", Path: "nodes", Value: "1000",
			}); err != nil {
				t.Error("with 1,000 nodes:", err)
			}
			if _, err := plan.Load(name, plan.Override{
				Flag: "--nodes", Path: "nodes", Value: "30",
			}); err != nil {
				t.Error("with 30 nodes:", err)
			}
		})
	}
}

func TestJudge(t *testing.T) {
	p := &plan.Plan{Assertions: []plan.Assertion{
		{Metric: report.Availability, Op: ">=", Value: 0.99},
		{Metric: report.P99Seconds, Op: "<", Value: 2},
		{Metric: report.Reads, Op: "==", Value: 10},
		{Metric: report.Hedges, Op: "<=", Value: 3},
		{Metric: report.Hedges, Op: ">", Value: 3},
		{Metric: report.BlocksLost, Op: "==", Value: 0},
	}}
	figures := report.Figures{}
	figures.Set(report.Availability, 0.99)
	figures.Set(report.P99Seconds, 2)
	figures.Set(report.Reads, 10)
	figures.Set(report.Hedges, 3)
	r := &report.Result{Figures: figures}
	p.Judge(r)
	var got []bool
	for _, a := range r.Assertions {
		got = append(got, a.OK)
	}
	// The last figure was not measured, which is not zero.
	if want := []bool{true, false, true, true, false, false}; !cmp.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if last := r.Assertions[5]; last.Got != nil {
		t.Errorf("got %v for what was not measured", *last.Got)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(complete))
	f.Add([]byte("name: a\nnodes: {1: [&a *a]}\n"))
	f.Add([]byte("? [a]\n: b\n<<: *c\n- !!x |\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := plan.Parse("f.yaml", data)
		if (p == nil) == (err == nil) {
			t.Errorf("got %v and %v", p, err)
		}
		if err != nil && !errors.Is(err, plan.ErrInvalid) {
			t.Errorf("got %v, want ErrInvalid", err)
		}
	})
}
