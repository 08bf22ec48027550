package index

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/noisefs/noisefs/runtime/port"
)

// Environment of the crash test: how often to kill (default killsDefault),
// and where the child works (set by the test for itself).
const (
	killsEnv     = "NOISEFS_KILLS"
	childEnv     = "NOISEFS_INDEX_CRASH_CHILD"
	killsDefault = 10
	crashRows    = 5 // rows of each transaction of the child
)

// runCrashChild turns this process into the child of TestKill, which commits
// until it is killed and prints the number of each durable transaction once
// it is acknowledged. It reports whether it was one.
func runCrashChild() bool {
	dir, from, ok := strings.Cut(os.Getenv(childEnv), "\n")
	if !ok {
		return false
	}
	if err := crashChild(dir, from); err != nil {
		fmt.Println("error:", err)
		os.Exit(1)
	}
	return true
}

func crashChild(dir, from string) error {
	number, err := strconv.Atoi(from)
	if err != nil {
		return err
	}
	x, err := Open(dir, testKeys, smallOptions(nil))
	if err != nil {
		return err
	}
	for ; ; number++ {
		durable := number%3 != 0
		if err := x.Commit(crashTxn(number, durable)); err != nil {
			return err
		}
		if durable {
			fmt.Println(number)
		}
		if number%200 == 100 { // also when many rows are rewritten
			if err := x.Purge(); err != nil {
				return err
			}
		}
	}
}

func crashRow(number, i int) port.RowKey {
	return port.RowKey{
		Table: port.TableInodes, Group: fmt.Append(nil, number), Key: fmt.Append(nil, i),
	}
}

func crashTxn(number int, durable bool) port.Txn {
	txn := port.Txn{Durable: durable}
	for i := range crashRows {
		txn.Changes = append(txn.Changes, port.Change{
			Op: port.OpInsert, Row: crashRow(number, i), Value: make([]byte, 50*i),
		})
	}
	return txn
}

// A process that is killed at any moment loses nothing that it had
// acknowledged as durable, and leaves no half transaction.
func TestKill(t *testing.T) {
	kills := killsDefault
	if text := os.Getenv(killsEnv); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatalf("%s: %v", killsEnv, err)
		}
		kills = n
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	dir := t.TempDir()
	if err := createIndex(t, dir, smallOptions(nil)).Close(); err != nil {
		t.Fatal(err)
	}
	next, acked, last := 0, map[int]bool{}, 0
	for range kills {
		last = killOnce(t, dir, next, 1+random.IntN(150), acked)
		x := openIndex(t, dir, smallOptions(nil))
		next = checkAcked(t, x, acked, last)
		if err := x.Close(); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d kills, %d durable transactions acknowledged", kills, len(acked))
}

// killOnce runs a child from transaction next on, kills it after it has
// acknowledged some, and returns the last number that it acknowledged.
func killOnce(t *testing.T, dir string, next, acks int, acked map[int]bool) int {
	t.Helper()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), fmt.Sprintf("%s=%s\n%d", childEnv, dir, next))
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	last := next
	for seen := 0; lines.Scan(); seen++ {
		number, err := strconv.Atoi(lines.Text())
		if err != nil {
			t.Errorf("child: %s", lines.Text())
			break
		}
		acked[number] = true
		last = number
		if seen == acks {
			// It goes on committing until the signal reaches it; what it
			// still prints counts too.
			if err := child.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	_, _ = io.Copy(io.Discard, out)
	var exit *exec.ExitError
	if err := child.Wait(); !errors.As(err, &exit) {
		t.Errorf("child: %v, want it killed", err)
	}
	return last
}

// checkAcked proves what TestKill promises, and returns the first number
// that is not there: the next child goes on from it.
func checkAcked(t *testing.T, x *Index, acked map[int]bool, last int) int {
	t.Helper()
	number := 0
	for ; ; number++ {
		keys := make([]port.RowKey, crashRows)
		for i := range keys {
			keys[i] = crashRow(number, i)
		}
		values, err := x.Get(keys)
		if err != nil {
			t.Fatalf("get: %v", err)
		}
		there := 0
		for _, value := range values {
			if value != nil {
				there++
			}
		}
		if there != 0 && there != crashRows {
			t.Fatalf("transaction %d: %d of %d rows", number, there, crashRows)
		}
		if there == 0 && acked[number] {
			t.Fatalf("transaction %d was acknowledged and is gone", number)
		}
		if there == 0 {
			break
		}
	}
	if number <= last && acked[last] {
		t.Fatalf("there are %d transactions, but %d was acknowledged", number, last)
	}
	if rows, err := x.Verify(t.Context()); err != nil || rows != int64(number*crashRows) {
		t.Fatalf("verify: %d rows, %v, want %d", rows, err, number*crashRows)
	}
	return number
}

// cutter is a disk whose power goes at the n-th change: what is left is
// cloned at that moment.
type cutter struct {
	*vfs.MemFS
	percent int
	random  *rand.Rand
	// lateLogs holds the creation of logs back, so that what the engine does
	// in the background meanwhile comes first.
	lateLogs bool

	mu        sync.Mutex // the engine works in the background too
	countdown int
	left      *vfs.MemFS
}

// arm lets the power go at the n-th change from now; 0 is never.
func (c *cutter) arm(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.countdown = n
}

func (c *cutter) tick() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.countdown--; c.countdown == 0 {
		c.left = c.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: c.percent, RNG: c.random})
	}
}

func (c *cutter) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	if c.lateLogs && path.Ext(name) == ".log" {
		time.Sleep(3 * time.Millisecond)
	}
	c.tick()
	return c.MemFS.Create(name, category)
}

func (c *cutter) Rename(oldName, newName string) error {
	c.tick()
	err := c.MemFS.Rename(oldName, newName)
	c.tick()
	return err
}

func (c *cutter) Remove(name string) error {
	c.tick()
	return c.MemFS.Remove(name)
}

func (c *cutter) RemoveAll(name string) error {
	c.tick()
	return c.MemFS.RemoveAll(name)
}

func (c *cutter) OpenDir(name string) (vfs.File, error) {
	c.tick()
	return c.MemFS.OpenDir(name)
}

// A power cut at any step of a purge leaves the index whole, old or new.
func TestPurgeCutOff(t *testing.T) {
	cuts := 0
	for step := 1; ; step++ {
		random := rand.New(rand.NewPCG(uint64(step), 3))
		disk := &cutter{
			MemFS: vfs.NewCrashableMem(), percent: 50 * (step % 3), random: random,
		}
		x := createIndex(t, "/index", smallOptions(disk))
		mustInsert(t, x, 0, 31)
		disk.arm(step)
		if err := x.Purge(); err != nil {
			t.Fatalf("purge: %v", err)
		}
		disk.arm(0)
		if err := x.Close(); err != nil {
			t.Fatal(err)
		}
		if disk.left == nil {
			break
		}
		cuts++
		x = openIndex(t, "/index", smallOptions(disk.left))
		wantRows(t, x, 0, 31)
		mustInsert(t, x, 31, 41)
		names, err := disk.left.List("/index")
		if err != nil {
			t.Fatal(err)
		}
		generations := 0
		for _, name := range names {
			if strings.HasPrefix(name, dirPrefix) {
				generations++
			}
		}
		if generations != 1 {
			t.Errorf("step %d: %d generations are left", step, generations)
		}
		if err := x.Close(); err != nil {
			t.Errorf("step %d: close: %v", step, err)
		}
	}
	if cuts < 10 {
		t.Errorf("only %d steps were cut off", cuts)
	}
}

// A kill or a power cut at any step of opening an index, while it recovers
// what the process before left in the log, leaves it whole.
func TestOpenCutOff(t *testing.T) {
	before := vfs.NewCrashableMem()
	x := createIndex(t, "/index", smallOptions(before))
	mustInsert(t, x, 0, 31)
	killed := before.CrashClone(vfs.CrashCloneCfg{
		UnsyncedDataPercent: 100, RNG: rand.New(rand.NewPCG(0, 4)),
	})
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	cuts := 0
	for step := 3; ; step++ {
		disk := &cutter{
			MemFS:   killed.CrashClone(vfs.CrashCloneCfg{}),
			percent: 50 * (step % 3), // 100 is a kill, less a power cut
			random:  rand.New(rand.NewPCG(uint64(step), 4)), lateLogs: true,
		}
		disk.arm(step / 3)
		x := openIndex(t, "/index", smallOptions(disk))
		disk.arm(0)
		if err := x.Close(); err != nil {
			t.Fatal(err)
		}
		if disk.left == nil {
			break
		}
		cuts++
		x, err := Open("/index", testKeys, smallOptions(disk.left))
		if err != nil {
			t.Fatalf("cut at change %d, %d %% of what was not synced is there: %v",
				step/3, disk.percent, err)
		}
		wantRows(t, x, 0, 31)
		if err := x.Close(); err != nil {
			t.Errorf("step %d: close: %v", step, err)
		}
	}
	if cuts < 20 {
		t.Errorf("only %d steps were cut off", cuts)
	}
}
