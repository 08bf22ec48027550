package blockstore_test

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/noisefs/noisefs/runtime/blockstore"
	"github.com/noisefs/noisefs/runtime/host"
	"github.com/noisefs/noisefs/runtime/port"
	"github.com/noisefs/noisefs/runtime/port/porttest"
)

// victimVariable makes the test binary a victim: its value is the folder of
// a store and a seed.
const victimVariable = "NOISEFS_KILL_VICTIM"

func TestMain(m *testing.M) {
	if order := os.Getenv(victimVariable); order != "" {
		if err := victim(order); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

// Each worker of a victim owns victimEach blocks.
const (
	victimWorkers = 4
	victimEach    = 12
)

// victim works on a store until it is killed. Before each step it writes to
// its output what it is about to do, and afterwards that it is done.
func victim(order string) error {
	path, seedText, _ := strings.Cut(order, "|")
	seed, err := strconv.ParseUint(seedText, 10, 64)
	if err != nil {
		return err
	}
	d, err := host.OpenDisk(path)
	if err != nil {
		return err
	}
	e, err := blockstore.Open(d, testOptions())
	if err != nil {
		return err
	}
	m := newModel(1, victimWorkers*victimEach)
	var wait sync.WaitGroup
	errs := make(chan error, victimWorkers)
	for w := range victimWorkers {
		r := rand.New(rand.NewPCG(seed, uint64(w)))
		wait.Go(func() { errs <- victimWorker(m, e, r, w) })
	}
	return <-errs
}

// victimWorker puts and deletes its own blocks for ever. One write(2) of a
// few bytes to a pipe is whole or not there.
func victimWorker(m *model, e *blockstore.Engine, r *rand.Rand, w int) error {
	for {
		n := w*victimEach + r.IntN(victimEach)
		verb, act := "put", func() error { return e.Put(m.pick([]int{n})) }
		switch r.IntN(12) {
		case 0:
			if _, err := e.Compact(r.Float64(), nil); err != nil {
				return err
			}
			continue
		case 1, 2, 3, 4:
			verb = "del"
			act = func() error { return e.Delete(porttest.CIDsOf(m.pick([]int{n}))) }
		}
		fmt.Printf("try %s %d\n", verb, n)
		if err := act(); err != nil {
			return fmt.Errorf("%s: %w", verb, err)
		}
		fmt.Printf("did %s %d\n", verb, n)
	}
}

// TestKill9 kills a process that puts, deletes and compacts, again and again
// on one store. NOISEFS_KILLS is the number of kills.
func TestKill9(t *testing.T) {
	kills, first := envInt(t, "NOISEFS_KILLS", 10), envInt(t, "NOISEFS_SEED", 1)
	path := filepath.Join(t.TempDir(), "store")
	m := newModel(1, victimWorkers*victimEach)
	steps := 0
	for n := range kills {
		done, err := killOnce(path, uint64(first+n), m)
		if err != nil {
			t.Fatalf("kill %d: %v", n, err)
		}
		steps += done
		d := openHostDisk(t, path)
		e, err := blockstore.Open(d, testOptions())
		if err != nil {
			t.Fatalf("kill %d: %v", n, err)
		}
		if err := errors.Join(e.Check(), m.check(e)); err != nil {
			t.Fatalf("kill %d: %v", n, err)
		}
		// As after a second kill: the repaired store is left without Close.
		if n%2 == 0 {
			must(t, e.Close())
		}
		must(t, d.Close())
	}
	t.Logf("%d kills, %d acknowledged steps", kills, steps)
	if steps < kills {
		t.Errorf("only %d steps were acknowledged", steps)
	}
}

// killOnce runs a victim, kills it after a random number of acknowledgements
// and brings the model up to date.
func killOnce(path string, seed uint64, m *model) (steps int, err error) {
	r := rand.New(rand.NewPCG(seed, 99))
	command := exec.Command(os.Args[0])
	command.Env = append(os.Environ(), fmt.Sprintf("%s=%s|%d", victimVariable, path, seed))
	var complaint strings.Builder
	command.Stderr = &complaint
	output, err := command.StdoutPipe()
	if err != nil {
		return 0, err
	}
	if err := command.Start(); err != nil {
		return 0, err
	}
	lines, stopAfter := bufio.NewScanner(output), 1+r.IntN(300)
	for lines.Scan() {
		var did, verb string
		var n int
		if _, err := fmt.Sscan(lines.Text(), &did, &verb, &n); err != nil {
			break // cut off by the kill
		}
		switch {
		case did == "try" && (verb == "put") == (m.states[n] == absent),
			did == "try" && m.states[n] == unknown:
			m.states[n] = unknown
		case did == "did" && verb == "put":
			m.states[n] = present
		case did == "did":
			m.states[n] = absent
		}
		if did == "did" {
			if steps++; steps == stopAfter {
				if err := command.Process.Kill(); err != nil {
					return steps, err
				}
			}
		}
	}
	_, _ = io.Copy(io.Discard, output)
	if err := command.Wait(); steps < stopAfter {
		return steps, fmt.Errorf("the victim stopped by itself: %w: %s", err, complaint.String())
	}
	return steps, nil
}

func openHostDisk(t *testing.T, path string) *host.Disk {
	t.Helper()
	d, err := host.OpenDisk(path)
	must(t, err)
	t.Cleanup(func() { _ = d.Close() })
	return d
}

// TestConcurrentUse lets many goroutines do everything at once on a real
// directory, each with blocks of its own and some that all have in common.
// It is for the race detector.
func TestConcurrentUse(t *testing.T) {
	const workers, each, steps = 8, 10, 120
	e := openEngine(t, newHostDisk(t), testOptions())
	common := newModel(77, 5)
	var wait sync.WaitGroup
	models := make([]*model, workers)
	for w := range workers {
		models[w] = newModel(uint64(w), each)
		wait.Go(func() {
			if err := concurrentWorker(models[w], common, e, uint64(w), steps); err != nil {
				t.Errorf("worker %d: %v", w, err)
			}
		})
	}
	wait.Wait()
	want := len(common.blocks)
	must(t, e.Put(common.blocks))
	for _, m := range models {
		for n, has := range e.Has(porttest.CIDsOf(m.blocks)) {
			if has != (m.states[n] == present) {
				t.Errorf("block %d: has %v", n, has)
			}
			if has {
				want++
			}
		}
	}
	if got := e.Usage().Blocks; got != int64(want) {
		t.Errorf("usage: %d blocks, want %d", got, want)
	}
}

func concurrentWorker(m, common *model, e *blockstore.Engine, seed uint64, steps int) error {
	r := rand.New(rand.NewPCG(seed, 5))
	buf := make([]byte, testBlockSize)
	for range steps {
		n := r.IntN(len(m.blocks))
		mark := e.Position()
		var err error
		switch r.IntN(8) {
		case 0:
			_, err = e.Compact(r.Float64()/2, nil)
		case 1, 2:
			err = m.remove(e, []int{n})
		case 3:
			err = e.Put(common.blocks)
		case 4:
			_, err = e.Get(m.blocks[n].CID, buf, true)
			if (err == nil) != (m.states[n] == present) {
				return fmt.Errorf("block %d: get: %w", n, err)
			}
			err = nil
		default:
			err = m.put(e, []int{n})
			if err == nil && !e.WrittenSince(m.blocks[n].CID, mark) {
				return fmt.Errorf("block %d is older than its Put", n)
			}
		}
		if err != nil && !errors.Is(err, port.ErrBlockNotFound) {
			return err
		}
		var from [32]byte
		binary.LittleEndian.PutUint64(from[:], r.Uint64())
		e.List(from, 3)
	}
	return nil
}
