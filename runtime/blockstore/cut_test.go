package blockstore_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"

	"github.com/noisefs/noisefs/runtime/blockstore"
	"github.com/noisefs/noisefs/runtime/port"
	"github.com/noisefs/noisefs/sim/disk"
)

// script is a workload that meets everything the engine does: Put in one
// segment and across several, Delete, Compact, and Put again. It stops at
// the first error.
func script(m *model, e *blockstore.Engine) error {
	compact := func(share float64) func() error {
		return func() error { _, err := e.Compact(share, nil); return err }
	}
	put := func(which ...int) func() error { return func() error { return m.put(e, which) } }
	remove := func(which ...int) func() error {
		return func() error { return m.remove(e, which) }
	}
	for _, step := range []func() error{
		put(0, 1, 2), put(3), put(4, 5, 6, 7, 8, 9, 10), remove(0, 4), put(11, 12, 0),
		remove(1, 2, 3, 5), compact(0.5), put(1, 2), remove(6, 7, 8, 9, 10), compact(0),
		put(13, 14, 15, 16, 17), remove(13), put(13), remove(0, 1, 2, 11, 12, 14, 15), compact(0.3),
		put(0, 4), remove(0, 4), put(18, 19),
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// scriptBlocks is the number of blocks that script uses.
const scriptBlocks = 20

// TestCutAtEveryOperation runs the script, lets the power go at each disk
// operation in turn, by several seeds, and opens what is left. Then the power
// goes once more, at each operation of that opening.
func TestCutAtEveryOperation(t *testing.T) {
	const seeds = 8
	cuts := 0
	for seed := range uint64(seeds) {
		for n := int64(1); ; n++ {
			d, m := disk.New(disk.Options{Seed: seed<<32 | uint64(n)}), newModel(1, scriptBlocks)
			d.CutAt(n)
			e, err := blockstore.Open(d, testOptions())
			if err == nil {
				err = script(m, e)
			}
			if !d.Off() {
				if err != nil {
					t.Fatalf("without a cut: %v", err)
				}
				break // the script is shorter than n
			}
			if err == nil && e.Put(m.blocks) == nil {
				t.Fatalf("seed %d, cut at %d: Put goes on without power", seed, n)
			}
			cuts++
			if err := cutWhileOpening(d, m, n%7 == 0); err != nil {
				t.Fatalf("seed %d, cut at operation %d: %v", seed, n, err)
			}
		}
	}
	if cuts < 100*seeds {
		t.Errorf("only %d cuts: the script is too short to mean anything", cuts)
	}
}

// cutWhileOpening opens what a power cut left. With thorough, it first cuts
// the power at every operation of the opening.
func cutWhileOpening(d *disk.Disk, m *model, thorough bool) error {
	d = d.Restart()
	for n := int64(1); thorough; n++ {
		d.CutAt(n)
		_, err := blockstore.Open(d, testOptions())
		if !d.Off() {
			if err != nil {
				return fmt.Errorf("open: %w", err)
			}
			d.CutAt(0)
			break
		}
		d = d.Restart()
	}
	e, err := m.reopen(d, testOptions())
	if err != nil {
		return err
	}
	if err := script(m, e); err != nil {
		return fmt.Errorf("going on: %w", err)
	}
	if err := e.Close(); err != nil {
		return fmt.Errorf("close: %w", err)
	}
	_, err = m.reopen(d.Restart(), testOptions())
	return err
}

// envInt reads a number from the environment.
func envInt(t *testing.T, name string, byDefault int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return byDefault
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

// TestRandomCuts runs random workloads through several lives of a store,
// which end by a power cut, a kill, a failing disk or a clean close.
// NOISEFS_CUTS is the number of runs, NOISEFS_SEED the first seed.
func TestRandomCuts(t *testing.T) {
	runs, first := envInt(t, "NOISEFS_CUTS", 2000), envInt(t, "NOISEFS_SEED", 1)
	for seed := first; seed < first+runs; seed++ {
		if err := randomLives(uint64(seed)); err != nil {
			t.Fatalf("%v\nreplay: NOISEFS_SEED=%d NOISEFS_CUTS=1 go test -run TestRandomCuts "+
				"./runtime/blockstore", err, seed)
		}
	}
}

// randomLives is one run of TestRandomCuts.
func randomLives(seed uint64) error {
	const lives, blocks = 4, 24
	r := rand.New(rand.NewPCG(seed, 1))
	opts := testOptions()
	opts.Shuffle = r.Shuffle
	opts.OpenFiles = 2
	d, m := disk.New(disk.Options{Seed: seed}), newModel(seed, blocks)
	for life := range lives {
		e, err := m.reopen(d, opts)
		if err != nil {
			return fmt.Errorf("life %d: %w", life, err)
		}
		cut := r.IntN(2) == 0
		if ops := int64(1 + r.IntN(80)); cut {
			d.CutAt(ops)
		} else if r.IntN(2) == 0 {
			d.FailAt(ops, []error{port.ErrDiskIO, port.ErrDiskFull}[r.IntN(2)])
		}
		if r.IntN(4) == 0 { // a disk that goes on failing
			d.SetFaults(disk.Faults{Change: 0.1 * r.Float64(), Read: 0.1 * r.Float64()})
		}
		for range 1 + r.IntN(25) {
			_ = randomStep(r, m, e) // the model knows what failed
		}
		if r.IntN(2) == 0 {
			_ = e.Close()
		}
		d.FailAt(0, nil)
		d.CutAt(0)
		d.SetFaults(disk.Faults{})
		switch r.IntN(3) {
		case 0:
			d = d.Restart() // power cut
		case 1:
			d = d.Clone() // kill -9
		default:
			if d.Off() {
				d = d.Restart()
			}
		}
	}
	e, err := m.reopen(d, opts)
	if err != nil {
		return fmt.Errorf("the end: %w", err)
	}
	return e.Close()
}

// randomStep does something to a store.
func randomStep(r *rand.Rand, m *model, e *blockstore.Engine) error {
	some := make([]int, 1+r.IntN(1+r.IntN(9)))
	for i := range some {
		some[i] = r.IntN(len(m.blocks))
	}
	switch r.IntN(10) {
	case 0:
		_, err := e.Compact(r.Float64(), nil)
		return err
	case 1, 2, 3, 4:
		return m.remove(e, some)
	default:
		return m.put(e, some)
	}
}
