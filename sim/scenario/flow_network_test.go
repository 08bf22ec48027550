package scenario_test

import (
	"strings"
	"testing"
	"time"

	"github.com/noisefs/noisefs/runtime/shell"
	"github.com/noisefs/noisefs/sim/fleet"
	"github.com/noisefs/noisefs/sim/plan"
	"github.com/noisefs/noisefs/sim/scenario"
)

// networkFlows are the parts of what happens in a network that are drawn:
// what one node's actors say to each other and hear of ports, in a phase of
// the run. The node is the first that has one message and not another.
var networkFlows = []struct {
	title, text string
	phase       string
	roles       []string
	has, hasNot string
}{
	{
		"read, from the network", "Somebody reads what a link opens; other nodes have the blocks.",
		fleet.PhaseMeasured,
		[]string{"user", "drive", "reader", "cache", "store", "fetcher", "scorer"},
		"ReadRange", "",
	},
	{
		"read, at a holder", "Another node asks for blocks that this one holds for the network.",
		fleet.PhaseMeasured,
		[]string{"store", "popularity"},
		"BlocksServed", "ReadRange",
	},
	{
		"spread, at the owner", "New blocks are offered to those that should hold them, and pushed.",
		"set-up: storing",
		[]string{"store", "replication"},
		"BlocksWritten", "",
	},
	{
		"spread, at a holder", "Blocks of others are offered and taken.",
		"set-up: storing",
		[]string{"store", "replication"},
		"HoldReplicas", "BlocksWritten",
	},
}

// nodeFlow is what was said on a node.
type nodeFlow struct {
	node     string
	recorder *scenario.FlowRecorder
}

// recordNetwork runs a network of a few nodes, of which one owns files and
// one reads, and returns what was said on each node by phase, the nodes in
// the order of their first messages.
func recordNetwork(t *testing.T) (flows map[string][]nodeFlow, all *scenario.FlowRecorder) {
	t.Helper()
	p := plan.Default()
	p.Name, p.Nodes = "flow", 8
	p.Network.Preset, p.Node.Domains = plan.PresetLAN, plan.DomainsNone
	p.Warmup, p.Duration, p.Liveness = 2*time.Minute, 30*time.Second, 0
	p.Content.Files, p.Content.Owners = 4, 0.1
	p.Timings.DisperseDelay, p.Timings.PopularityWindow = 5*time.Second, 10*time.Second
	p.Workloads = []plan.Workload{{Kind: plan.WorkReads, Rate: 2, Share: 0.1}}

	phase := ""
	flows, all = map[string][]nodeFlow{}, scenario.NewFlowRecorder()
	recorderOf := func(node string) *scenario.FlowRecorder {
		for _, f := range flows[phase] {
			if f.node == node {
				return f.recorder
			}
		}
		f := nodeFlow{node, scenario.NewFlowRecorder()}
		flows[phase] = append(flows[phase], f)
		return f.recorder
	}
	result, err := fleet.Run(&p, fleet.Options{
		Context:  t.Context(),
		Progress: func(now fleet.Progress) { phase = now.Phase },
		Observe: func(d shell.Delivery) {
			node, _, _ := strings.Cut(d.To.String(), "/")
			if d.To.Role() != "director" && d.From.Role() != "director" { // the run itself
				recorderOf(node).Observe(d)
				all.Observe(d)
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if !result.OK() {
		t.Fatalf("the network that is recorded violates %v", result.InvariantsViolated)
	}
	return flows, all
}

// networkFlow returns the chapters on a network, and all that was said.
func networkFlow(t *testing.T) (string, *scenario.FlowRecorder) {
	t.Helper()
	flows, all := recordNetwork(t)
	var doc strings.Builder
	for _, part := range networkFlows {
		var drawn *scenario.FlowRecorder
		for _, f := range flows[part.phase] {
			if f.recorder.Has(part.has) && (part.hasNot == "" || !f.recorder.Has(part.hasNot)) {
				drawn = f.recorder.Between(part.roles...)
				break
			}
		}
		if drawn == nil {
			t.Fatalf("%s: no node has %s in %q", part.title, part.has, part.phase)
		}
		doc.WriteString("\n## " + part.title + "\n\n" + part.text + "\n\n```mermaid\n" +
			drawn.Sequence() + "```\n")
	}
	return doc.String(), all
}
