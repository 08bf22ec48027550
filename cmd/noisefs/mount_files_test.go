package main

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestMountTakesFilesOfAllSizes(t *testing.T) {
	dir := newMountPoint(t)
	repository := newRepository(t)
	daemon := mountWritable(t, repository, dir)
	const block = 128 << 10
	sizes := []int{
		0, 1, 4096, block/2 - 1, block / 2, block/2 + 1, block - 1, block, block + 1,
		9*block + 77,
	}
	for i, size := range sizes {
		path := filepath.Join(dir, fmt.Sprint(size))
		if err := os.WriteFile(path, randomBytes(uint64(i), size), 0o640); err != nil {
			t.Fatal(err)
		}
	}
	check := func(when string) {
		t.Helper()
		for i, size := range sizes {
			want := randomBytes(uint64(i), size)
			got, err := os.ReadFile(filepath.Join(dir, fmt.Sprint(size)))
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s: %d bytes of %d, %v", when, len(got), size, err)
			}
			if got := must(t, "", "cat", "/"+fmt.Sprint(size)); got != string(want) {
				t.Errorf("%s: another command reads %d bytes of %d", when, len(got), size)
			}
		}
	}
	check("at once")
	must(t, "", "repo", "gc")
	daemon.stop()
	mountWritable(t, repository, dir)
	check("after gc and a remount")
	must(t, "", "repo", "verify")
}

// expect is what a file has to contain after each step.
func expect(t *testing.T, path, what string, want []byte) {
	t.Helper()
	got, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s: got %d bytes and %v, want %d", what, len(got), err, len(want))
	}
}

func TestMountChangesPartsOfFiles(t *testing.T) {
	dir := newMountPoint(t)
	mountWritable(t, newRepository(t), dir)
	path := filepath.Join(dir, "file")
	model := randomBytes(1, 700_000)
	if err := os.WriteFile(path, model, 0o644); err != nil {
		t.Fatal(err)
	}
	link := strings.TrimSpace(must(t, "", "share", "/file"))
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	step := func(what string, err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		expect(t, path, what, model)
		if info, err := os.Stat(path); err != nil || info.Size() != int64(len(model)) {
			t.Errorf("%s: size %v and %v, want %d", what, info, err, len(model))
		}
	}
	part := randomBytes(2, 1000)
	copy(model[300_000:], part)
	_, err = f.WriteAt(part, 300_000)
	step("in the middle", err)
	model = append(model, make([]byte, 900_000-len(model))...)
	model = append(model, part...)
	_, err = f.WriteAt(part, 900_000)
	step("beyond the end", err)
	model = model[:150_000]
	step("cut", f.Truncate(150_000))
	model = append(model, make([]byte, 100_000)...)
	step("made longer", f.Truncate(250_000))
	clear(model[1000:200_000])
	step("a hole", unix.Fallocate(int(f.Fd()), unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE,
		1000, 199_000))
	model = append(model, make([]byte, 50_000)...)
	step("allocated", unix.Fallocate(int(f.Fd()), 0, 0, 300_000))
	step("synced", f.Sync())
	mapped, err := unix.Mmap(int(f.Fd()), 0, len(model), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		t.Fatal(err)
	}
	copy(mapped[140_000:], part)
	copy(model[140_000:], part)
	step("mapped", errors.Join(unix.Msync(mapped, unix.MS_SYNC), unix.Munmap(mapped)))
	step("renamed", errors.Join(os.Rename(path, path+"2"), func() error { path += "2"; return nil }()))
	copy(model[5:], part)
	_, err = f.WriteAt(part, 5)
	step("written after the rename", errors.Join(err, f.Close()))
	if err := appendBytes(path, part); err != nil {
		t.Fatal(err)
	}
	model = append(model, part...)
	step("appended", nil)
	if got := must(t, "", "cat", link); got != string(randomBytes(1, 700_000)) {
		t.Errorf("the link that was shared before reads %d bytes, not what it shared", len(got))
	}
	must(t, "", "repo", "gc")
	must(t, link, "import", "-", "/again")
	if err := appendBytes(filepath.Join(dir, "again"), part); err != nil {
		t.Fatal(err)
	}
	expect(t, filepath.Join(dir, "again"), "imported", append(randomBytes(1, 700_000), part...))
	must(t, "", "repo", "verify")
}

func appendBytes(path string, p []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	_, err = f.Write(p)
	return errors.Join(err, f.Close())
}

func TestMountedFileIsRemovedWhileItIsWritten(t *testing.T) {
	dir := newMountPoint(t)
	mountWritable(t, newRepository(t), dir)
	f, err := os.Create(filepath.Join(dir, "file"))
	if err != nil {
		t.Fatal(err)
	}
	want := randomBytes(3, 3<<20)
	_, err = f.Write(want[:1<<20])
	err = errors.Join(err, os.Remove(f.Name()))
	_, more := f.Write(want[1<<20:])
	if err := errors.Join(err, more, f.Sync()); err != nil {
		t.Fatal(err)
	}
	must(t, "", "repo", "gc")
	got := make([]byte, len(want))
	if _, err := f.ReadAt(got, 0); err != nil || !bytes.Equal(got, want) {
		t.Errorf("it does not read as it was written, %v", err)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	mustFail(t, exitNotFound, "stat", "/file")
}

func TestMountWithManyWriters(t *testing.T) {
	const writers = 200
	dir := newMountPoint(t)
	mountWritable(t, newRepository(t), dir)
	var group sync.WaitGroup
	for i := range writers {
		group.Go(func() {
			path := filepath.Join(dir, fmt.Sprint(i))
			want := randomBytes(uint64(i), 1000*i)
			if err := os.WriteFile(path, want, 0o644); err != nil {
				t.Error(err)
				return
			}
			expect(t, path, path, want)
		})
	}
	group.Wait()
	if names, err := os.ReadDir(dir); err != nil || len(names) != writers {
		t.Errorf("%d files and %v", len(names), err)
	}
}

func TestMountSaysThatTheQuotaIsReached(t *testing.T) {
	dir := newMountPoint(t)
	t.Setenv("NOISEFS_STORAGE_SEGMENT_BYTES", "8MiB")
	t.Setenv("NOISEFS_STORAGE_QUOTA_BYTES", "24MiB")
	mountWritable(t, newRepository(t), dir)
	kept, path := filepath.Join(dir, "kept"), filepath.Join(dir, "file")
	small := randomBytes(1, 1<<20)
	if err := errors.Join(os.WriteFile(kept, small, 0o644), os.WriteFile(path, small, 0o644)); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.Write(randomBytes(2, 32<<20))
	err = errors.Join(err, f.Sync(), f.Close())
	if !errors.Is(err, syscall.EDQUOT) {
		t.Errorf("got %v, want EDQUOT", err)
	}
	expect(t, path, "what did not fit", small)
	expect(t, kept, "another file", small)
	if err := os.Remove(path); err != nil {
		t.Error(err)
	}
	must(t, "", "repo", "gc")
	if err := os.WriteFile(path, small, 0o644); err != nil {
		t.Errorf("after gc: %v", err)
	}
	must(t, "", "repo", "verify")
}

// writer changes files below a directory of its own, and knows what is there.
type writer struct {
	t      *testing.T
	dir    string
	random *rand.Rand
	// files has what is stored, and next what the change under way makes of it;
	// what is in them is not written to.
	files, next map[string][]byte
}

func (w *writer) at(name string) string { return filepath.Join(w.dir, name) }

func (w *writer) name() string { return fmt.Sprint(w.random.IntN(5)) }

// step makes one change, or looks at a file.
func (w *writer) step() error {
	w.next = maps.Clone(w.files)
	name, other := w.name(), w.name()
	had, there := w.files[name]
	var err error
	switch w.random.IntN(8) {
	default:
		err = w.edit(name)
	case 0:
		if !there {
			break
		}
		size := w.random.IntN(1 << 20)
		w.next[name] = randomBytes(w.random.Uint64(), size)
		err = os.WriteFile(w.at(name), w.next[name], 0o644)
	case 1:
		if !there {
			break
		}
		size := w.random.IntN(1 << 20)
		w.next[name] = resized(had, size)
		err = os.Truncate(w.at(name), int64(size))
	case 2:
		if !there || name == other {
			break
		}
		w.next[other] = had
		delete(w.next, name)
		err = os.Rename(w.at(name), w.at(other))
	case 3:
		if w.random.IntN(4) > 0 || !there {
			break
		}
		delete(w.next, name)
		err = os.Remove(w.at(name))
	case 4:
		got, problem := os.ReadFile(w.at(name))
		if err = problem; errors.Is(problem, os.ErrNotExist) && !there {
			err = nil
		} else if err == nil && !bytes.Equal(got, had) {
			err = fmt.Errorf("%s reads %d bytes that are not the %d of it", name, len(got), len(had))
		}
	}
	if err == nil {
		w.files = w.next
	}
	return err
}

// edit writes parts of a file, and closes or syncs it.
func (w *writer) edit(name string) error {
	w.next[name] = w.files[name] // empty from here on, if it is new
	f, err := os.OpenFile(w.at(name), os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	w.files = maps.Clone(w.next)
	content := bytes.Clone(w.files[name])
	for range 1 + w.random.IntN(4) {
		at := w.random.IntN(1 << 20)
		p := randomBytes(w.random.Uint64(), w.random.IntN(300_000))
		content = resized(content, max(len(content), at+len(p)))
		if len(p) == 0 {
			content = content[:len(content):len(content)]
		}
		copy(content[at:], p)
		if _, err := f.WriteAt(p, int64(at)); err != nil {
			return errors.Join(err, f.Close())
		}
	}
	if w.random.IntN(3) == 0 {
		w.next[name] = bytes.Clone(content)
		if err := f.Sync(); err != nil {
			return errors.Join(err, f.Close())
		}
	}
	w.next[name] = content
	return f.Close()
}

func resized(p []byte, size int) []byte {
	out := make([]byte, size)
	copy(out, p)
	return out
}

// found is what is there.
func (w *writer) found() map[string][]byte {
	w.t.Helper()
	entries, err := os.ReadDir(w.dir)
	if err != nil {
		w.t.Fatal(err)
	}
	found := make(map[string][]byte)
	for _, e := range entries {
		data, err := os.ReadFile(w.at(e.Name()))
		if err != nil {
			w.t.Fatal(err)
		}
		found[e.Name()] = data
	}
	return found
}

// recover compares what is there after a kill with the model: the change under
// way happened, or it did not.
func (w *writer) recover() {
	w.t.Helper()
	found := w.found()
	same := func(want map[string][]byte) bool {
		return maps.EqualFunc(found, want, bytes.Equal)
	}
	if !same(w.files) && !same(w.next) {
		w.t.Errorf("%s: %d files are neither as before nor as after the last change",
			filepath.Base(w.dir), len(found))
		for name, data := range found {
			w.t.Logf("%s: %d bytes, before %d (same: %v), after %d (same: %v)", name, len(data),
				len(w.files[name]), bytes.Equal(data, w.files[name]),
				len(w.next[name]), bytes.Equal(data, w.next[name]))
		}
	}
	w.files = found
}

// TestMountedFilesOutliveKills changes files through the mount from several
// goroutines, kills the daemon in the midst of it, and compares what is there
// after a remount: everything that was closed or synced is whole. NOISEFS_MOUNT_KILLS
// says how many times.
func TestMountedFilesOutliveKills(t *testing.T) {
	const workers = 3
	kills := soakNumber(t, "NOISEFS_MOUNT_KILLS", 4)
	dir := newMountPoint(t)
	repository := newRepository(t)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	writers := make([]*writer, workers)
	for i := range writers {
		writers[i] = &writer{
			t: t, dir: filepath.Join(dir, fmt.Sprint("writer", i)),
			random: rand.New(rand.NewPCG(seed, uint64(1+i))),
		}
	}
	steps := 0
	for range kills {
		daemon := mountWritable(t, repository, dir)
		var killed atomic.Bool
		var group sync.WaitGroup
		for _, w := range writers {
			if err := os.MkdirAll(w.dir, 0o755); err != nil {
				t.Fatal(err)
			}
			w.recover()
			group.Go(func() {
				for !killed.Load() {
					if err := w.step(); err != nil {
						if !killed.Load() {
							t.Error(err)
						}
						return
					}
				}
			})
		}
		time.Sleep(time.Duration(300+random.IntN(1200)) * time.Millisecond)
		killed.Store(true)
		daemon.signal(syscall.SIGKILL)
		daemon.end()
		group.Wait()
	}
	daemon := mountWritable(t, repository, dir)
	for _, w := range writers {
		w.recover()
		steps += len(w.files)
	}
	if steps == 0 {
		t.Error("nothing was written: the test shows nothing")
	}
	must(t, "", "repo", "verify")
	daemon.stop()
}
