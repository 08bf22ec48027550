package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/noisefs/noisefs/runtime/config"
)

// TestScripts runs the command lines in testdata/script, each in a folder
// of its own. What a script may say beyond testscript's own commands:
//
//	fails CODE COMMAND…  the command ends with that exit code, says why on
//	                     standard error, and shows no link there
//	random FILE SIZE     a file of random bytes, the same for the same size
//	holes FILE SIZE      a file of SIZE with a little data at 1 MiB
//	same A B             two files are equal, byte for byte
//	sametree A B         two trees are, with modes, times and symlinks
//	issparse FILE        a file takes less on disk than its size
//	oddtree DIR          a tree of odd names, modes and times
//	link VAR             VAR becomes the first word of what was printed
//	typo VAR FROM        VAR becomes FROM with one letter in it changed
//	isjson [FIELD RE]…   what was printed is JSON, whose fields match
//	arejson COUNT|+      what was printed are COUNT lines of JSON, or some
//	tmpfs DIR SIZE       a small disk is mounted at DIR
//	remount DIR ro|rw    and made read-only
//	fill FILE            FILE takes all that its disk can give
//	serve                from here on a daemon has the repository, when
//	                     TestScriptsThroughDaemon runs the script
func TestScripts(t *testing.T) {
	if testing.Short() {
		t.Skip("command lines are tested without -short")
	}
	alone := func(*testscript.TestScript, bool, []string) {}
	runScripts(t, filepath.Join("testdata", "script"), nil, alone)
}

// TestScriptsThroughDaemon runs the scripts that say "serve" once more, with
// a daemon from there on.
func TestScriptsThroughDaemon(t *testing.T) {
	if testing.Short() {
		t.Skip("command lines are tested without -short")
	}
	all, err := filepath.Glob(filepath.Join("testdata", "script", "*.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	var scripts []string
	for _, name := range all {
		if strings.Contains(read(t, name), "\nserve\n") {
			scripts = append(scripts, name)
		}
	}
	if len(scripts) == 0 {
		t.Fatal("no script says serve")
	}
	runScripts(t, "", scripts, scriptServe)
}

func runScripts(
	t *testing.T, dir string, files []string,
	serve func(*testscript.TestScript, bool, []string),
) {
	testscript.Run(t, testscript.Params{
		Dir:                 dir,
		Files:               files,
		WorkdirRoot:         scriptsDir(t),
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup:               setUpScript,
		Condition: func(name string) (bool, error) {
			if name == "mount" {
				return os.Geteuid() == 0, nil
			}
			return false, fmt.Errorf("unknown condition %q", name)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"fails": scriptFails, "random": scriptRandom, "holes": scriptHoles, "same": scriptSame,
			"sametree": scriptSameTree, "issparse": scriptIsSparse, "oddtree": scriptOddTree,
			"link": scriptLink, "typo": scriptTypo, "isjson": scriptIsJSON,
			"arejson": scriptAreJSON, "tmpfs": scriptTmpfs, "remount": scriptRemount,
			"fill": scriptFill, "serve": serve,
		},
	})
}

// scriptsDir makes a folder for the folders of scripts. Without it testscript
// makes one, and leaves it behind when -run leaves out a script.
func scriptsDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "scripts-") // short: paths of sockets have to be
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = filepath.WalkDir(dir, func(name string, entry os.DirEntry, err error) error {
			if err == nil && entry.IsDir() {
				return os.Chmod(name, 0o700) // a script may have made it read-only
			}
			return nil
		})
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// scriptServe starts a daemon of the script's repository, which must end
// cleanly after the script.
func scriptServe(ts *testscript.TestScript, _ bool, _ []string) {
	dir := ts.Getenv("NOISEFS_REPO")
	said := new(lockedBuffer)
	cmd := exec.Command("noisefs", "daemon", "--repo", dir)
	cmd.Stderr = said
	ts.Check(cmd.Start())
	for !strings.Contains(said.String(), "Daemon is ready") {
		if err := cmd.Process.Signal(syscall.Signal(0)); err != nil {
			ts.Fatalf("the daemon does not start: %s", said)
		}
		time.Sleep(5 * time.Millisecond)
	}
	ts.Defer(func() {
		ts.Check(cmd.Process.Signal(syscall.SIGTERM))
		if err := cmd.Wait(); err != nil {
			ts.Fatalf("the daemon ended with %v: %s", err, said)
		}
		if strings.Contains(said.String(), "level=ERROR") {
			ts.Fatalf("the daemon complains: %s", said)
		}
	})
}

// setUpScript gives a script a home, a repository's place, and a temp folder
// that must be empty at the end.
func setUpScript(env *testscript.Env) error {
	home := filepath.Join(env.WorkDir, "home")
	env.Setenv("HOME", home)
	env.Setenv("NOISEFS_REPO", filepath.Join(env.WorkDir, "repo"))
	env.Setenv("XDG_RUNTIME_DIR", filepath.Join(env.WorkDir, "run"))
	env.Setenv("TZ", "UTC")
	temp := env.Getenv("TMPDIR")
	t := env.T()
	env.Defer(func() {
		left, err := filepath.Glob(filepath.Join(temp, "*"))
		if err != nil || len(left) > 0 {
			t.Fatal("left in the temp folder:", left, err)
		}
		_ = filepath.WalkDir(env.WorkDir, func(name string, _ os.DirEntry, _ error) error {
			if strings.HasPrefix(filepath.Base(name), ".noisefs-get-") {
				t.Fatal("get left behind", name)
			}
			return nil
		})
	})
	return os.Mkdir(home, 0o700)
}

var linkPattern = regexp.MustCompile(`noisefs:[1-9A-HJ-NP-Za-km-z]{20,}`)

func scriptFails(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: fails CODE COMMAND…")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("got exit code %d, want %d", got, want)
	}
	said := ts.ReadFile("stderr")
	if !strings.Contains("\n"+said, "\nnoisefs: ") {
		ts.Fatalf("it does not say why it failed")
	}
	if linkPattern.MatchString(said) {
		ts.Fatalf("a link is shown on standard error")
	}
	for _, word := range []string{"panic", "goroutine ", "runtime error", "internal error"} {
		if strings.Contains(said, word) {
			ts.Fatalf("standard error speaks of %q", word)
		}
	}
}

func scriptRandom(ts *testscript.TestScript, _ bool, args []string) {
	size, err := config.ParseSize(args[1])
	ts.Check(err)
	ts.Check(os.MkdirAll(filepath.Dir(ts.MkAbs(args[0])), 0o755))
	// Printable, so that a log of what went wrong can be read.
	text := base64.StdEncoding.EncodeToString(randomBytes(uint64(size), int(size)))
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text[:size]), 0o644))
}

func scriptHoles(ts *testscript.TestScript, _ bool, args []string) {
	size, err := config.ParseSize(args[1])
	ts.Check(err)
	ts.Check(makeHoles(ts.MkAbs(args[0]), size))
}

func makeHoles(name string, size int64) error {
	file, err := os.Create(name)
	if err != nil {
		return err
	}
	_, err = file.WriteAt([]byte("an island"), 1<<20)
	return errors.Join(err, file.Truncate(size), file.Close())
}

func scriptSame(ts *testscript.TestScript, neg bool, args []string) {
	equal, err := sameFile(ts.MkAbs(args[0]), ts.MkAbs(args[1]))
	if args[0] == "stdout" {
		var want []byte
		want, err = os.ReadFile(ts.MkAbs(args[1]))
		equal = ts.ReadFile("stdout") == string(want)
	}
	ts.Check(err)
	if equal == neg {
		ts.Fatalf("%s and %s: equal is %v", args[0], args[1], equal)
	}
}

// sameFile compares two files without reading either whole.
func sameFile(one, two string) (bool, error) {
	a, err := os.Open(one)
	if err != nil {
		return false, err
	}
	defer a.Close()
	b, err := os.Open(two)
	if err != nil {
		return false, err
	}
	defer b.Close()
	left, right := make([]byte, 1<<20), make([]byte, 1<<20)
	for {
		n, errA := io.ReadFull(a, left)
		m, errB := io.ReadFull(b, right)
		if n != m || !bytes.Equal(left[:n], right[:m]) {
			return false, nil
		}
		if errA != nil || errB != nil {
			return errA == errB, nil
		}
	}
}

func scriptIsSparse(ts *testscript.TestScript, neg bool, args []string) {
	info, err := os.Stat(ts.MkAbs(args[0]))
	ts.Check(err)
	blocks := info.Sys().(*syscall.Stat_t).Blocks
	if sparse := blocks*512 < info.Size()/2; sparse == neg {
		ts.Fatalf("%s: %d bytes in %d sectors", args[0], info.Size(), blocks)
	}
}

func scriptLink(ts *testscript.TestScript, _ bool, args []string) {
	word, _, _ := strings.Cut(strings.TrimSpace(ts.ReadFile("stdout")), "\t")
	if !linkPattern.MatchString(word) {
		ts.Fatalf("what was printed is no link")
	}
	ts.Setenv(args[0], word)
}

func scriptTypo(ts *testscript.TestScript, _ bool, args []string) {
	text := []byte(ts.Getenv(args[1]))
	at := len(text) / 2
	if text[at] == 'a' {
		text[at] = 'b'
	} else {
		text[at] = 'a'
	}
	ts.Setenv(args[0], string(text))
}

func scriptIsJSON(ts *testscript.TestScript, _ bool, args []string) {
	var value any
	decoder := json.NewDecoder(strings.NewReader(ts.ReadFile("stdout")))
	decoder.UseNumber()
	ts.Check(decoder.Decode(&value))
	if decoder.More() {
		ts.Fatalf("more than one JSON value was printed")
	}
	fields, _ := value.(map[string]any)
	for len(args) >= 2 {
		field, ok := fields[args[0]]
		got := fmt.Sprint(field)
		if !ok || !regexp.MustCompile(args[1]).MatchString(got) {
			ts.Fatalf("%s is %q, want %s", args[0], got, args[1])
		}
		args = args[2:]
	}
}

func scriptAreJSON(ts *testscript.TestScript, _ bool, args []string) {
	lines := strings.Split(strings.TrimSuffix(ts.ReadFile("stdout"), "\n"), "\n")
	if args[0] != "+" && strconv.Itoa(len(lines)) != args[0] {
		ts.Fatalf("%d lines were printed, want %s", len(lines), args[0])
	}
	for _, line := range lines {
		if !json.Valid([]byte(line)) {
			ts.Fatalf("no JSON: %s", line)
		}
	}
}

func scriptTmpfs(ts *testscript.TestScript, _ bool, args []string) {
	dir := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(dir, 0o700))
	ts.Check(syscall.Mount("tmpfs", dir, "tmpfs", 0, "mode=0700,size="+args[1]))
	ts.Defer(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			ts.Fatalf("unmount: %v", err)
		}
	})
}

func scriptRemount(ts *testscript.TestScript, _ bool, args []string) {
	var flags uintptr = syscall.MS_REMOUNT
	if args[1] == "ro" {
		flags |= syscall.MS_RDONLY
	}
	ts.Check(syscall.Mount("tmpfs", ts.MkAbs(args[0]), "tmpfs", flags, ""))
}

func scriptFill(ts *testscript.TestScript, _ bool, args []string) {
	file, err := os.Create(ts.MkAbs(args[0]))
	ts.Check(err)
	_, err = io.Copy(file, neverEnding{})
	if !errors.Is(err, syscall.ENOSPC) {
		ts.Fatalf("fill: %v", err)
	}
	_ = file.Close() // the disk is full
}

// neverEnding gives zeros without end.
type neverEnding struct{}

func (neverEnding) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
