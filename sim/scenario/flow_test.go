package scenario_test

import (
	"bytes"
	"flag"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/shell"
	"github.com/noisefs/noisefs/sim"
	"github.com/noisefs/noisefs/sim/scenario"
)

var update = flag.Bool("update", false, "write docs/message-flow.md anew")

const flowFile = "../../docs/message-flow.md"

const flowHead = `# Who sends what to whom

Generated from recorded runs of the whole node in the simulated world, by
"go test ./sim/scenario -run Generated -update"; a test fails when it is stale. A message is
shown where one of its type passes for the first time: real runs repeat most of them, many at a
time. Solid arrows are commands, dashed ones replies and the answers of ports (Workers: hashing,
sealing and mixing; Index: the database; Blocks: the block store), open ones events.
`

const flowNetworkHead = `
# In a network

Recorded from eight nodes, of which one stores files and another reads them: what the actors of one
node say to each other, and what they hear of Net (packets of other nodes) and Gossip. The user is
the simulation's; the chapters leave out actors that they are not about.
`

// flowRuns are what is recorded.
var flowRuns = []struct {
	title, text string
	before, run func(s *scenario.Session)
}{
	{
		"put", "A file of 100 blocks, in a drive that has some files already.",
		func(s *scenario.Session) { putFlow(s, "/first") },
		func(s *scenario.Session) { putFlow(s, "/second") },
	},
	{
		"get", "The same file, read after the node was started anew.",
		func(s *scenario.Session) { putFlow(s, "/first") },
		func(s *scenario.Session) {
			wantFile(s, scenario.At("/first"), flowFileOf("/first").Data)
		},
	},
	{
		"put -r", "A tree with directories, small files that share packs, and a large file.",
		func(s *scenario.Session) { putFlow(s, "/first") },
		func(s *scenario.Session) {
			_, err := s.PutTree("tree", library(), messages.Place{Path: "/tree"})
			if err != nil {
				s.Broken("put a tree: %v", err)
			}
		},
	},
	{
		"collect", "What a removed file needed is freed.",
		func(s *scenario.Session) {
			putFlow(s, "/first")
			putFlow(s, "/second")
			if err := s.Remove("/first", false); err != nil {
				s.Broken("remove: %v", err)
			}
		},
		func(s *scenario.Session) {
			if collected, err := s.Collect(); err != nil || collected.FreedBlocks == 0 {
				s.Broken("collect: %d blocks, %v", collected.FreedBlocks, err)
			}
		},
	},
}

func flowFileOf(path string) *scenario.Item {
	data := bytes.Repeat([]byte(path), 100*scenario.BlockSize/len(path))
	return scenario.NewFile(data, attributes(1))
}

func putFlow(s *scenario.Session, path string) {
	if _, err := s.PutFile("n", flowFileOf(path), messages.Place{Path: path}); err != nil {
		s.Broken("put: %v", err)
	}
}

// TestMessageFlowGenerated draws the message flow and compares it with what
// the documentation has.
func TestMessageFlowGenerated(t *testing.T) {
	var doc strings.Builder
	doc.WriteString(flowHead)
	all := scenario.NewFlowRecorder()
	for _, r := range flowRuns {
		recorder := scenario.NewFlowRecorder()
		recording := false
		h := newHouse(t, scenario.Options{Seed: 1, InOrder: true, Observe: func(d shell.Delivery) {
			if recording {
				recorder.Observe(d)
			}
		}})
		run(t, h, r.before)
		if err := h.Restart(); err != nil {
			t.Fatal(err)
		}
		if err := h.World.Run(time.Second); err != nil { // the start is over
			t.Fatal(err)
		}
		recording = true
		run(t, h, r.run)
		all.Add(recorder)
		doc.WriteString("\n## " + r.title + "\n\n" + r.text + "\n\n```mermaid\n" +
			recorder.Sequence() + "```\n")
	}
	doc.WriteString("\n## All commands and events of these\n\n```mermaid\n" +
		sim.DrawFlows(all.Flows()) + "```\n")
	chapters, all := networkFlow(t)
	doc.WriteString(flowNetworkHead + chapters)
	doc.WriteString("\n## All commands and events of a node in a network\n\n```mermaid\n" +
		sim.DrawFlows(all.Flows()) + "```\n")
	if *update {
		if err := os.WriteFile(flowFile, []byte(doc.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(flowFile)
	if err != nil || string(got) != doc.String() {
		t.Errorf("%s is stale (%v): run go test ./sim/scenario -run Generated -update", flowFile, err)
	}
}
