package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/noisefs/noisefs/bench"
)

// A file is read from daemons, whole and cheaply, and the profile is kept.
func TestBenchNetReadsAFile(t *testing.T) {
	skipNetworks(t)
	profile := filepath.Join(t.TempDir(), "cold-PEERS.pprof")
	var report bench.NetReport
	decodeJSON(t, must(t, "", "bench", "net", "--json", "--quiet", "--dir", fastTempDir(t),
		"--blocks", "0", "--size", "16MiB", "--peers", "2", "--profile", profile), &report)
	if len(report.Lanes) != 0 || len(report.Cold) != 1 {
		t.Fatalf("got %+v", report)
	}
	cold := report.Cold[0]
	if cold.Peers != 2 || cold.SizeBytes != 16<<20 || cold.MBps <= 0 || cold.CPUPerGiB <= 0 {
		t.Errorf("got %+v", cold)
	}
	// Of so small a file the pool is small, and more randomizers are new.
	if cold.BlocksPerChunk < 1 || cold.BlocksPerChunk > 3 {
		t.Errorf("%g blocks were moved per chunk", cold.BlocksPerChunk)
	}
	total := 0.0
	for _, share := range cold.Top {
		total += share.Share
	}
	if len(cold.Top) == 0 || total <= 0 || total > 1.001 {
		t.Errorf("the shares are %+v", cold.Top)
	}
	if _, err := os.Stat(strings.ReplaceAll(profile, "PEERS", "2")); err != nil {
		t.Error(err)
	}
	for _, args := range [][]string{
		{"--size", "1"}, {"--peers", "0"}, {"--blocks", "-1"}, {"--rounds", "0"},
	} {
		mustFail(t, exitUsage, append([]string{"bench", "net"}, args...)...)
	}
}

func TestBenchDHT(t *testing.T) {
	var report bench.DHTReport
	decodeJSON(t, must(t, "", "bench", "dht", "--json", "--quiet", "--hosts", "3,4", "--keys", "2"),
		&report)
	if len(report.Networks) != 2 || report.Networks[1].Hosts != 4 ||
		report.Networks[1].Provide.Messages < 1 || report.Networks[1].Placement.Messages != 0 {
		t.Errorf("got %+v", report.Networks)
	}
	mustFail(t, exitUsage, "bench", "dht", "--hosts", "1")
	mustFail(t, exitUsage, "bench", "dht", "--keys", "0")
}

// Short measurements of a small network have all figures.
func TestBenchIdleAndChurn(t *testing.T) {
	skipNetworks(t)
	var idle bench.IdleReport
	decodeJSON(t, must(t, "", "bench", "idle", "--json", "--quiet", "--dir", fastTempDir(t),
		"--peers", "1", "--size", "1MiB", "--settle", "0s", "--duration", "2s"), &idle)
	c := idle.Cost
	if c.Peers != 1 || c.MeasuredSeconds != 2 || c.Connections != 1 || c.Streams < 1 ||
		c.MemoryMiB <= 0 || c.Goroutines < 1 || c.Files < 1 {
		t.Errorf("got %+v", c)
	}
	var churn bench.ChurnReport
	decodeJSON(t, must(t, "", "bench", "churn", "--json", "--quiet", "--dir", fastTempDir(t),
		"--stable", "2", "--fickle", "1", "--size", "1MiB", "--every", "1s", "--duration", "4s"), &churn)
	if s := churn.Churned; s.Guests < 1 || s.Returns < 1 || len(s.Series) < 2 {
		t.Errorf("got %+v", s)
	}
	mustFail(t, exitUsage, "bench", "idle", "--peers", "0")
	mustFail(t, exitUsage, "bench", "churn", "--duration", "1s")
}
