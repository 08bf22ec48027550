package index

import (
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/noisefs/noisefs/runtime/port"
)

// smallDisk is a file system with a capacity. Others may take of it too.
type smallDisk struct {
	vfs.FS

	mu       sync.Mutex
	capacity int64
	others   int64 // bytes that belong to somebody else
	used     int64
	sizes    map[string]int64
}

func newSmallDisk(capacity int64) *smallDisk {
	return &smallDisk{FS: vfs.NewMem(), capacity: capacity, sizes: map[string]int64{}}
}

// leave lets others take all but free bytes.
func (d *smallDisk) leave(free int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.others = d.capacity - d.used - free
}

func (d *smallDisk) take(name string, n int64) (int64, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	granted := max(0, min(n, d.capacity-d.others-d.used))
	d.used += granted
	d.sizes[name] += granted
	if granted < n {
		return granted, syscall.ENOSPC
	}
	return granted, nil
}

func (d *smallDisk) forget(name string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.used -= d.sizes[name]
	delete(d.sizes, name)
}

func (d *smallDisk) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	d.forget(name)
	file, err := d.FS.Create(name, category)
	if err != nil {
		return nil, err
	}
	return &smallDiskFile{file, d, name}, nil
}

func (d *smallDisk) Remove(name string) error {
	err := d.FS.Remove(name)
	if err == nil {
		d.forget(name)
	}
	return err
}

func (d *smallDisk) GetDiskUsage(string) (vfs.DiskUsage, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return vfs.DiskUsage{
		AvailBytes: uint64(max(0, d.capacity-d.others-d.used)), TotalBytes: uint64(d.capacity),
	}, nil
}

type smallDiskFile struct {
	vfs.File
	disk *smallDisk
	name string
}

func (f *smallDiskFile) Write(p []byte) (int, error) {
	granted, full := f.disk.take(f.name, int64(len(p)))
	n, err := f.File.Write(p[:granted])
	return n, errors.Join(err, full)
}

func removeRow(x *Index, i int) error {
	return x.Commit(port.Txn{Durable: true, Changes: []port.Change{
		{Op: port.OpDelete, Row: testRow(i)},
		{Op: port.OpPut, Row: testRow(0), Value: []byte("smaller")},
	}})
}

// A disk that others fill costs the ballast, then lets rows be removed but
// not added, also after a restart, and takes new ones once there is space.
func TestFullDiskRecovers(t *testing.T) {
	disk := newSmallDisk(64 << 20)
	options := smallOptions(disk)
	options.BallastBytes = 64 << 10
	options.FreeBytesMin = 32 << 10
	x := createIndex(t, "/index", options)
	mustInsert(t, x, 0, 50)

	disk.leave(16 << 10) // low: refused before anything fails
	if err := insertRow(x, 50, true); !errors.Is(err, port.ErrIndexFull) {
		t.Errorf("insert into a nearly full disk: %v", err)
	}
	if err := removeRow(x, 1); err != nil {
		t.Errorf("remove from a nearly full disk: %v", err)
	}
	disk.leave(0) // full: the ballast goes
	if err := removeRow(x, 2); err != nil {
		t.Errorf("remove from a full disk: %v", err)
	}
	if _, err := disk.Stat("/index/ballast"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the ballast is still there: %v", err)
	}
	// Others take what the ballast gave but a little: the worst case.
	disk.leave(34 << 10)
	removed := 3
	for ; removed < 1000; removed++ {
		if err := removeRow(x, removed); err == nil {
			continue
		} else if !errors.Is(err, port.ErrIndexFull) {
			t.Fatalf("remove: %v", err)
		}
		break
	}
	if removed < 10 {
		t.Errorf("the reserve let %d rows be removed", removed)
	}
	if err := insertRow(x, 50, true); !errors.Is(err, port.ErrIndexFull) {
		t.Errorf("insert into a full disk: %v", err)
	}
	checkFull := func() {
		t.Helper()
		if rows, err := x.Verify(t.Context()); rows != int64(50-min(49, removed-1)) || err != nil {
			t.Errorf("verify: %d rows, %v, %d removed", rows, err, removed-1)
		}
	}
	checkFull()
	if err := x.Purge(); !errors.Is(err, port.ErrIndexFull) {
		t.Errorf("purge on a full disk: %v", err)
	}
	checkFull()
	closeErr := x.Close()
	x = openIndex(t, "/index", options)
	checkFull()
	if err := insertRow(x, 50, true); !errors.Is(err, port.ErrIndexFull) {
		t.Errorf("insert after reopening on a full disk: %v (closed with %v)", err, closeErr)
	}
	disk.leave(8 << 20)
	closeErr = x.Close()
	x = openIndex(t, "/index", options)
	if closeErr != nil && !errors.Is(closeErr, port.ErrIndexFull) {
		t.Errorf("close: %v", closeErr)
	}
	mustInsert(t, x, 300, 2000)
	wantRows(t, x, 300, 2000)
	if info, err := disk.Stat("/index/ballast"); err != nil || info.Size() != options.BallastBytes {
		t.Errorf("the ballast did not come back: %v", err)
	}
	if err := x.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
}

// A disk that fills up while the engine flushes and merges: whatever was
// acknowledged durably stays, and nothing hangs.
func TestDiskFillsUp(t *testing.T) {
	for _, capacity := range []int64{200 << 10, 400 << 10, 600 << 10} {
		t.Run(fmt.Sprint(capacity), func(t *testing.T) {
			disk := newSmallDisk(capacity)
			options := smallOptions(disk)
			options.FreeBytesMin = 1 // no early warning
			options.BallastBytes = 16 << 10
			x := createIndex(t, "/index", options)
			n := 0
			var err error
			for ; n < 20_000 && err == nil; n++ {
				err = insertRow(x, n, n%7 == 0)
			}
			if !errors.Is(err, port.ErrIndexFull) {
				t.Fatalf("after %d rows: %v", n, err)
			}
			n--
			wantRows(t, x, 0, n)
			closeErr := x.Close()
			disk.leave(4 << 20)
			x = openIndex(t, "/index", options)
			durable := n
			if closeErr != nil { // what was not durable may be gone
				durable = (n-1)/7*7 + 1
			}
			wantRows(t, x, 0, durable)
			if err := insertRow(x, 1<<20, true); err != nil {
				t.Errorf("insert with space again: %v", err)
			}
			if err := x.Close(); err != nil {
				t.Errorf("close: %v", err)
			}
		})
	}
}

// A purge that runs out of space leaves the old generation as it was.
func TestPurgeRunsOutOfSpace(t *testing.T) {
	disk := newSmallDisk(64 << 20)
	options := smallOptions(disk)
	x := createIndex(t, "/index", options)
	mustInsert(t, x, 0, 1501)
	failed := 0
	for free := int64(0); free < 600<<10; free += 40 << 10 {
		disk.leave(free)
		if err := x.Purge(); err == nil {
			break
		} else if !errors.Is(err, port.ErrIndexFull) {
			t.Fatalf("purge with %d bytes free: %v", free, err)
		}
		failed++
		names, err := disk.List("/index")
		if err != nil || len(names) > 3 {
			t.Fatalf("purge with %d bytes free left %v, %v", free, names, err)
		}
		disk.leave(8 << 20)
		wantRows(t, x, 0, 1501)
		if err := insertRow(x, 10_000+failed, true); err != nil {
			t.Fatalf("insert after it: %v", err)
		}
	}
	if failed < 5 {
		t.Errorf("only %d purges ran out of space", failed)
	}
	disk.leave(8 << 20)
	x = reopen(t, x).(*Index)
	wantRows(t, x, 0, 1501)
	if err := x.Close(); err != nil {
		t.Error(err)
	}
}

// A transaction larger than what the engine holds in memory, on a disk that
// has no room for it, fails and does not wait for ever.
func TestStalledCommitFails(t *testing.T) {
	disk := newSmallDisk(64 << 20)
	options := smallOptions(disk)
	x := createIndex(t, "/index", options)
	mustInsert(t, x, 0, 51)
	disk.leave(3 << 20) // the log fits, the tables do not
	var err error
	for i := 0; i < 20 && err == nil; i++ {
		txn := port.Txn{Durable: true}
		for j := range 8 {
			txn.Changes = append(txn.Changes, port.Change{
				Op: port.OpInsert, Row: testRow(1000 + 8*i + j), Value: make([]byte, 100_000),
			})
		}
		err = x.Commit(txn)
	}
	if !errors.Is(err, port.ErrIndexFull) {
		t.Errorf("commit: %v", err)
	}
	wantRows(t, x, 0, 51)
	_ = x.Close()
	disk.leave(16 << 20)
	x = openIndex(t, "/index", options)
	wantRows(t, x, 0, 51)
	mustInsert(t, x, 100, 200)
	if err := x.Close(); err != nil {
		t.Error(err)
	}
}
