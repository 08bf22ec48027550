package main

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/noisefs/noisefs/runtime/format"
	"github.com/noisefs/noisefs/runtime/repo"
	"github.com/noisefs/noisefs/runtime/vault"
)

// canaries are what must stand nowhere: each under a name that tells what
// leaked.
type canaries map[string][]byte

// The words that the tests store, as content, names and passphrase. None is
// part of another, nor a word that the program says of its own.
const (
	canaryContent    = "CanaryOfTheContent-xylophone"
	canaryFile       = "CanaryOfTheFile-quasar.txt"
	canaryDirectory  = "CanaryOfTheDirectory-zephyr"
	canaryTarget     = "CanaryOfTheSymlink-nebula"
	canaryPassphrase = "CanaryOfThePassphrase-vortex"
)

// newCanaries returns what is stored and typed.
func newCanaries() canaries {
	return canaries{
		"content": []byte(canaryContent), "file name": []byte(canaryFile),
		"directory name": []byte(canaryDirectory), "symlink target": []byte(canaryTarget),
		"passphrase": []byte(canaryPassphrase),
	}
}

// addLink adds what a link says: its text, and the key and tag in it, as
// they are and as hex and base64 write them.
func (c canaries) addLink(t *testing.T, text string) {
	t.Helper()
	link, err := format.ParseLink(text)
	if err != nil {
		t.Fatal(err)
	}
	c["text of a link"] = []byte(text[len(text)/2:])
	key := link.Root.Key
	c["key"] = bytes.Clone(key[:])
	c["half of a key"] = bytes.Clone(key[:16])
	c["key as hex"] = []byte(hex.EncodeToString(key[:]))
	c["key as base64"] = []byte(base64.RawStdEncoding.EncodeToString(key[:30]))
	c["tag"] = bytes.Clone(link.Root.Tag[:])
	for i, cid := range link.Root.Tuple() {
		c[fmt.Sprintf("member %d of a tuple, as the log would name it", i)] = []byte(cid.String())
	}
}

// seek looks for every canary in data, which is called what.
func (c canaries) seek(t *testing.T, what string, data []byte) {
	t.Helper()
	for name, canary := range c {
		if bytes.Contains(data, canary) {
			t.Errorf("the %s stands in %s", name, what)
		}
	}
}

// seekFiles looks for them in all files below a folder, and in their names.
func (c canaries) seekFiles(t *testing.T, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		c.seek(t, "the name of "+name, []byte(name))
		if !entry.Type().IsRegular() {
			return nil
		}
		data, err := os.ReadFile(name)
		c.seek(t, name, data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// canaryTree makes a tree of canaries: a small file that is packed, one that
// has chunks of its own, a directory and a symlink.
func canaryTree(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), canaryDirectory)
	if err := os.MkdirAll(filepath.Join(dir, "sub-"+canaryDirectory), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, times := range map[string]int{
		canaryFile: 10, "sub-" + canaryDirectory + "/large-" + canaryFile: 30_000,
	} {
		data := strings.Repeat(canaryContent+"\n", times)
		if err := os.WriteFile(filepath.Join(dir, name), []byte(data), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(canaryTarget, filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestNothingLeaks works with canaries, by commands of their own and through
// a daemon, with logs as text and as JSON, and looks for them in every byte
// that the program wrote.
func TestNothingLeaks(t *testing.T) {
	found := newCanaries()
	base := t.TempDir()
	temp, sockets := filepath.Join(base, "tmp"), filepath.Join(base, "sockets")
	for _, dir := range []string{temp, sockets} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	dir := filepath.Join(base, "repo")
	passphrase := filepath.Join(t.TempDir(), "passphrase")
	if err := os.WriteFile(passphrase, []byte(canaryPassphrase+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("NOISEFS_REPO", dir)
	t.Setenv("NOISEFS_PASSPHRASE_FILE", passphrase)
	t.Setenv("NOISEFS_LOG_LEVEL", "debug")
	t.Setenv("NOISEFS_API_SOCKET", filepath.Join(sockets, "s"))
	source := canaryTree(t)
	t.Setenv("TMPDIR", temp) // of the commands, from here on
	secret, err := vault.NewPassphrase([]byte(canaryPassphrase))
	if err != nil {
		t.Fatal(err)
	}
	cheap := vault.LowestCost() // it is opened often
	if err := repo.Create(dir, vault.WithPassphrase(secret), cheap, nil); err != nil {
		t.Fatal(err)
	}

	var said lockedBuffer // all that commands write to standard error
	use := func(code int, args ...string) string {
		t.Helper()
		got := noisefs(t, "", args...)
		if got.code != code {
			t.Errorf("noisefs %q: got exit code %d, want %d: %s", args, got.code, code, got.err)
		}
		if code == exitOK { // a failed command may quote what the user typed
			_, _ = said.Write([]byte(got.err))
		}
		return got.out
	}
	workWithCanaries(t, use, source, found)
	t.Setenv("NOISEFS_LOG_FORMAT", "json")
	daemon := startDaemon(t, dir, "--metrics", "127.0.0.1:0")
	workWithCanaries(t, use, source, found)
	address := daemonAddress(t, daemon.said.String())
	found.seek(t, "the page of metrics", []byte(fetch(t, "http://"+address+"/metrics")))
	found.seekFiles(t, dir) // while it runs
	daemon.stop()
	found.seek(t, "the log of the daemon", []byte(daemon.said.String()))
	found.seek(t, "the logs of commands", []byte(said.String()))
	if !strings.Contains(daemon.said.String(), "DEBUG") {
		t.Error("the log of the daemon has nothing at level debug: nothing was tested")
	}
	found.seekFiles(t, dir)
	found.seekFiles(t, temp)
	found.seekFiles(t, sockets)

	// A kill in the middle leaves nothing behind either.
	daemon = startDaemon(t, dir)
	in, w := pipe(t)
	put := start(t, in, "put", "-", "--to", "/"+canaryFile)
	_ = in.Close()
	write(t, w, []byte(strings.Repeat(canaryContent+"\n", 50_000)))
	daemon.signal(syscall.SIGKILL)
	daemon.end()
	_ = w.Close()
	put.end()
	found.seek(t, "the log of the killed daemon", []byte(daemon.said.String()))
	found.seekFiles(t, dir)
	found.seekFiles(t, temp)
	use(exitOK, "repo", "verify")
}

func daemonAddress(t *testing.T, said string) string {
	t.Helper()
	for _, mark := range []string{"address=", `"address":"`} {
		if _, rest, ok := strings.Cut(said, mark); ok {
			end := strings.IndexAny(rest, "\" \n}")
			return rest[:end]
		}
	}
	t.Fatalf("the log does not say where metrics are served: %s", said)
	return ""
}

// workWithCanaries does everything that handles names, links and content,
// mistakes included.
func workWithCanaries(
	t *testing.T, use func(code int, args ...string) string, source string, found canaries,
) {
	t.Helper()
	root := "/" + canaryDirectory
	linkOf := func(printed string) string {
		link, _, _ := strings.Cut(strings.TrimSpace(printed), "\t")
		found.addLink(t, link)
		return link
	}
	tree := linkOf(use(exitOK, "put", "-r", source, "--to", root))
	use(exitOK, "ls", "-R", root)
	use(exitOK, "ls", "-R", tree)
	use(exitOK, "cat", root+"/"+canaryFile)
	use(exitOK, "get", tree, "-o", filepath.Join(t.TempDir(), "out"))
	shared := linkOf(use(exitOK, "share", root))
	alone := linkOf(use(exitOK, "put", filepath.Join(source, canaryFile)))
	use(exitOK, "share", "--list")
	use(exitOK, "import", shared, "/imported-"+canaryFile)
	use(exitOK, "mv", root+"/"+canaryFile, root+"/moved-"+canaryFile)
	use(exitNotFound, "cat", root+"/"+canaryFile)
	use(exitUsage, "cat", shared[:len(shared)-1])
	use(exitExists, "mkdir", root)
	use(exitOK, "rm", "-r", root)
	use(exitOK, "unshare", alone)
	use(exitOK, "repo", "gc", "--purge")
	use(exitOK, "repo", "verify")
	use(exitOK, "repo", "stat")
	use(exitOK, "rm", "-r", "/imported-"+canaryFile)
	use(exitOK, "unshare", shared)
	use(exitOK, "repo", "gc")
}

// What is deleted leaves the disk: with rm, gc and --purge the sealed rows
// and blocks are gone, not only hidden.
func TestPurgeEmptiesTheDisk(t *testing.T) {
	dir := newRepository(t)
	must(t, "", "put", "-r", canaryTree(t), "--to", "/tree")
	many := t.TempDir()
	for i := range 2000 {
		if err := os.WriteFile(filepath.Join(many, fmt.Sprint(i)), []byte{byte(i)}, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	must(t, "", "put", "-r", many, "--to", "/many")
	for i := range 20 {
		must(t, "", "mkdir", fmt.Sprintf("/d%d", i))
	}
	full := folderBytes(t, dir)
	must(t, "", "rm", "-r", "/tree", "/many")
	must(t, "", append([]string{"rm", "-r"}, names(20)...)...)
	before := sealedRows(t, dir)
	must(t, "", "repo", "gc", "--purge")
	if got := must(t, "", "block", "ls"); got != "" {
		t.Errorf("blocks are left: %s", got)
	}
	after := folderBytes(t, dir)
	if after > full/2 || after > 3<<19 { // the index keeps 1 MiB for a full disk
		t.Errorf("%d bytes are left of %d", after, full)
	}
	for row := range sealedRows(t, dir) {
		delete(before, row)
	}
	if len(before) == 0 {
		t.Error("every file of the index is as it was before the purge")
	}
	must(t, "", "repo", "verify")
}

func names(n int) []string {
	var all []string
	for i := range n {
		all = append(all, fmt.Sprintf("/d%d", i))
	}
	return all
}

// sealedRows returns the index's files by name and size.
func sealedRows(t *testing.T, dir string) map[string]bool {
	t.Helper()
	files := map[string]bool{}
	index := filepath.Join(dir, "index")
	err := filepath.WalkDir(index, func(name string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() {
			info, infoErr := entry.Info()
			err = infoErr
			files[fmt.Sprintf("%s %d", name, info.Size())] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func folderBytes(t *testing.T, dir string) int64 {
	t.Helper()
	var total int64
	err := filepath.WalkDir(dir, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		info, err := entry.Info()
		if err == nil {
			total += info.Size()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return total
}
