package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/noisefs/noisefs/runtime/node"
)

func TestAdvice(t *testing.T) {
	roomy := node.RepoStatus{BlockBytes: 1 << 30, FreeBytes: 1 << 40}
	for name, test := range map[string]struct {
		health nodeHealth
		want   string // in one line of it; empty: none
	}{
		"Alone":     {nodeHealth{Repo: roomy}, ""},
		"Absent":    {nodeHealth{Repo: roomy, Absent: true}, "noisefs daemon"},
		"Empty":     {nodeHealth{}, ""},
		"Full":      {nodeHealth{Repo: node.RepoStatus{BlockBytes: 95, FreeBytes: 5}}, "repo gc"},
		"Damaged":   {nodeHealth{Repo: node.RepoStatus{Damage: &node.Damage{Problems: 7}}}, "7 problems"},
		"Lonely":    {nodeHealth{Repo: roomy, Network: &node.NetworkStatus{Members: 1}}, "net join"},
		"Well":      {nodeHealth{Repo: roomy, Network: &node.NetworkStatus{Members: 5, OfferedBytes: 1}}, ""},
		"Few":       {nodeHealth{Repo: roomy, Network: &node.NetworkStatus{Members: 2, OfferedBytes: 1, UnderReplicated: 7}}, "invite"},
		"Spreading": {nodeHealth{Repo: roomy, Network: &node.NetworkStatus{Members: 9, OfferedBytes: 1, UnderReplicated: 7}}, "running"},
		"Hidden":    {nodeHealth{Repo: roomy, Network: &node.NetworkStatus{Members: 9, OfferedBytes: 1, Undialable: true}}, "router"},
		"Given":     {nodeHealth{Repo: roomy, Network: &node.NetworkStatus{Members: 9, OfferedBytes: 50e6, Replicas: 380}}, "--storage"},
		"Giving":    {nodeHealth{Repo: roomy, Network: &node.NetworkStatus{Members: 9, OfferedBytes: 50e6, Replicas: 370}}, ""},
		"Taker":     {nodeHealth{Repo: roomy, Network: &node.NetworkStatus{Members: 9}}, "storage_bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			got := advise(test.health)
			if test.want == "" && len(got) > 0 ||
				test.want != "" && (len(got) != 1 || !strings.Contains(got[0], test.want)) {
				t.Errorf("got %q, want one with %q", got, test.want)
			}
		})
	}
}

func TestStatus(t *testing.T) {
	dir := newRepository(t)
	must(t, "noise", "put", "-", "--to", "/a")
	if got := must(t, "", "status"); !strings.Contains(got, "health       well") ||
		!strings.Contains(got, "files        1,") || !strings.Contains(got, "alone") {
		t.Errorf("got\n%s", got)
	}
	var health nodeHealth
	decodeJSON(t, must(t, "", "status", "--json", "--repo", dir), &health)
	if health.Network != nil || health.Repo.UserFiles != 1 || len(health.Advice) != 0 {
		t.Errorf("got %+v", health)
	}
	got := must(t, "", "status", "-O", "network.listen=/ip4/127.0.0.1/tcp/0")
	if !strings.Contains(got, "noisefs daemon") || strings.Contains(got, "well") {
		t.Errorf("a node whose daemon does not run is told\n%s", got)
	}
	skipNetworks(t)
	m := startMember(t, filepath.Join(t.TempDir(), "m"))
	if got := must(t, "", "status", "--repo", m.dir); !strings.Contains(got, "net join") {
		t.Errorf("a node without others is told\n%s", got)
	}
}

// A damaged repository is not well until a verification finds nothing.
func TestStatusTellsOfDamage(t *testing.T) {
	dir := newRepository(t)
	must(t, strings.Repeat("noise", 1<<17), "put", "-", "--to", "/a")
	segments, err := filepath.Glob(filepath.Join(dir, "blocks", "*.pack"))
	if err != nil || len(segments) == 0 {
		t.Fatalf("%d segments: %v", len(segments), err)
	}
	data, err := os.ReadFile(segments[0])
	if err != nil {
		t.Fatal(err)
	}
	data[packHeaderBytes+recordHeaderBytes] ^= 1
	if err := os.WriteFile(segments[0], data, 0o600); err != nil {
		t.Fatal(err)
	}
	mustFail(t, exitCorrupt, "repo", "verify")
	got := must(t, "", "status")
	for _, want := range []string{"see below", "noisefs repo verify", "noisefs help damage"} {
		if !strings.Contains(got, want) {
			t.Errorf("status does not say %q:\n%s", want, got)
		}
	}
	must(t, "", "rm", "/a")
	must(t, "", "repo", "gc")
	must(t, "", "repo", "verify")
	if got := must(t, "", "status"); !strings.Contains(got, "health       well") {
		t.Errorf("nothing is damaged any more, and status says\n%s", got)
	}
}
