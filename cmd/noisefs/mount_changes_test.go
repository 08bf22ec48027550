package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// mountWritable starts a daemon whose mount takes changes.
func mountWritable(t *testing.T, repository, dir string) *process {
	t.Helper()
	daemon := startDaemon(t, repository, "--mount", dir)
	t.Cleanup(func() {
		if daemon.running() {
			daemon.stop()
		}
	})
	return daemon
}

func TestMountTakesChangesOfNames(t *testing.T) {
	dir, second := newMountPoint(t), newMountPoint(t)
	mountWritable(t, newRepository(t), dir)
	must(t, "data", "put", "-", "--to", "/file")
	at := func(name string) string { return filepath.Join(dir, name) }
	modified := time.Unix(1_000_000_000, 123_456_789)
	if err := errors.Join(
		os.Mkdir(at("dir"), 0o750),
		os.Mkdir(at("dir/in"), 0o755),
		os.Symlink("../anywhere", at("dir/link")),
		os.Rename(at("file"), at("dir/file")),
		os.Chmod(at("dir/file"), 0o400),
		os.Chtimes(at("dir/file"), modified, modified),
		os.Lchown(at("dir/file"), os.Geteuid(), os.Getegid()),
		os.Rename(at("dir"), at("moved")),
		os.Remove(at("moved/in")),
	); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(at("moved/file"))
	if err != nil || info.Mode() != 0o400 || !info.ModTime().Equal(modified) {
		t.Errorf("got %v and %v", info, err)
	}
	if target, err := os.Readlink(at("moved/link")); err != nil || target != "../anywhere" {
		t.Errorf("got %q and %v", target, err)
	}
	if got := must(t, "", "cat", "/moved/file"); got != "data" {
		t.Errorf("the other commands read %q", got)
	}
	if info, err := os.Stat(at("moved")); err != nil || info.Mode() != fs.ModeDir|0o750 {
		t.Errorf("got %v and %v", info, err)
	}
	must(t, "", "mv", "/moved/file", "/back")
	if err := os.Remove(at("back")); err != nil {
		t.Error(err)
	}
	mustFail(t, exitNotFound, "cat", "/back")
	mustFail(t, exitUsage, "mount", second, "-o", "rw")
	must(t, "", "mount", second, "--read-only")
	if err := os.Mkdir(at("seen"), 0o755); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(second, "seen")); err != nil {
		t.Errorf("on another mount of the drive: %v", err)
	}
}

func TestMountRefusesWhatItCannotChange(t *testing.T) {
	dir := newMountPoint(t)
	mountWritable(t, newRepository(t), dir)
	must(t, "data", "put", "-", "--to", "/file")
	path := filepath.Join(dir, "file")
	full := filepath.Join(dir, "full")
	if err := os.MkdirAll(filepath.Join(full, "in"), 0o755); err != nil {
		t.Fatal(err)
	}
	flagged := func(flags uint) error { return unix.Renameat2(0, path, 0, full, flags) }
	for _, c := range []struct {
		what string
		err  error
		want syscall.Errno
	}{
		{"hard link of a directory", os.Link(full, path+"2"), syscall.EPERM},
		{"hard link onto what is there", os.Link(path, full), syscall.EEXIST},
		{"xattr", unix.Setxattr(path, "security.a", []byte("b"), 0), syscall.EOPNOTSUPP},
		{"no xattr", unix.Removexattr(path, "user.a"), syscall.ENODATA},
		{"a name that is too long", os.Mkdir(path+strings.Repeat("n", 255), 0o755), syscall.ENAMETOOLONG},
		{"rmdir of a full directory", unix.Rmdir(full), syscall.ENOTEMPTY},
		{"rmdir of a file", unix.Rmdir(path), syscall.ENOTDIR},
		{"unlink of a directory", unix.Unlink(full), syscall.EISDIR},
		{"mkdir of what is there", os.Mkdir(path, 0o755), syscall.EEXIST},
		{"rename onto what is there", flagged(unix.RENAME_NOREPLACE), syscall.EEXIST},
		{"exchange with nothing", unix.Renameat2(0, path, 0, full+"/none",
			unix.RENAME_EXCHANGE), syscall.ENOENT},
		{"whiteout", unix.Renameat2(0, path, 0, path+"3", unix.RENAME_WHITEOUT), syscall.EINVAL},
		{"a directory into itself", unix.Rename(full, full+"/in/new"), syscall.EINVAL},
	} {
		if !errors.Is(c.err, c.want) {
			t.Errorf("%s: got %v, want %v", c.what, c.err, c.want)
		}
	}
	if data, err := os.ReadFile(path); err != nil || string(data) != "data" {
		t.Errorf("the file is now %q and %v", data, err)
	}
}

func TestMountKeepsWhatIsOpenAndRemoved(t *testing.T) {
	dir := newMountPoint(t)
	mountWritable(t, newRepository(t), dir)
	want := string(randomBytes(4, 600_000))
	must(t, want, "put", "-", "--to", "/file")
	open, err := os.Open(filepath.Join(dir, "file"))
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close()
	if err := os.Remove(open.Name()); err != nil {
		t.Fatal(err)
	}
	must(t, "", "repo", "gc")
	var status unix.Stat_t
	if err := unix.Fstat(int(open.Fd()), &status); err != nil || status.Nlink != 0 {
		t.Errorf("it has %d links and %v", status.Nlink, err)
	}
	if data, err := io.ReadAll(open); err != nil || string(data) != want {
		t.Errorf("got %d bytes and %v", len(data), err)
	}
}

// TestMountedNamesFollowAModel makes random changes of names through the mount,
// from many goroutines at once, kills the daemon, and compares what is there
// after a remount with what system calls said.
func TestMountedNamesFollowAModel(t *testing.T) {
	const workers, rounds, steps = 4, 3, 60
	dir := newMountPoint(t)
	repository := newRepository(t)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	models := make([]map[string]bool, workers) // paths below a worker's own directory
	for w := range models {
		models[w] = make(map[string]bool)
	}
	for round := range rounds {
		daemon := mountWritable(t, repository, dir)
		var group sync.WaitGroup
		for w, model := range models {
			own := filepath.Join(dir, fmt.Sprint(w))
			if round == 0 {
				if err := os.Mkdir(own, 0o755); err != nil {
					t.Fatal(err)
				}
			}
			random := rand.New(rand.NewPCG(seed, uint64(round*workers+w)))
			compareWithModel(t, own, model)
			group.Go(func() {
				for range steps {
					changeRandomly(t, random, own, model)
				}
			})
		}
		group.Wait()
		daemon.signal(syscall.SIGKILL)
		daemon.end()
	}
	daemon := mountWritable(t, repository, dir)
	for w, model := range models {
		compareWithModel(t, filepath.Join(dir, fmt.Sprint(w)), model)
	}
	must(t, "", "repo", "verify")
	daemon.stop()
}

// changeRandomly makes one change below own, and the same of the model.
func changeRandomly(t *testing.T, random *rand.Rand, own string, model map[string]bool) {
	name := func() string {
		path := string(rune('a' + random.IntN(3)))
		for random.IntN(2) == 0 && len(path) < 7 {
			path += "/" + string(rune('a'+random.IntN(3)))
		}
		return path
	}
	isFree := func(path string) bool {
		parent := filepath.Dir(path)
		return !model[path] && (parent == "." || model[parent])
	}
	isEmpty := func(path string) bool {
		for other := range model {
			if strings.HasPrefix(other, path+"/") {
				return false
			}
		}
		return true
	}
	path, other := name(), name()
	var err error
	var want bool
	switch random.IntN(4) {
	case 0, 1:
		err, want = os.Mkdir(filepath.Join(own, path), 0o755), isFree(path)
		if want {
			model[path] = true
		}
	case 2:
		err, want = os.Remove(filepath.Join(own, path)), model[path] && isEmpty(path)
		if want {
			delete(model, path)
		}
	case 3:
		err = unix.Rename(filepath.Join(own, path), filepath.Join(own, other))
		below := strings.HasPrefix(other+"/", path+"/") && other != path
		want = model[path] && !below && (isFree(other) || model[other] && isEmpty(other) || path == other)
		if want && path != other {
			moveInModel(model, path, other)
		}
	}
	if (err == nil) != want {
		t.Errorf("%s, %s: got %v, the model says %v", path, other, err, want)
	}
}

func moveInModel(model map[string]bool, from, to string) {
	var moved []string
	for path := range model {
		if path == from || strings.HasPrefix(path, from+"/") {
			moved = append(moved, path)
		}
	}
	for _, path := range moved {
		delete(model, path)
	}
	for _, path := range moved {
		model[to+strings.TrimPrefix(path, from)] = true
	}
}

func compareWithModel(t *testing.T, own string, model map[string]bool) {
	t.Helper()
	found := 0
	err := filepath.WalkDir(own, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || path == own {
			return err
		}
		found++
		if below := strings.TrimPrefix(path, own+"/"); !model[below] {
			t.Errorf("%s is there", below)
		}
		return nil
	})
	if err != nil || found != len(model) {
		t.Errorf("%d names and %v, the model has %d", found, err, len(model))
	}
}
