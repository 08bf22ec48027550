package blockstore_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/blockstore"
	"github.com/noisefs/noisefs/runtime/port"
	"github.com/noisefs/noisefs/runtime/port/porttest"
	"github.com/noisefs/noisefs/sim/disk"
)

func openEngine(t *testing.T, d port.Disk, opts blockstore.Options) *blockstore.Engine {
	t.Helper()
	e, err := blockstore.Open(d, opts)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	t.Cleanup(func() { _ = e.Close() })
	return e
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantError(t *testing.T, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Fatalf("got error %v, want %v", got, want)
	}
}

// upTo returns 0..n-1.
func upTo(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}

func TestOptions(t *testing.T) {
	for name, opts := range map[string]blockstore.Options{
		"TinyBlocks":   {BlockSize: 1},
		"HugeBlocks":   {BlockSize: 1 << 30},
		"TinySegments": {SegmentBytes: 1000},
		"HugeSegments": {BlockSize: 64, SegmentBytes: 1 << 50},
		"NoFiles":      {OpenFiles: -1},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := blockstore.Open(disk.New(disk.Options{}), opts); err == nil {
				t.Error("Open: no error")
			}
		})
	}
	must(t, blockstore.Options{}.EnsureDefaults().Validate())
}

func TestRefusesNewerVersion(t *testing.T) {
	d := disk.New(disk.Options{})
	must(t, openEngine(t, d, testOptions()).Close())
	must(t, d.Remove("format"))
	newer, err := d.Create("format")
	must(t, err)
	_, err = newer.Append(blockstore.FormatFile(blockstore.Version+1, testBlockSize))
	must(t, err)
	_, err = blockstore.Open(d, testOptions())
	wantError(t, err, port.ErrRepoNewer)
	if want := fmt.Sprint("version ", blockstore.Version+1); !strings.Contains(err.Error(), want) {
		t.Errorf("the error does not say %q: %v", want, err)
	}
}

func TestRefusesOtherBlockSize(t *testing.T) {
	d := disk.New(disk.Options{})
	must(t, openEngine(t, d, testOptions()).Close())
	other := testOptions()
	other.BlockSize *= 2
	other.SegmentBytes *= 2
	_, err := blockstore.Open(d, other)
	wantError(t, err, port.ErrBlockSize)
}

func TestFullDisk(t *testing.T) {
	const capacity, reserve = 16 << 10, 4 << 10
	opts := testOptions()
	opts.Reserve = reserve
	d, m := disk.New(disk.Options{Capacity: capacity}), newModel(1, 80)
	e := openEngine(t, d, opts)
	stored := 0
	for ; stored < 80; stored++ {
		if err := m.put(e, []int{stored}); err != nil {
			wantError(t, err, port.ErrDiskFull)
			break
		}
	}
	if stored < 20 || stored == 80 {
		t.Fatalf("the disk is full after %d blocks", stored)
	}
	free, err := d.Free()
	if err != nil || free < reserve {
		t.Fatalf("%d bytes are free, %d are reserved", free, reserve)
	}
	must(t, m.check(e))
	// Deleting and compacting use the reserve, and make room.
	for i := 0; i < stored; i += 2 {
		must(t, m.remove(e, []int{i}))
	}
	freed, err := e.Compact(0, nil)
	if err != nil || freed <= 0 {
		t.Fatalf("Compact: freed %d, %v", freed, err)
	}
	must(t, m.put(e, []int{70, 71}))
	must(t, m.check(e))
	must(t, e.Close())
	_, err = m.reopen(d, opts)
	must(t, err)
}

// unknowingDisk does not tell that it is full.
type unknowingDisk struct{ *disk.Disk }

func (unknowingDisk) Free() (int64, error) { return 1 << 40, nil }

// TestDiskFullInTheMiddle lets the disk be full at every byte of a Put that
// does not know of it beforehand, because others write to the disk too.
func TestDiskFullInTheMiddle(t *testing.T) {
	start, m := disk.New(disk.Options{}), newModel(1, 12)
	e := openEngine(t, start, testOptions())
	must(t, m.put(e, []int{0, 1, 2, 3, 4}))
	must(t, m.remove(e, []int{0}))
	must(t, e.Close())
	used, err := diskBytes(start)
	must(t, err)
	failed := 0
	for extra := int64(0); extra < 2600; extra += 13 {
		d := start.Clone()
		again := &model{blocks: m.blocks, states: slices.Clone(m.states)}
		e := openEngine(t, unknowingDisk{d}, testOptions())
		d.SetCapacity(used + extra)
		if err := again.put(e, []int{5, 6, 7, 8, 9, 10}); err != nil {
			failed++
			wantError(t, err, port.ErrDiskFull)
			must(t, again.check(e))
			d.SetCapacity(used + 4096)
			must(t, again.put(e, []int{5, 6}))
		}
		must(t, again.check(e))
		d.SetCapacity(0)
		must(t, again.remove(e, []int{1, 5}))
		must(t, e.Close())
		_, err := again.reopen(d, testOptions())
		must(t, err)
	}
	if failed < 50 {
		t.Errorf("the disk was full only %d times", failed)
	}
}

func TestSmallerPutSucceedsOnAlmostFullDisk(t *testing.T) {
	d, m := disk.New(disk.Options{Capacity: 3000}), newModel(1, 20)
	e := openEngine(t, d, testOptions())
	wantError(t, m.put(e, upTo(20)), port.ErrDiskFull)
	must(t, m.put(e, []int{0}))
	must(t, m.check(e))
}

func TestFailedSyncEndsWriting(t *testing.T) {
	for _, cause := range []error{port.ErrDiskIO, port.ErrDiskFull, port.ErrDiskReadOnly} {
		t.Run(cause.Error(), func(t *testing.T) {
			d, m := disk.New(disk.Options{Seed: 3}), newModel(1, 10)
			e := openEngine(t, d, testOptions())
			must(t, m.put(e, []int{0, 1, 2}))
			d.FailAt(2, cause) // append, then sync
			wantError(t, m.put(e, []int{3, 4}), port.ErrEngineFailed)
			wantError(t, e.Put(m.pick([]int{5})), port.ErrEngineFailed)
			wantError(t, e.Delete(porttest.CIDsOf(m.pick([]int{0}))), port.ErrEngineFailed)
			_, err := e.Compact(0, nil)
			wantError(t, err, port.ErrEngineFailed)
			wantError(t, err, cause)
			for _, b := range m.pick([]int{0, 1, 2}) {
				got, err := e.Get(b.CID, nil, true)
				if err != nil || !bytes.Equal(got, b.Data) {
					t.Errorf("Get after failure: %v", err)
				}
			}
			must(t, e.Close())
			// Reopening the disk as it is must not take for durable what the
			// failed sync has lost.
			e, err = m.reopen(d, testOptions())
			must(t, err)
			must(t, m.put(e, []int{3, 4}))
			_, err = m.reopen(d.Restart(), testOptions())
			must(t, err)
		})
	}
}

func TestReadOnlyDiskServesReads(t *testing.T) {
	d, m := disk.New(disk.Options{Seed: 4}), newModel(1, 10)
	e := openEngine(t, d, testOptions())
	must(t, m.put(e, upTo(10)))
	must(t, m.remove(e, []int{2}))
	d = d.Clone() // a killed process: there is something to repair
	d.SetFaults(disk.Faults{Change: 1, Err: port.ErrDiskReadOnly})
	e, err := m.reopen(d, testOptions())
	must(t, err)
	err = e.Put(newModel(2, 1).blocks)
	wantError(t, err, port.ErrEngineFailed)
	wantError(t, err, port.ErrDiskReadOnly)
}

// TestDamagedBlockIsReplaced is how a corrupt block is healed: it is deleted
// and put again. Until then nothing removes it, and compaction goes on
// around it.
func TestDamagedBlockIsReplaced(t *testing.T) {
	d, m := disk.New(disk.Options{}), newModel(1, 21)
	e := openEngine(t, d, testOptions())
	must(t, m.put(e, upTo(7)))
	must(t, m.put(e, []int{7, 8, 9, 10, 11, 12, 13}))
	must(t, m.put(e, []int{14}))
	must(t, d.Corrupt("0000000001.pack", 64+64+10, 1)) // data of some block of 0..6
	rotten := -1
	for n := range 7 {
		_, err := e.Get(m.blocks[n].CID, nil, true)
		if errors.Is(err, port.ErrBlockCorrupt) {
			rotten = n
		}
	}
	if rotten < 0 {
		t.Fatal("no block is corrupt")
	}
	if _, err := e.Get(m.blocks[rotten].CID, nil, false); err != nil {
		t.Errorf("Get without verify: %v", err)
	}
	must(t, m.remove(e, []int{(rotten + 1) % 7, (rotten + 2) % 7, 7, 8}))
	freed, err := e.Compact(0, nil)
	wantError(t, err, port.ErrBlockCorrupt)
	if freed <= 0 {
		t.Error("compaction stopped at the corrupt block")
	}
	freed, err = e.Compact(0, nil)
	if freed != 0 || err != nil {
		t.Errorf("Compact again: freed %d, %v, want nothing to do", freed, err)
	}
	must(t, m.remove(e, []int{rotten}))
	must(t, m.put(e, []int{rotten}))
	if freed, err := e.Compact(0, nil); err != nil || freed <= 0 {
		t.Errorf("Compact after healing: freed %d, %v", freed, err)
	}
	must(t, m.check(e))
	must(t, e.Close())
	_, err = m.reopen(d, testOptions())
	must(t, err)
}

func TestLostPackIsReported(t *testing.T) {
	d, m := disk.New(disk.Options{}), newModel(1, 10)
	e := openEngine(t, d, testOptions())
	must(t, m.put(e, upTo(10)))
	must(t, m.remove(e, []int{3}))
	must(t, e.Close())
	must(t, d.Remove("0000000001.pack"))
	for range 2 { // and it stays reported
		e, err := blockstore.Open(d, testOptions())
		must(t, err)
		damage := e.Check()
		wantError(t, damage, port.ErrBlockCorrupt)
		lost := 0
		for n, b := range m.blocks {
			_, err := e.Get(b.CID, nil, true)
			reported := strings.Contains(damage.Error(), b.CID.String())
			if gone := errors.Is(err, port.ErrBlockNotFound) && n != 3; gone != reported {
				t.Fatalf("block %d: gone %v, reported %v", n, gone, reported)
			} else if gone {
				lost++
			}
		}
		if lost < 6 {
			t.Fatalf("%d blocks are lost, want 6 or 7", lost)
		}
		must(t, e.Close())
	}
	// Putting the blocks again heals the store.
	e = openEngine(t, d, testOptions())
	must(t, m.put(e, []int{0, 1, 2, 4, 5, 6, 7, 8, 9}))
	must(t, e.Check())
	must(t, m.check(e))
	must(t, e.Close())
	_, err := m.reopen(d, testOptions())
	must(t, err)
}

// A lost pack is a thousand lost blocks, and not as many lines of log.
func TestLostPackIsLoggedShortly(t *testing.T) {
	d, m, opts := disk.New(disk.Options{}), newModel(1, 100), testOptions()
	opts.SegmentBytes = 64 + 100*(64+testBlockSize)
	e := openEngine(t, d, opts)
	must(t, m.put(e, upTo(100)))
	must(t, e.Close())
	must(t, d.Remove("0000000001.pack"))
	var said bytes.Buffer
	opts.Log = slog.New(slog.NewTextHandler(&said, nil))
	e = openEngine(t, d, opts)
	wantError(t, e.Check(), port.ErrBlockCorrupt)
	if lines := strings.Count(said.String(), "\n"); lines < 2 || lines > 10 {
		t.Errorf("%d lines of log:\n%s", lines, said.String())
	}
	if !strings.Contains(said.String(), "more damage") {
		t.Errorf("it does not say that there is more:\n%s", said.String())
	}
}

// TestShuffle shows that the order on disk is that of the injected function
// and not that of the call.
func TestShuffle(t *testing.T) {
	opts := testOptions()
	opts.Shuffle = func(n int, swap func(i, j int)) {
		for i := range n / 2 {
			swap(i, n-1-i)
		}
	}
	d, m := disk.New(disk.Options{}), newModel(1, 4)
	must(t, m.put(openEngine(t, d, opts), upTo(4)))
	f, err := d.Open("0000000001.pack")
	must(t, err)
	for n := range 4 {
		data := make([]byte, testBlockSize)
		_, err := f.ReadAt(data, 64+int64(3-n)*(64+testBlockSize)+64)
		must(t, err)
		if !bytes.Equal(data, m.blocks[n].Data) {
			t.Errorf("block %d is not in slot %d", n, 3-n)
		}
	}
}

// TestDefaultShuffle puts three blocks often, each time into a store of its
// own, and wants every order.
func TestDefaultShuffle(t *testing.T) {
	m := newModel(1, 3)
	orders := make(map[string]int)
	for range 200 {
		d := disk.New(disk.Options{})
		e := openEngine(t, d, testOptions())
		must(t, e.Put(m.blocks))
		f, err := d.Open("0000000001.pack")
		must(t, err)
		order := ""
		for slot := range int64(3) {
			var cid messages.CID
			_, err := f.ReadAt(cid[:], 64+slot*(64+testBlockSize)+24)
			must(t, err)
			order += cid.Short()
		}
		orders[order]++
	}
	// An order is missing by chance with probability 6 * (5/6)^200 < 2^-49.
	if len(orders) != 6 {
		t.Errorf("got %d of 6 orders: %v", len(orders), orders)
	}
}

// TestOpenFilesAreBounded reads from many segments through few handles.
func TestOpenFilesAreBounded(t *testing.T) {
	counting := &countingDisk{Disk: disk.New(disk.Options{})}
	opts := testOptions()
	opts.OpenFiles = 3
	m := newModel(1, 120)
	e := openEngine(t, counting, opts)
	must(t, m.put(e, upTo(120)))
	for range 3 {
		must(t, m.check(e))
	}
	if most := counting.most.Load(); most > 3+2 { // the active segment has two more
		t.Errorf("%d files were open at once", most)
	}
	must(t, e.Close())
	if left := counting.open.Load(); left != 0 {
		t.Errorf("%d files are still open", left)
	}
}

// TestOpenReadsNoData opens a store after a clean close, a kill and a power
// cut: it reads headers, and records in full in the last segment at most.
func TestOpenReadsNoData(t *testing.T) {
	const blocks, perSegment = 200, 7
	d, m := disk.New(disk.Options{Seed: 2}), newModel(1, blocks)
	e := openEngine(t, d, testOptions())
	for n := range blocks {
		must(t, m.put(e, []int{n}))
	}
	headers := int64(blocks*64 + blocks/perSegment*300)
	segment := int64(perSegment * (64 + testBlockSize))
	for _, test := range []struct {
		name string
		left func() *disk.Disk
		most int64
	}{
		{"Kill", d.Clone, headers},
		{"Close", func() *disk.Disk { must(t, e.Close()); return d.Clone() }, headers},
		{"PowerCut", d.Restart, headers + 2*segment}, // once to look, once to write again
	} {
		t.Run(test.name, func(t *testing.T) {
			counting := &countingDisk{Disk: test.left()}
			openEngine(t, counting, testOptions())
			if got := counting.read.Load(); got > test.most {
				t.Errorf("read %d bytes, want at most %d of %d", got, test.most,
					blocks*(64+testBlockSize))
			}
		})
	}
}
