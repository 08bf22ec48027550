package main

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// newMountPoint makes a folder to mount on. The test is skipped where the system
// cannot mount, and fails when it leaves a mount behind.
func newMountPoint(t *testing.T) string {
	t.Helper()
	if _, err := os.Stat("/dev/fuse"); err != nil {
		t.Skip("this system has no /dev/fuse")
	}
	if _, err := exec.LookPath("fusermount3"); err != nil && os.Geteuid() != 0 {
		t.Skip("fusermount3 is not installed (package fuse3), and only root can do without")
	}
	dir, err := os.MkdirTemp("", "noisefs-mount-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if isMountPoint(t, dir) {
			t.Errorf("%s is still mounted", dir)
			if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
				t.Error(err)
			}
		}
		if err := os.Remove(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func isMountPoint(t *testing.T, dir string) bool {
	t.Helper()
	text, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Contains(string(text), " "+dir+" ")
}

// mountDaemon starts a daemon with its drive mounted. It is stopped, and the
// mount with it, before the folder goes.
func mountDaemon(t *testing.T, repository, dir string) *process {
	t.Helper()
	daemon := startDaemon(t, repository, "--mount", dir, "--mount-options", "ro")
	t.Cleanup(func() {
		if daemon.running() {
			daemon.stop()
		}
	})
	return daemon
}

func TestMountShowsWhatIsStored(t *testing.T) {
	dir := newMountPoint(t)
	source := t.TempDir()
	if err := errors.Join(
		os.MkdirAll(filepath.Join(source, "a", "deep", "folder"), 0o755),
		os.Mkdir(filepath.Join(source, "empty"), 0o700),
		os.WriteFile(filepath.Join(source, "none"), nil, 0o644),
		os.WriteFile(filepath.Join(source, "a", "small \xff name"), []byte("few"), 0o600),
		os.WriteFile(filepath.Join(source, "a", "tool"), randomBytes(1, 70_000), 0o755),
		os.WriteFile(filepath.Join(source, "a", "deep", "large"), randomBytes(2, 5_000_001), 0o640),
		os.Symlink("../none", filepath.Join(source, "a", "link")),
		os.Chtimes(filepath.Join(source, "none"), time.Time{}, time.Unix(1_000_000_000, 123_456_789)),
	); err != nil {
		t.Fatal(err)
	}
	sparse := filepath.Join(source, "sparse")
	if err := errors.Join(os.WriteFile(sparse, []byte("head"), 0o644),
		os.Truncate(sparse, 40<<20)); err != nil {
		t.Fatal(err)
	}
	mountDaemon(t, newRepository(t), dir)
	must(t, "", "put", "-r", source, "--to", "/tree")
	compareTrees(t, source, filepath.Join(dir, "tree"))
}

// compareTrees fails unless two trees have the same names, modes, times,
// targets and bytes.
func compareTrees(t *testing.T, want, got string) {
	t.Helper()
	err := filepath.WalkDir(want, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		other := got + strings.TrimPrefix(path, want)
		a, err := os.Lstat(path)
		if err != nil {
			return err
		}
		b, err := os.Lstat(other)
		if err != nil {
			return err
		}
		sizes := a.IsDir() || a.Size() == b.Size()
		if a.Mode() != b.Mode() || !sizes || !a.ModTime().Equal(b.ModTime()) {
			t.Errorf("%q: got %v, %d bytes, %v; want %v, %d bytes, %v", other,
				b.Mode(), b.Size(), b.ModTime(), a.Mode(), a.Size(), a.ModTime())
		}
		return compareContents(t, path, other, a.Mode())
	})
	if err != nil {
		t.Error(err)
	}
}

func compareContents(t *testing.T, path, other string, mode fs.FileMode) error {
	t.Helper()
	read := func(path string) (string, error) {
		switch {
		case mode&fs.ModeSymlink != 0:
			return os.Readlink(path)
		case mode.IsDir():
			var names strings.Builder
			entries, err := os.ReadDir(path)
			for _, entry := range entries {
				names.WriteString(entry.Name() + "/")
			}
			return names.String(), err
		}
		data, err := os.ReadFile(path)
		return string(data), err
	}
	want, err := read(path)
	if err != nil {
		return err
	}
	got, err := read(other)
	if err == nil && got != want {
		t.Errorf("%q: got %d other bytes, want %d", other, len(got), len(want))
	}
	return err
}

// TestMountShowsChangesAtOnce has the kernel remember names, there or not,
// before each command that changes them.
func TestMountShowsChangesAtOnce(t *testing.T) {
	dir := newMountPoint(t)
	mountDaemon(t, newRepository(t), dir)
	want := func(name, content string) {
		t.Helper()
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || string(data) != content {
			t.Errorf("%s: got %q and %v, want %q", name, data, err, content)
		}
	}
	gone := func(name string) {
		t.Helper()
		if _, err := os.Lstat(filepath.Join(dir, name)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: got %v, want that it does not exist", name, err)
		}
	}
	gone("new")
	must(t, "one", "put", "-", "--to", "/new")
	want("new", "one")
	must(t, "two", "put", "-", "--to", "/new", "--force")
	want("new", "two")
	gone("a/b/c")
	must(t, "", "mkdir", "-p", "/a/b")
	gone("a/b/c")
	must(t, "", "mv", "/new", "/a/b/c")
	want("a/b/c", "two")
	gone("new")
	must(t, "", "mv", "/a", "/z")
	gone("a")
	want("z/b/c", "two")
	link := strings.Fields(must(t, "", "share", "/z"))[0]
	gone("copy")
	must(t, link, "import", "-", "/copy")
	want("copy/b/c", "two")
	must(t, "", "rm", "-r", "/z")
	gone("z")
	gone("z/b")
	want("copy/b/c", "two")
}

func TestMountRefusesChanges(t *testing.T) {
	dir := newMountPoint(t)
	mountDaemon(t, newRepository(t), dir)
	must(t, "data", "put", "-", "--to", "/file")
	path := filepath.Join(dir, "file")
	for what, err := range map[string]error{
		"write":  os.WriteFile(path, nil, 0o644),
		"create": os.WriteFile(path+"2", nil, 0o644),
		"remove": os.Remove(path),
		"rename": os.Rename(path, path+"2"),
		"mkdir":  os.Mkdir(path+"2", 0o755),
		"chmod":  os.Chmod(path, 0o600),
		"link":   os.Link(path, path+"2"),
		"xattr":  unix.Setxattr(path, "user.a", []byte("b"), 0),
	} {
		if !errors.Is(err, syscall.EROFS) {
			t.Errorf("%s: got %v, want EROFS", what, err)
		}
	}
	var value [16]byte
	if _, err := unix.Getxattr(path, "user.a", value[:]); !errors.Is(err, syscall.ENODATA) {
		t.Errorf("an attribute that is not there: got %v, want ENODATA", err)
	}
	if n, err := unix.Listxattr(path, value[:]); n != 0 || err != nil {
		t.Errorf("attributes: got %d bytes and %v, want none", n, err)
	}
}

func TestMountTellsOfSpace(t *testing.T) {
	dir := newMountPoint(t)
	mountDaemon(t, newRepository(t), dir)
	var before, after unix.Statfs_t
	if err := unix.Statfs(dir, &before); err != nil {
		t.Fatal(err)
	}
	must(t, string(randomBytes(3, 2_000_000)), "put", "-", "--to", "/file")
	if err := unix.Statfs(dir, &after); err != nil {
		t.Fatal(err)
	}
	used := func(s unix.Statfs_t) int64 { return int64(s.Blocks-s.Bfree) * s.Bsize }
	if grown := used(after) - used(before); grown < 2_000_000 || grown > 8_000_000 {
		t.Errorf("a file of 2 MB takes %d bytes", grown)
	}
	if after.Namelen != 255 || after.Bavail == 0 {
		t.Errorf("names of %d bytes, %d blocks available", after.Namelen, after.Bavail)
	}
}

func TestMountedInodesStay(t *testing.T) {
	dir := newMountPoint(t)
	repository := newRepository(t)
	source := t.TempDir()
	if err := errors.Join(os.Mkdir(filepath.Join(source, "in"), 0o755),
		os.WriteFile(filepath.Join(source, "in", "file"), []byte("x"), 0o644)); err != nil {
		t.Fatal(err)
	}
	inodes := func(names ...string) (found []uint64) {
		for _, name := range names {
			var s unix.Stat_t
			if err := unix.Lstat(filepath.Join(dir, name), &s); err != nil {
				t.Fatal(err)
			}
			found = append(found, s.Ino)
		}
		return found
	}
	daemon := mountDaemon(t, repository, dir)
	must(t, "", "put", "-r", source, "--to", "/tree")
	must(t, "y", "put", "-", "--to", "/alone")
	want := inodes("", "tree", "tree/in", "tree/in/file", "alone")
	open, err := os.Open(filepath.Join(dir, "tree", "in", "file"))
	if err != nil {
		t.Fatal(err)
	}
	must(t, "", "mv", "/tree/in", "/moved")
	if data, err := io.ReadAll(open); err != nil || string(data) != "x" {
		t.Errorf("an open file that was moved: got %q and %v", data, err)
	}
	_ = open.Close() // it was only read
	daemon.stop()
	mountDaemon(t, repository, dir)
	if got := inodes("", "tree", "moved", "moved/file", "alone"); !slices.Equal(got, want) {
		t.Errorf("the inodes became %v, were %v", got, want)
	}
}

// TestMountListsWhileNamesGo reads a large directory in pieces, while files are
// removed that were listed and that were not.
func TestMountListsWhileNamesGo(t *testing.T) {
	const files = 2500
	dir := newMountPoint(t)
	source := t.TempDir()
	for i := range files {
		if err := os.WriteFile(filepath.Join(source, strconv.Itoa(10_000+i)), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	mountDaemon(t, newRepository(t), dir)
	must(t, "", "put", "-r", source, "--to", "/many")
	folder, err := os.Open(filepath.Join(dir, "many"))
	if err != nil {
		t.Fatal(err)
	}
	defer folder.Close()
	seen := make(map[string]int)
	for piece := 0; ; piece++ {
		names, err := folder.Readdirnames(100)
		for _, name := range names {
			seen[name]++
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if piece == 3 {
			must(t, "", "rm", "/many/10000")
			must(t, "", "rm", "/many/12400")
		}
	}
	for i := range files {
		name := strconv.Itoa(10_000 + i)
		if seen[name] != 1 && name != "12400" {
			t.Errorf("%s was listed %d times", name, seen[name])
		}
	}
	if _, err := folder.Seek(0, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	names, err := folder.Readdirnames(-1)
	if err != nil || len(names) != files-2 {
		t.Errorf("from the beginning again: %d names and %v, want %d", len(names), err, files-2)
	}
}

func TestMountOfItsOwn(t *testing.T) {
	dir := newMountPoint(t)
	newRepository(t)
	node := start(t, nil, "mount", dir, "-o", "nodev,noexec", "--read-timeout", "5s")
	node.await()
	must(t, "through it", "put", "-", "--to", "/file")
	if data, err := os.ReadFile(filepath.Join(dir, "file")); err != nil || string(data) != "through it" {
		t.Errorf("got %q and %v", data, err)
	}
	mustFail(t, exitUsage, "mount", dir)
	must(t, "", "umount", dir)
	if code := node.end(); code != exitOK {
		t.Errorf("it ended with %d: %s", code, node.said)
	}
	mustFail(t, exitNotFound, "umount", dir)
	mustFail(t, exitUsage, "mount", dir, "-o", "never_heard_of")
}

func TestDaemonMountsOnDemand(t *testing.T) {
	dir := newMountPoint(t)
	repository := newRepository(t)
	daemon := startDaemon(t, repository)
	mustFail(t, exitUsage, "mount", filepath.Dir(repository))
	must(t, "", "mount", dir)
	must(t, "", "umount", dir)
	must(t, "", "mount", dir)
	daemon.stop()
	if isMountPoint(t, dir) {
		t.Error("the daemon left its mount")
	}
}

func TestStaleMountIsCleaned(t *testing.T) {
	dir := newMountPoint(t)
	repository := newRepository(t)
	daemon := mountDaemon(t, repository, dir)
	daemon.signal(syscall.SIGKILL)
	daemon.end()
	var answer unix.Statfs_t
	if err := unix.Statfs(dir, &answer); !errors.Is(err, syscall.ENOTCONN) {
		t.Fatalf("no stale mount to test with: %v", err)
	}
	daemon = mountDaemon(t, repository, dir)
	must(t, "again", "put", "-", "--to", "/file")
	path := filepath.Join(dir, "file")
	if data, err := os.ReadFile(path); err != nil || string(data) != "again" {
		t.Errorf("got %q and %v", data, err)
	}
	// A file that is open keeps no daemon from stopping, nor the mount.
	open, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close()
	mustFail(t, exitFailure, "umount", dir)
	daemon.stop()
	if isMountPoint(t, dir) {
		t.Error("the daemon left its mount")
	}
}
