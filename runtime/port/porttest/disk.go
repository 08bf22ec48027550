package porttest

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/noisefs/noisefs/runtime/port"
)

// Disk proves the contract of [port.Disk], as far as it can be seen without
// cutting the power. newDisk makes an empty disk.
func Disk(t *testing.T, newDisk func(testing.TB) port.Disk) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, port.Disk)
	}{
		{"CreateOpenRemove", diskCreateOpenRemove},
		{"Names", diskNames},
		{"RenameReplaces", diskRename},
		{"AppendAndRead", diskAppendAndRead},
		{"ManyBuffers", diskManyBuffers},
		{"Truncate", diskTruncate},
		{"RemovedStaysReadable", diskRemovedStaysReadable},
		{"TwoHandles", diskTwoHandles},
		{"ReadBesideAppend", diskReadBesideAppend},
		{"ClosedFile", diskClosedFile},
		{"Free", diskFree},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, newDisk(t)) })
	}
}

// diskFile makes a file with content.
func diskFile(t *testing.T, d port.Disk, name, content string) port.DiskFile {
	t.Helper()
	f, err := d.Create(name)
	if err != nil {
		t.Fatalf("Create: %v", err)
	}
	t.Cleanup(func() { _ = f.Close() })
	if _, err := f.Append([]byte(content)); err != nil {
		t.Fatalf("Append: %v", err)
	}
	return f
}

// wantContent reads a whole file.
func wantContent(t *testing.T, f port.DiskFile, want string) {
	t.Helper()
	size, err := f.Size()
	if err != nil || size != int64(len(want)) {
		t.Fatalf("Size: got %d, %v, want %d", size, err, len(want))
	}
	got := make([]byte, size)
	if _, err := f.ReadAt(got, 0); err != nil && !errors.Is(err, io.EOF) {
		t.Fatalf("ReadAt: %v", err)
	}
	if string(got) != want {
		t.Fatalf("content: got %.40q, want %.40q", got, want)
	}
}

func wantError(t *testing.T, what string, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Fatalf("%s: got error %v, want %v", what, got, want)
	}
}

func must(t *testing.T, what string, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

func diskCreateOpenRemove(t *testing.T, d port.Disk) {
	_, err := d.Open("a")
	wantError(t, "Open of nothing", err, port.ErrNotExist)
	wantError(t, "Remove of nothing", d.Remove("a"), port.ErrNotExist)
	wantError(t, "Rename of nothing", d.Rename("a", "b"), port.ErrNotExist)
	f := diskFile(t, d, "a", "hello")
	_, err = d.Create("a")
	wantError(t, "Create twice", err, port.ErrExist)
	must(t, "Sync", f.Sync())
	must(t, "SyncDir", d.SyncDir())
	again, err := d.Open("a")
	must(t, "Open", err)
	wantContent(t, again, "hello")
	must(t, "Close", again.Close())
	must(t, "Remove", d.Remove("a"))
	names, err := d.List()
	must(t, "List", err)
	if len(names) != 0 {
		t.Fatalf("List after Remove: %q", names)
	}
}

func diskNames(t *testing.T, d port.Disk) {
	good := []string{"a", "0", "x-1.pack", ".hidden", strings.Repeat("z", 64)}
	for _, name := range good {
		diskFile(t, d, name, name)
	}
	bad := []string{
		"", ".", "..", "a/b", "../a", "A", "a b", "a_b", "a\x00", "ä",
		strings.Repeat("z", 65),
	}
	for _, name := range bad {
		if _, err := d.Create(name); err == nil {
			t.Errorf("Create(%q): no error", name)
		}
		if _, err := d.Open(name); err == nil {
			t.Errorf("Open(%q): no error", name)
		}
		if d.Rename("a", name) == nil || d.Rename(name, "b") == nil {
			t.Errorf("Rename of %q: no error", name)
		}
		if d.Remove(name) == nil {
			t.Errorf("Remove(%q): no error", name)
		}
	}
	slices.Sort(good)
	got, err := d.List()
	must(t, "List", err)
	if !slices.Equal(got, good) {
		t.Fatalf("List: got %q, want %q", got, good)
	}
}

func diskRename(t *testing.T, d port.Disk) {
	diskFile(t, d, "old", "new content")
	replaced := diskFile(t, d, "taken", "old content")
	must(t, "Rename", d.Rename("old", "taken"))
	must(t, "SyncDir", d.SyncDir())
	names, err := d.List()
	must(t, "List", err)
	if !slices.Equal(names, []string{"taken"}) {
		t.Fatalf("List: got %q", names)
	}
	f, err := d.Open("taken")
	must(t, "Open", err)
	defer f.Close()
	wantContent(t, f, "new content")
	wantContent(t, replaced, "old content")
}

func diskAppendAndRead(t *testing.T, d port.Disk) {
	f := diskFile(t, d, "f", "")
	wantContent(t, f, "")
	for i, step := range []struct {
		buffers []string
		at      int64
	}{
		{[]string{"ab", "", "cde"}, 0},
		{[]string{"f"}, 5},
		{nil, 6},
		{[]string{""}, 6},
		{[]string{"gh", "i"}, 6},
	} {
		var buffers [][]byte
		for _, b := range step.buffers {
			buffers = append(buffers, []byte(b))
		}
		at, err := f.Append(buffers...)
		if err != nil || at != step.at {
			t.Fatalf("Append %d: got %d, %v, want %d", i, at, err, step.at)
		}
		for _, b := range buffers {
			clear(b) // the disk keeps no reference
		}
	}
	wantContent(t, f, "abcdefghi")
	p := make([]byte, 4)
	n, err := f.ReadAt(p, 3)
	if n != 4 || err != nil || string(p) != "defg" {
		t.Fatalf("ReadAt inside: %d, %v, %q", n, err, p)
	}
	n, err = f.ReadAt(p, 7)
	if n != 2 || !errors.Is(err, io.EOF) || string(p[:n]) != "hi" {
		t.Fatalf("ReadAt across the end: %d, %v, %q", n, err, p[:n])
	}
	for _, past := range []int64{9, 100} {
		if n, err := f.ReadAt(p, past); n != 0 || !errors.Is(err, io.EOF) {
			t.Fatalf("ReadAt past the end: %d, %v", n, err)
		}
	}
}

func diskManyBuffers(t *testing.T, d port.Disk) {
	f := diskFile(t, d, "f", "start")
	var want bytes.Buffer
	want.WriteString("start")
	var buffers [][]byte
	for i := range 2500 { // more than one system call takes
		b := bytes.Repeat([]byte{byte(i)}, i%7)
		buffers = append(buffers, b)
		want.Write(b)
	}
	at, err := f.Append(buffers...)
	if err != nil || at != 5 {
		t.Fatalf("Append: %d, %v", at, err)
	}
	wantContent(t, f, want.String())
}

func diskTruncate(t *testing.T, d port.Disk) {
	f := diskFile(t, d, "f", "abcdef")
	must(t, "Sync", f.Sync())
	must(t, "Truncate", f.Truncate(3))
	wantContent(t, f, "abc")
	at, err := f.Append([]byte("xy"))
	if err != nil || at != 3 {
		t.Fatalf("Append after Truncate: %d, %v", at, err)
	}
	wantContent(t, f, "abcxy")
	must(t, "Truncate", f.Truncate(0))
	wantContent(t, f, "")
	if f.Truncate(-1) == nil {
		t.Fatal("Truncate below zero: no error")
	}
}

func diskRemovedStaysReadable(t *testing.T, d port.Disk) {
	f := diskFile(t, d, "f", "still here")
	must(t, "Remove", d.Remove("f"))
	must(t, "SyncDir", d.SyncDir())
	wantContent(t, f, "still here")
	other := diskFile(t, d, "f", "another")
	wantContent(t, other, "another")
	wantContent(t, f, "still here")
}

func diskTwoHandles(t *testing.T, d port.Disk) {
	f := diskFile(t, d, "f", "one")
	reader, err := d.Open("f")
	must(t, "Open", err)
	defer reader.Close()
	_, err = f.Append([]byte("two"))
	must(t, "Append", err)
	wantContent(t, reader, "onetwo")
	must(t, "Close", f.Close())
	wantContent(t, reader, "onetwo")
	again, err := d.Open("f")
	must(t, "Open", err)
	defer again.Close()
	at, err := again.Append([]byte("three"))
	if err != nil || at != 6 {
		t.Fatalf("Append to an opened file: %d, %v", at, err)
	}
}

func diskReadBesideAppend(t *testing.T, d port.Disk) {
	const pieces, size = 200, 512
	f := diskFile(t, d, "f", "")
	var wait sync.WaitGroup
	wait.Go(func() {
		for i := range pieces {
			if _, err := f.Append(bytes.Repeat([]byte{byte(i)}, size)); err != nil {
				t.Errorf("Append: %v", err)
				return
			}
		}
	})
	p := make([]byte, size)
	for i := 0; i < pieces; {
		n, err := f.ReadAt(p, int64(i)*size)
		if err != nil && !errors.Is(err, io.EOF) {
			t.Fatalf("ReadAt: %v", err)
		}
		for _, b := range p[:n] {
			if b != byte(i) {
				t.Fatalf("piece %d: got byte %d", i, b)
			}
		}
		if n == size {
			i++
		}
	}
	wait.Wait()
}

func diskClosedFile(t *testing.T, d port.Disk) {
	f := diskFile(t, d, "f", "abc")
	must(t, "Close", f.Close())
	if _, err := f.Append([]byte("x")); err == nil {
		t.Error("Append to a closed file: no error")
	}
	if _, err := f.ReadAt(make([]byte, 1), 0); err == nil {
		t.Error("ReadAt of a closed file: no error")
	}
	if f.Sync() == nil || f.Truncate(0) == nil {
		t.Error("Sync or Truncate of a closed file: no error")
	}
}

func diskFree(t *testing.T, d port.Disk) {
	free, err := d.Free()
	if err != nil || free <= 0 {
		t.Fatalf("Free: got %d, %v", free, err)
	}
}
