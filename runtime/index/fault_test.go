package index

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/noisefs/noisefs/runtime/port"
)

// faulty is a file system that fails operations on files with a suffix, or
// on all once it is full.
type faulty struct {
	err    atomic.Pointer[error]
	suffix atomic.Pointer[string]
	syncs  atomic.Bool  // only syncs fail
	room   atomic.Int64 // writes that still succeed before err is returned
	hits   atomic.Int64
}

func (f *faulty) String() string { return "faulty" }

// fail makes operations on files with a suffix fail after some writes.
func (f *faulty) fail(suffix string, err error, room int64) {
	f.suffix.Store(&suffix)
	f.room.Store(room)
	f.err.Store(&err)
}

func (f *faulty) heal() { f.err.Store(nil) }

// MaybeError implements errorfs.Injector.
func (f *faulty) MaybeError(op errorfs.Op) error {
	err := f.err.Load()
	if err == nil || !strings.Contains(op.Path, *f.suffix.Load()) {
		return nil
	}
	switch op.Kind {
	case errorfs.OpFileWrite, errorfs.OpCreate, errorfs.OpFilePreallocate:
		if f.syncs.Load() || f.room.Add(-1) >= 0 {
			return nil
		}
	case errorfs.OpFileSync, errorfs.OpFileSyncData, errorfs.OpFileSyncTo:
	default:
		return nil
	}
	f.hits.Add(1)
	return *err
}

func newFaulty() (*faulty, vfs.FS, *vfs.MemFS) {
	disk := vfs.NewCrashableMem()
	f := &faulty{}
	return f, errorfs.Wrap(disk, f), disk
}

func testRow(i int) port.RowKey {
	return port.RowKey{Table: port.TableInodes, Group: []byte("g"), Key: fmt.Append(nil, i)}
}

func insertRow(x *Index, i int, durable bool) error {
	return x.Commit(port.Txn{Durable: durable, Changes: []port.Change{
		{Op: port.OpInsert, Row: testRow(i), Value: []byte(strings.Repeat("v", 100))},
	}})
}

func mustInsert(tb testing.TB, x *Index, from, to int) {
	tb.Helper()
	for i := from; i < to; i++ {
		if err := insertRow(x, i, i%5 == 0); err != nil {
			tb.Fatalf("insert %d: %v", i, err)
		}
	}
}

// wantRows checks that rows are there, and that the whole index is sound.
func wantRows(tb testing.TB, x *Index, from, to int) {
	tb.Helper()
	for i := from; i < to; i++ {
		values, err := x.Get([]port.RowKey{testRow(i)})
		if err != nil || values[0] == nil {
			tb.Fatalf("row %d: %q, %v", i, values, err)
		}
	}
	if _, err := x.Verify(tb.Context()); err != nil {
		tb.Errorf("verify: %v", err)
	}
}

// A log that cannot be written or synced stops writing for good, leaves
// reading alone, never kills the process, and loses nothing durable.
func TestLogFailure(t *testing.T) {
	for _, tt := range []struct {
		name  string
		err   error
		syncs bool
		want  error
	}{
		{"WriteIO", syscall.EIO, false, port.ErrDiskIO},
		{"SyncIO", syscall.EIO, true, port.ErrDiskIO},
		{"WriteReadOnly", syscall.EROFS, false, port.ErrDiskReadOnly},
		{"WriteFull", syscall.ENOSPC, false, port.ErrIndexFull},
		{"SyncFull", syscall.ENOSPC, true, port.ErrIndexFull},
		{"WriteQuota", syscall.EDQUOT, false, port.ErrIndexFull},
	} {
		for room := range int64(3) {
			t.Run(fmt.Sprint(tt.name, room), func(t *testing.T) {
				f, files, disk := newFaulty()
				x := createIndex(t, "/index", smallOptions(files))
				mustInsert(t, x, 0, 51) // the last one is durable
				f.syncs.Store(tt.syncs)
				f.fail(".log", tt.err, room)
				failed := 51
				for ; failed < 60; failed++ {
					if err := insertRow(x, failed, true); err != nil {
						if !errors.Is(err, tt.want) {
							t.Fatalf("insert: got %v, want %v", err, tt.want)
						}
						break
					}
				}
				if failed == 60 || f.hits.Load() == 0 {
					t.Fatalf("no commit failed; %d faults", f.hits.Load())
				}
				f.heal() // too late: what is on disk is not known any more
				for _, durable := range []bool{false, true} {
					if err := insertRow(x, 100, durable); !errors.Is(err, tt.want) {
						t.Errorf("insert after the failure: got %v, want %v", err, tt.want)
					}
				}
				if err := x.Purge(); !errors.Is(err, tt.want) {
					t.Errorf("purge after the failure: got %v, want %v", err, tt.want)
				}
				wantRows(t, x, 0, failed)
				if err := x.Close(); !errors.Is(err, tt.want) {
					t.Errorf("close: got %v, want %v", err, tt.want)
				}
				for seed := range uint64(5) {
					left := disk.CrashClone(vfs.CrashCloneCfg{
						UnsyncedDataPercent: int(25 * seed),
						RNG:                 rand.New(rand.NewPCG(seed, 0)),
					})
					x = openIndex(t, "/index", smallOptions(left))
					wantRows(t, x, 0, failed)
					mustInsert(t, x, 200, 210)
					if err := x.Close(); err != nil {
						t.Errorf("close: %v", err)
					}
				}
			})
		}
	}
}

// Close does not claim that what could not be written is safe, and the mark
// does not say so either: the index opens again.
func TestCloseAfterLogFailure(t *testing.T) {
	for _, syncs := range []bool{false, true} {
		f, files, disk := newFaulty()
		x := createIndex(t, "/index", smallOptions(files))
		mustInsert(t, x, 0, 6) // the last one is durable
		if err := insertRow(x, 7, false); err != nil {
			t.Fatal(err)
		}
		f.syncs.Store(syncs)
		f.fail(".log", syscall.EIO, 0)
		if err := x.Close(); !errors.Is(err, port.ErrDiskIO) {
			t.Errorf("close: got %v, want %v", err, port.ErrDiskIO)
		}
		x = openIndex(t, "/index", smallOptions(disk.CrashClone(vfs.CrashCloneCfg{})))
		wantRows(t, x, 0, 6)
		if err := x.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	}
}
