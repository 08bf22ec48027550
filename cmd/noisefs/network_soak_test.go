package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/noisefs/noisefs/bench/daemons"
)

// soakNetwork is the long test of daemons on one machine: how many there are,
// how much is stored, how many of them die, and how often all that is done.
const (
	soakDaemons = 20
	soakMiB     = 256
	soakDead    = 2
	soakRounds  = 10
	soakReaders = 3 // of those that are left
)

// TestSoakDaemons stores through one of 20 daemons, waits until three others
// hold every block, kills any two, and reads through some of the rest.
// NOISEFS_NETWORK_MIB and NOISEFS_NETWORK_ROUNDS make it smaller.
func TestSoakDaemons(t *testing.T) {
	needSoak(t)
	size := soakNumber(t, "NOISEFS_NETWORK_MIB", soakMiB) << 20
	for round := range soakNumber(t, "NOISEFS_NETWORK_ROUNDS", soakRounds) {
		t.Run(fmt.Sprint(round), func(t *testing.T) {
			draw := rand.New(rand.NewPCG(uint64(round), 20))
			members := startNetwork(t, soakDaemons)
			data := noise(size, byte(round))
			printed := must(t, string(data), "put", "-", "--wait-replicas", "3", "--quiet",
				"--repo", members[draw.IntN(soakDaemons)].dir)
			link, _, _ := strings.Cut(printed, "\t")
			draw.Shuffle(len(members), func(i, j int) {
				members[i], members[j] = members[j], members[i]
			})
			for _, m := range members[:soakDead] {
				m.kill()
			}
			for _, m := range members[soakDead : soakDead+soakReaders] {
				m.wantFile(link, data)
			}
			for _, m := range members[soakDead:] {
				m.stop()
			}
		})
	}
}

// soakNumber reads a number from the environment.
func soakNumber(t *testing.T, name string, otherwise int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

// What a daemon may have more of in the last quarter of the churn than in the
// second one, in which it has settled: whatever leaks grows with each of some
// hundred daemons that come and go, and at least doubles.
const (
	churnMinutes = 20
	churnGrown   = 1.3
)

// TestSoakChurn lets daemons come and go for NOISEFS_CHURN_MINUTES, and compares
// what those that stay have open.
func TestSoakChurn(t *testing.T) {
	needSoak(t)
	minutes := soakNumber(t, "NOISEFS_CHURN_MINUTES", churnMinutes)
	executable, err := exec.LookPath("noisefs")
	if err != nil {
		t.Fatal(err)
	}
	churned, err := daemons.Churn(t.Context(), daemons.ChurnOptions{
		Dir: fastTempDir(t), Executable: executable, Stable: 6, Fickle: 4, SizeBytes: 4 << 20,
		Duration: time.Duration(minutes) * time.Minute, Every: 15 * time.Second,
		Say: func(what string) { t.Log(what) },
	})
	if err != nil {
		t.Fatal(err)
	}
	for what, grown := range churned.Grown() {
		t.Logf("%s: %.2f of what it was", what, grown)
		if grown > churnGrown {
			t.Errorf("%s grew to %.2f of what it was, want at most %g", what, grown, churnGrown)
		}
	}
}
