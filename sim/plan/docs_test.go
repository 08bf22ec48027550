package plan

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/noisefs/noisefs/sim/report"
)

var update = flag.Bool("update", false, "write docs/simulation.md anew")

// The page is made of the declarations, so it cannot say anything else.
func TestDocsAreUpToDate(t *testing.T) {
	path := filepath.Join("..", "..", "docs", "simulation.md")
	want := markdown(t)
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil || string(got) != want {
		t.Errorf("docs/simulation.md is stale (%v): go test ./sim/plan -update", err)
	}
}

const markdownHead = `# Simulation

<!-- Generated from sim/plan and sim/report: go test ./sim/plan -update -->

` + "`noisefs sim`" + ` runs whole networks in one process and in virtual time. The nodes are the
ones that ship; the network between them, their disks, faults and users are simulated. What
happens follows from the scenario and its seed: two runs of a seed have one trace hash, and
their reports and event logs are equal, byte for byte.

` + "```" + `
noisefs sim list                                                    the built-in scenarios
noisefs sim run steady --nodes 300 --seed 7 --report steady.html    run one
noisefs sim check mine.yaml                                         look for mistakes, by line
noisefs sim sweep steady --param nodes=100,300,1000 --seeds 5 --csv out.csv
noisefs sim compare churn churn --param-b policies.peers=random --seeds 10
` + "```" + `

A run has three spans: the set-up (` + "`warmup`" + `), in which nodes join and files are stored and
spread; the measured span (` + "`duration`" + `), in which workloads and faults run and figures are
taken; and the last phase (` + "`liveness`" + `), in which everything is healed and must converge.
Checkers look on all the time. A violated invariant ends the run with exit code 12, an
assertion that does not hold with 13.

## A scenario

` + "```yaml" + `
name: a-bad-day
description: A tenth of the nodes is slow, and then a region is cut off.
nodes: 200
duration: 10m
network:
  preset: internet
workloads:
  - kind: reads
    rate: 0.5
    zipf: 0.8
faults:
  - {at: 1m, kind: slow, share: 0.1, factor: 20}
  - {at: 3m, kind: partition, region: europe, for: 2m}
assertions:
  - {metric: availability, op: ">=", value: 0.99}
  - {metric: p99Seconds, op: "<=", value: 5}
` + "```" + `

Durations are written ` + "`300ms`, `10s`, `1h30m` or `365d`" + `, shares from 0 to 1. Unknown keys,
wrong types, values out of bounds, references to what is not there and settings that cannot
be together are all reported at once, with file, line and column. Items of lists are counted
from 0, so ` + "`--param workloads.0.rate=2`" + ` changes the first workload.

Bounds include their ends. Of keys without a default, the network preset has its own value, or
the item of a list must say it.
`

const markdownPolicy = `
## Add a policy

Scenarios name their policies, so that one of your own is compared with those that are there
in the same network, with the same seeds. How to choose whom to ask for a block is a type with
one method. This one lives in ` + "`actors/scorer`" + `, where it is compiled and tested:

%s
Two lines in ` + "`actors/scorer/policy.go`" + ` give it a name:

` + "```go" + `
	PolicyReliable = "reliable" // the one that failed the least lately

	case PolicyReliable:
		return reliable{}
` + "```" + `

and its name in the list of ` + "`Policies.Peers`" + ` in ` + "`sim/plan/plan.go`" + ` lets scenarios use it:

` + "```" + `
noisefs sim compare slow-nodes slow-nodes --param-b policies.peers=reliable --seeds 10
` + "```" + `

How many copies a block gets is decided in ` + "`nextFactor`" + ` of ` + "`actors/replication`" + `, and what
stays in memory in ` + "`actors/cache`" + `. Scenarios name both likewise.
`

// policyExample is the example of a policy, as it is compiled.
func policyExample(t *testing.T) string {
	t.Helper()
	source, err := os.ReadFile(filepath.Join("..", "..", "actors", "scorer", "own_policy_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	_, after, begins := strings.Cut(string(source), "of a policy of one's own.\n\n")
	example, _, ends := strings.Cut(after, "\n// The policy of the example")
	if !begins || !ends {
		t.Fatal("the example of a policy is not where it was")
	}
	return "```go\n" + example + "```\n"
}

func markdown(t *testing.T) string {
	t.Helper()
	docs := fieldDocs(t)
	d := Default()
	var b strings.Builder
	b.WriteString(markdownHead)
	section := func(title, path string, value any) {
		fmt.Fprintf(&b, "\n## %s\n\n", title)
		b.WriteString("| key | what | allowed | default |\n|---|---|---|---|\n")
		rows(&b, docs, path, reflect.ValueOf(value))
	}
	section("All keys", "", d)
	section("Chaos", "chaos.", defaultChaos())
	section("Workloads", "", defaultWorkload())
	kindRows(&b, workloadKinds, "kind, start, stop")
	section("Faults", "", Fault{})
	kindRows(&b, faultKinds, "kind, at")
	section("Assertions", "", Assertion{})
	b.WriteString("\n## Figures\n\nWhat assertions, sweeps and comparisons name. A figure that a " +
		"run did not measure is absent, and an\nassertion on it does not hold.\n\n" +
		"| figure | unit | what |\n|---|---|---|\n")
	for _, figure := range report.All {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", figure.Figure, figure.Unit, figure.Words)
	}
	fmt.Fprintf(&b, markdownPolicy, policyExample(t))
	return b.String()
}

// rows writes the keys of a struct, and of those within it.
func rows(b *strings.Builder, docs map[string]string, path string, v reflect.Value) {
	for i := range v.NumField() {
		field, value := v.Type().Field(i), v.Field(i)
		key := field.Tag.Get("key")
		doc := docs[v.Type().Name()+"."+field.Name]
		name := path + key
		if value.Kind() == reflect.Struct {
			rows(b, docs, name+".", value)
			continue
		}
		if loss, ok := value.Interface().(*Loss); ok && loss == nil {
			rows(b, docs, name+".", reflect.ValueOf(defaultLoss()))
			continue
		}
		fmt.Fprintf(b, "| `%s` | %s | %s | %s |\n", name, doc, allowed(field), byDefault(field, value))
	}
}

func allowed(field reflect.StructField) string {
	list := ""
	if field.Type.Kind() == reflect.Slice {
		list = words(field.Tag.Get("len")) + " items "
	}
	switch {
	case field.Tag.Get("key") == "kind":
		return "see below"
	case field.Tag.Get("one") != "":
		return list + strings.ReplaceAll(field.Tag.Get("one"), ",", ", ")
	case field.Tag.Get("in") != "":
		return words(field.Tag.Get("in"))
	case list != "":
		return list
	case field.Tag.Get("len") != "":
		return words(field.Tag.Get("len")) + " letters"
	}
	return map[reflect.Kind]string{
		reflect.Bool: "true, false", reflect.Uint64: "a whole number", reflect.Pointer: "see below",
	}[field.Type.Kind()]
}

// byDefault is empty for what a scenario must say, or need not.
func byDefault(field reflect.StructField, v reflect.Value) string {
	switch kind := v.Kind(); {
	case !v.IsZero():
	case kind == reflect.Pointer, kind == reflect.String, kind == reflect.Slice,
		outside("", v, field.Tag) != "":
		return ""
	}
	if d, ok := v.Interface().(time.Duration); ok {
		text := d.String() // 2m0s
		if strings.HasSuffix(text, "m0s") {
			text = strings.TrimSuffix(text, "0s")
		}
		if strings.HasSuffix(text, "h0m") {
			text = strings.TrimSuffix(text, "0m")
		}
		return "`" + text + "`"
	}
	return "`" + strings.Trim(fmt.Sprint(v.Interface()), "[]") + "`"
}

func kindRows(b *strings.Builder, kinds []kind, always string) {
	fmt.Fprintf(b, "\nEvery kind takes %s.\n\n| kind | what happens | needs | takes |\n", always)
	b.WriteString("|---|---|---|---|\n")
	for _, k := range kinds {
		needs := strings.ReplaceAll(strings.Join(k.needs, ", "), "|", " or ")
		fmt.Fprintf(b, "| `%s` | %s | %s | %s |\n", k.name, k.words, needs,
			strings.Join(k.takes, ", "))
	}
}

// fieldDocs returns the comments of the fields in plan.go, by "Type.Field".
// A field without one fails the test.
func fieldDocs(t *testing.T) map[string]string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "plan.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	docs := map[string]string{}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.TypeSpec)
		if !ok {
			return true
		}
		for _, field := range spec.Type.(*ast.StructType).Fields.List {
			name := field.Names[0].Name
			text := strings.Join(strings.Fields(field.Doc.Text()), " ")
			if text == "" {
				t.Errorf("%s.%s has no comment", spec.Name.Name, name)
			}
			// The page names keys, not fields.
			text = strings.TrimSuffix(text, ".")
			text = strings.TrimPrefix(text, name+" ")
			text = strings.TrimPrefix(strings.TrimPrefix(text, "is "), "are ")
			docs[spec.Name.Name+"."+name] = text
		}
		return true
	})
	return docs
}
