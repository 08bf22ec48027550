package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/node"
)

// replicas asks a node for the holders of what a path or link leads to.
func (m *member) replicas(target string) []node.BlockReplicas {
	m.t.Helper()
	var all []node.BlockReplicas
	decoder := json.NewDecoder(strings.NewReader(
		must(m.t, "", "replicas", target, "--json", "--repo", m.dir)))
	for decoder.More() {
		var b node.BlockReplicas
		if err := decoder.Decode(&b); err != nil {
			m.t.Fatal(err)
		}
		all = append(all, b)
	}
	return all
}

// Whoever waits for holders has them when put returns, and can see them.
func TestWaitReplicas(t *testing.T) {
	skipNetworks(t)
	members := startNetwork(t, 5)
	first := members[0]
	data := noise(1<<20, 4)
	printed := must(t, string(data), "put", "-", "--to", "/a", "--wait-replicas", "4",
		"--quiet", "--repo", first.dir)
	link, _, _ := strings.Cut(printed, "\t")
	for _, target := range []string{"/a", link} {
		blocks := first.replicas(target)
		if len(blocks) < 8 {
			t.Errorf("%d blocks of 1 MiB", len(blocks))
		}
		for _, b := range blocks {
			if len(b.Others) < 4 || b.Factor < 4 || !b.Watched {
				t.Fatalf("put returned, and of %s: %+v", target, b)
			}
		}
	}
	table := must(t, "", "replicas", "/a", "--repo", first.dir)
	if !strings.Contains(table, "held by 4 others") || !strings.Contains(table, members[1].status().ID.String()) {
		t.Errorf("got\n%s", table)
	}
	for _, m := range members[:4] {
		m.kill()
	}
	members[4].wantFile(link, data)
}

func TestWaitReplicasOfTooFew(t *testing.T) {
	skipNetworks(t)
	first := startNetwork(t, 2)[0]
	got := noisefs(t, "noise", "put", "-", "--to", "/a", "--wait-replicas", "2", "--repo", first.dir)
	if got.code != exitFailure || !strings.Contains(got.err, "the network has 1") {
		t.Errorf("exit code %d: %s", got.code, got.err)
	}
	must(t, "", "cat", "/a", "--repo", first.dir) // it is stored all the same
	for _, n := range []string{"-1", "0"} {
		mustFail(t, exitUsage, "put", "-", "--wait-replicas", n, "--repo", first.dir)
	}
	mustFail(t, exitNotFound, "replicas", "/b", "--repo", first.dir)
	mustFail(t, exitUsage, "replicas", "noisefs:nonsense", "--repo", first.dir)
}

// The lines of --blocks and the summary count alike.
func TestReplicaLines(t *testing.T) {
	other := messages.NodeID{1}
	one := []messages.NodeID{other}
	now := time.Now()
	count := replicaCount{byOthers: map[int]int{}, byNode: map[messages.NodeID]int{}}
	for _, test := range []struct {
		block node.BlockReplicas
		want  string
	}{
		{node.BlockReplicas{Watched: true, Factor: 2, Here: true, Others: one, Looked: now}, "2 of 2\there " + other.String()},
		{node.BlockReplicas{Watched: true, Factor: 2, Others: one, Looked: now}, "1 of 2\t" + other.String()},
		{node.BlockReplicas{Watched: true}, "-\tnot looked at yet"},
		{node.BlockReplicas{}, "-\tnot looked after by this node"},
	} {
		if _, got, _ := strings.Cut(replicaLine(test.block), "\t"); got != test.want {
			t.Errorf("got %q, want %q", got, test.want)
		}
		count.add(test.block)
	}
	if count.blocks != 4 || count.under != 1 || count.unseen != 1 || count.strange != 1 || count.here != 1 ||
		count.byOthers[1] != 2 {
		t.Errorf("counted %+v", count)
	}
}

// Nothing is stored where nobody can hold it.
func TestWaitReplicasOfANodeThatIsAlone(t *testing.T) {
	dir := newRepository(t)
	got := noisefs(t, "noise", "put", "-", "--to", "/a", "--wait-replicas", "1", "--repo", dir)
	if got.code != exitFailure || !strings.Contains(got.err, "nothing was stored") {
		t.Errorf("exit code %d: %s", got.code, got.err)
	}
	mustFail(t, exitNotFound, "stat", "/a", "--repo", dir)
}

func TestReplicasOfANodeThatIsAlone(t *testing.T) {
	dir := newRepository(t)
	must(t, "noise", "put", "-", "--to", "/a", "--repo", dir)
	if got := mustFail(t, exitFailure, "replicas", "/a"); !strings.Contains(got.err, "--listen") {
		t.Errorf("it does not say what to do: %s", got.err)
	}
}
