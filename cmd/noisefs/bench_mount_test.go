package main

import (
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/noisefs/noisefs/bench"
	"github.com/noisefs/noisefs/bench/drives"
)

// Every row has a value for every file system that is there, and nothing is
// left behind.
func TestBenchMount(t *testing.T) {
	newMountPoint(t) // or there is nothing to measure
	work := fastTempDir(t)
	source := []string{"--source", "testdata"}
	var report bench.MountReport
	decodeJSON(t, must(t, "", append([]string{
		"bench", "mount", "--json", "--quiet", "--dir", work,
		"--size", "8MiB", "--files", "20", "--rounds", "1",
	}, source...)...), &report)
	if len(report.Systems) < 2 || report.Systems[0] != drives.Host ||
		!slices.Contains(report.Systems, drives.Loopback) {
		t.Fatalf("measured were %v, missing %v", report.Systems, report.Missing)
	}
	_, err := exec.LookPath("git")
	for _, result := range report.Results {
		if err != nil && len(result.Median) == 0 && result.Row[:3] == "git" {
			continue
		}
		for _, name := range report.Systems {
			if result.Median[name] <= 0 {
				t.Errorf("%s on %s: %g %s", result.Row, name, result.Median[name], result.Unit)
			}
		}
		if ratio, ok := result.Ratio(drives.Host, drives.Host); !ok || ratio != 1 {
			t.Errorf("the host beside itself is %g, %t", ratio, ok)
		}
	}
	if left, err := filepath.Glob(filepath.Join(work, "*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	for _, args := range [][]string{{"--size", "1"}, {"--files", "0"}, {"--rounds", "0"}} {
		mustFail(t, exitUsage, append([]string{"bench", "mount"}, args...)...)
	}
}
