package disk_test

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/noisefs/noisefs/runtime/port"
	"github.com/noisefs/noisefs/runtime/port/porttest"
	"github.com/noisefs/noisefs/sim/disk"
)

func TestConformance(t *testing.T) {
	porttest.Disk(t, func(testing.TB) port.Disk {
		return disk.New(disk.Options{Seed: 1, Capacity: 1 << 20})
	})
}

// write makes a file and appends to it.
func write(t *testing.T, d *disk.Disk, name, content string) port.DiskFile {
	t.Helper()
	f, err := d.Create(name)
	if err != nil {
		t.Fatalf("Create: %v", err)
	}
	if _, err := f.Append([]byte(content)); err != nil {
		t.Fatalf("Append: %v", err)
	}
	return f
}

// read returns the content of a file; ok is false if there is none.
func read(t *testing.T, d *disk.Disk, name string) (content string, ok bool) {
	t.Helper()
	f, err := d.Open(name)
	if errors.Is(err, port.ErrNotExist) {
		return "", false
	}
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		t.Fatalf("Size: %v", err)
	}
	p := make([]byte, size)
	if size > 0 {
		if _, err := f.ReadAt(p, 0); err != nil {
			t.Fatalf("ReadAt: %v", err)
		}
	}
	return string(p), true
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// survivors cuts the power under the disk that prepare leaves, by many
// seeds, and counts what is left of the file "f".
func survivors(t *testing.T, prepare func(*testing.T, *disk.Disk)) map[string]int {
	t.Helper()
	found := make(map[string]int)
	for seed := range uint64(400) {
		d := disk.New(disk.Options{Seed: seed})
		prepare(t, d)
		d.PowerCut()
		if _, err := d.Open("f"); !errors.Is(err, disk.ErrPowerCut) {
			t.Fatalf("Open without power: got %v", err)
		}
		content, ok := read(t, d.Restart(), "f")
		if !ok {
			content = "(no file)"
		}
		found[content]++
	}
	return found
}

func TestPowerCutKeepsWhatWasSynced(t *testing.T) {
	found := survivors(t, func(t *testing.T, d *disk.Disk) {
		f := write(t, d, "f", "synced")
		must(t, f.Sync())
		must(t, d.SyncDir())
		_, err := f.Append([]byte("more"))
		must(t, err)
	})
	for content := range found {
		if !bytes.HasPrefix([]byte(content), []byte("synced")) || len(content) > 10 {
			t.Errorf("left: %q", content)
		}
	}
	for _, want := range []string{
		"synced", "syncedm", "syncedmo", "syncedmore",
		"synced\x00\x00\x00\x00",
	} {
		if found[want] == 0 {
			t.Errorf("never left: %q", want)
		}
	}
	if len(found) < 20 {
		t.Errorf("only %d different outcomes: there is no garbage", len(found))
	}
}

func TestPowerCutUndoesUnsyncedNames(t *testing.T) {
	found := survivors(t, func(t *testing.T, d *disk.Disk) {
		must(t, write(t, d, "f", "one").Sync())
		must(t, d.SyncDir())
		must(t, write(t, d, "g", "two").Sync())
		must(t, d.Rename("g", "f"))
		must(t, d.Remove("f"))
	})
	if found["one"] == 0 || found["two"] == 0 || found["(no file)"] == 0 || len(found) != 3 {
		t.Errorf("outcomes: %v", found)
	}
}

func TestPowerCutUndoesUnsyncedTruncate(t *testing.T) {
	found := survivors(t, func(t *testing.T, d *disk.Disk) {
		f := write(t, d, "f", "abcdef")
		must(t, f.Sync())
		must(t, d.SyncDir())
		must(t, f.Truncate(3))
	})
	if found["abc"] == 0 || found["abcdef"] == 0 || len(found) != 2 {
		t.Errorf("outcomes: %v", found)
	}
}

func TestFailedSyncLosesSilently(t *testing.T) {
	found := survivors(t, func(t *testing.T, d *disk.Disk) {
		f := write(t, d, "f", "abc")
		must(t, d.SyncDir())
		d.FailAt(1, port.ErrDiskIO)
		if err := f.Sync(); !errors.Is(err, port.ErrDiskIO) {
			t.Fatalf("Sync: got %v", err)
		}
		if got, _ := read(t, d, "f"); got != "abc" {
			t.Fatalf("read after a failed Sync: %q", got)
		}
		must(t, f.Sync()) // reports success and does nothing
	})
	if found["abc"] == 0 || found["\x00\x00\x00"] == 0 {
		t.Errorf("outcomes: %v", found)
	}
}

func TestCutAtEveryOperation(t *testing.T) {
	const operations = 6
	for n := int64(1); n <= operations; n++ {
		d := disk.New(disk.Options{Seed: uint64(n)})
		d.CutAt(n)
		errs := make([]error, 0, operations)
		f, err := d.Create("f")
		errs = append(errs, err)
		if err == nil {
			_, err = f.Append([]byte("x"))
			errs = append(errs, err, f.Sync(), f.Truncate(0), d.SyncDir(), d.Remove("f"))
		}
		for i, err := range errs {
			if got, want := errors.Is(err, disk.ErrPowerCut), int64(i) >= n-1; got != want {
				t.Errorf("cut at %d, operation %d: got %v", n, i+1, err)
			}
		}
	}
}

func TestCapacity(t *testing.T) {
	d := disk.New(disk.Options{Capacity: 10})
	f := write(t, d, "f", "12345678")
	_, err := f.Append([]byte("abc"))
	if !errors.Is(err, port.ErrDiskFull) {
		t.Fatalf("Append: got %v, want ErrDiskFull", err)
	}
	if got, _ := read(t, d, "f"); got != "12345678ab" {
		t.Errorf("a full disk keeps %q", got)
	}
	must(t, f.Truncate(4))
	if free, err := d.Free(); free != 6 || err != nil {
		t.Errorf("Free: got %d, %v, want 6", free, err)
	}
	must(t, d.Remove("f"))
	if free, _ := d.Free(); free != 10 {
		t.Errorf("Free after Remove: got %d, want 10", free)
	}
}

func TestFaultsByChance(t *testing.T) {
	d := disk.New(disk.Options{Seed: 3})
	f := write(t, d, "f", "")
	d.SetFaults(disk.Faults{Change: 0.5, Read: 0.5})
	failed := 0
	for range 200 {
		if _, err := f.Append([]byte("abcd")); errors.Is(err, port.ErrDiskIO) {
			failed++
		}
	}
	if failed < 60 || failed > 140 {
		t.Errorf("%d of 200 appends failed", failed)
	}
	failed = 0
	for range 200 {
		if _, err := f.ReadAt(make([]byte, 1), 0); errors.Is(err, port.ErrDiskIO) {
			failed++
		}
	}
	if failed < 60 || failed > 140 {
		t.Errorf("%d of 200 reads failed", failed)
	}
	d.SetFaults(disk.Faults{Corrupt: 1})
	g := write(t, d, "g", "\x00\x00\x00\x00")
	defer g.Close()
	if got, _ := read(t, d, "g"); got == "\x00\x00\x00\x00" {
		t.Error("nothing was corrupted")
	}
}

func TestCorrupt(t *testing.T) {
	d := disk.New(disk.Options{Seed: 4})
	write(t, d, "f", "abc")
	must(t, d.Corrupt("f", 1, 'b'^'x'))
	if got, _ := read(t, d, "f"); got != "axc" {
		t.Errorf("got %q", got)
	}
	if d.Corrupt("f", 3, 1) == nil || d.Corrupt("g", 0, 1) == nil {
		t.Error("Corrupt outside of any file: no error")
	}
	name, offset := d.CorruptAny()
	if name != "f" || offset < 0 || offset > 2 {
		t.Errorf("CorruptAny: %q, %d", name, offset)
	}
	if got, _ := read(t, d, "f"); got == "axc" {
		t.Error("CorruptAny changed nothing")
	}
}

func TestCosts(t *testing.T) {
	d := disk.New(disk.Options{Costs: disk.Costs{
		Operation: time.Microsecond, Sync: time.Millisecond, BytesPerSecond: 1000, Scale: 10,
	}})
	f, err := d.Create("f")
	must(t, err)
	if got, want := d.TakeCost(), time.Microsecond; got != want {
		t.Errorf("Create: got %v, want %v", got, want)
	}
	_, err = f.Append(make([]byte, 5))
	must(t, err)
	if got, want := d.TakeCost(), 50*time.Millisecond+time.Microsecond; got != want {
		t.Errorf("Append: got %v, want %v", got, want)
	}
	must(t, f.Sync())
	if got, want := d.TakeCost(), time.Millisecond+time.Microsecond; got != want {
		t.Errorf("Sync: got %v, want %v", got, want)
	}
	if got := d.TakeCost(); got != 0 {
		t.Errorf("cost is taken twice: %v", got)
	}
}

func TestCloneIsWhatAKilledProcessLeaves(t *testing.T) {
	d := disk.New(disk.Options{Seed: 5})
	f := write(t, d, "f", "abc")
	copied := d.Clone()
	_, err := f.Append([]byte("def"))
	must(t, err)
	if got, _ := read(t, copied, "f"); got != "abc" {
		t.Errorf("got %q", got)
	}
	if got, _ := read(t, copied.Restart(), "f"); got != "abc" {
		t.Errorf("after a power cut: got %q", got)
	}
}

// TestDeterminism runs one script on two disks of one seed and on one of
// another.
func TestDeterminism(t *testing.T) {
	run := func(seed uint64) string {
		d := disk.New(disk.Options{Seed: seed})
		var all string
		for range 20 {
			f := write(t, d, "f", "start")
			must(t, d.SyncDir())
			_, err := f.Append([]byte("0123456789abcdef"))
			must(t, err)
			d = d.Restart()
			got, _ := read(t, d, "f")
			all += got + "\n"
			must(t, d.Remove("f"))
			must(t, d.SyncDir())
		}
		return all
	}
	first, again := run(7), run(7)
	if first != again {
		t.Error("one seed gives two outcomes")
	}
	if first == run(8) {
		t.Error("two seeds give one outcome")
	}
}
