package host_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/noisefs/noisefs/runtime/host"
	"github.com/noisefs/noisefs/runtime/port"
	"github.com/noisefs/noisefs/runtime/port/porttest"
)

func openDisk(tb testing.TB, path string) *host.Disk {
	tb.Helper()
	d, err := host.OpenDisk(path)
	if err != nil {
		tb.Fatalf("OpenDisk: %v", err)
	}
	tb.Cleanup(func() { _ = d.Close() })
	return d
}

func TestDiskConformance(t *testing.T) {
	porttest.Disk(t, func(tb testing.TB) port.Disk { return openDisk(tb, tb.TempDir()) })
}

func TestDiskIsPrivate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "blocks")
	d := openDisk(t, path)
	f, err := d.Create("file")
	if err != nil {
		t.Fatalf("Create: %v", err)
	}
	defer f.Close()
	for name, want := range map[string]os.FileMode{"": 0o700, "file": 0o600} {
		info, err := os.Stat(filepath.Join(path, name))
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("mode of %q: got %v, %v, want %v", name, info.Mode().Perm(), err, want)
		}
	}
}

func TestDiskListsNothingForeign(t *testing.T) {
	path := t.TempDir()
	d := openDisk(t, path)
	if err := os.Mkdir(filepath.Join(path, "folder"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(path, "Foreign_Name"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/etc/passwd", filepath.Join(path, "symlink")); err != nil {
		t.Fatal(err)
	}
	names, err := d.List()
	if err != nil || len(names) != 0 {
		t.Errorf("List: got %q, %v", names, err)
	}
	for _, name := range []string{"folder", "symlink"} {
		if _, err := d.Open(name); err == nil {
			t.Errorf("Open(%q): no error", name)
		}
	}
	if err := d.Remove("folder"); err == nil {
		t.Error("Remove of a folder: no error")
	}
}

func TestDiskIsFull(t *testing.T) {
	var before unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_FSIZE, &before); err != nil {
		t.Fatal(err)
	}
	d := openDisk(t, t.TempDir())
	f, err := d.Create("file")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	// The system lets a file grow to the limit and refuses the rest with
	// EFBIG, as it does with ENOSPC on a full disk.
	limited := unix.Rlimit{Cur: 10000, Max: before.Max}
	if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &limited); err != nil {
		t.Fatal(err)
	}
	_, err = f.Append(make([]byte, 6000), make([]byte, 6000))
	if restored := unix.Setrlimit(unix.RLIMIT_FSIZE, &before); restored != nil {
		t.Fatal(restored)
	}
	if !errors.Is(err, port.ErrDiskFull) {
		t.Fatalf("Append: got %v, want ErrDiskFull", err)
	}
	if err := f.Truncate(0); err != nil {
		t.Fatalf("Truncate: %v", err)
	}
	if at, err := f.Append([]byte("x")); err != nil || at != 0 {
		t.Fatalf("Append after Truncate: %d, %v", at, err)
	}
}

func TestDiskErrors(t *testing.T) {
	parent := t.TempDir()
	_, err := host.OpenDisk(filepath.Join(parent, "no", "such"))
	if !errors.Is(err, port.ErrNotExist) {
		t.Errorf("OpenDisk without a parent: got %v, want ErrNotExist", err)
	}
	file := filepath.Join(parent, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := host.OpenDisk(file); err == nil {
		t.Error("OpenDisk of a file: no error")
	}
}
