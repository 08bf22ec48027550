package main

import (
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
