package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/config"
	"github.com/noisefs/noisefs/runtime/format"
	"github.com/noisefs/noisefs/runtime/node"
	"github.com/noisefs/noisefs/runtime/repo"
	"github.com/noisefs/noisefs/runtime/vault"
)

const (
	// killsOfOneRepository is how many kills a repository goes through
	// before a new one takes its place.
	killsOfOneRepository = 40
	// A toiler is killed up to killDelayMax after it wrote a number of lines
	// below killLinesMax (for one of eight toilers, four times as many), or
	// when killPatience is over. Counting lines, not time, makes as many
	// steps on a busy machine.
	killLinesMax = 50
	killDelayMax = 20 * time.Millisecond
	killPatience = 3 * time.Second
	// killIdleMax is how long one may live that only opens the repository.
	killIdleMax = 120 * time.Millisecond
	// recoveriesMax is how often, after a kill, the next process is killed
	// while it opens the repository.
	recoveriesMax = 2
)

// TestKill kills processes that work on a repository, and looks whether all
// that they had acknowledged is whole. NOISEFS_KILLS says how many times.
func TestKill(t *testing.T) {
	kills, seed := 10, uint64(time.Now().UnixNano())
	if testing.Short() {
		kills = 3
	}
	if text := os.Getenv("NOISEFS_KILLS"); text != "" {
		var err error
		if kills, err = strconv.Atoi(text); err != nil {
			t.Fatalf("NOISEFS_KILLS: %v", err)
		}
	}
	if text := os.Getenv("NOISEFS_SEED"); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatalf("NOISEFS_SEED: %v", err)
		}
	}
	for done := 0; done < kills && !t.Failed(); done += killsOfOneRepository {
		killRepository(t, seed+uint64(done), min(kills-done, killsOfOneRepository))
	}
}

// killer kills the processes of one repository.
type killer struct {
	*testing.T
	dir     string
	rng     *rand.Rand
	workers [toilWorkers]toilModel
	steps   int
	trail   []string // the lines of the last process, for whoever looks for the cause
}

func killRepository(t *testing.T, seed uint64, kills int) {
	k := &killer{T: t, rng: rand.New(rand.NewPCG(seed, 0))}
	k.dir = filepath.Join(k.tempDir(), "repo")
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the last process said:\n%s", strings.Join(k.trail, "\n"))
			t.Logf("again, though time is never the same: NOISEFS_SEED=%d NOISEFS_KILLS=%d "+
				"go test ./cmd/noisefs -run 'TestKill$'", seed, kills)
		}
	})
	profiles := []string{"balanced", "strict", "thrifty"}
	if err := repo.Create(k.dir, vault.WithNothing(), vault.Options{}, nil); err != nil {
		t.Fatal(err)
	}
	for _, setting := range [][2]string{
		{"storage.profile", profiles[k.rng.IntN(len(profiles))]},
		{"storage.segment_bytes", "2MiB"}, // so that segments end, and are compacted
		{"storage.reserve_bytes", "2MiB"},
		{"index.memtable_bytes", "1MiB"},
	} {
		if err := config.Set(filepath.Join(k.dir, config.FileName), setting[0], setting[1]); err != nil {
			t.Fatal(err)
		}
	}
	for i := range k.workers {
		k.workers[i] = toilModel{names: map[string]item{}, links: map[string]item{}}
	}
	k.prepare()
	for range kills {
		k.kill(toilOrders{Seed: k.rng.Uint64()})
		for range k.rng.IntN(recoveriesMax + 1) {
			k.kill(toilOrders{Idle: true})
		}
		k.check()
		if t.Failed() {
			return
		}
	}
	t.Logf("%d kills, %d steps acknowledged, %d names and links whole", kills, k.steps, k.held())
}

// tempDir makes a folder, mostly in memory: what a killed process wrote is
// safe there as on a disk, and more steps are done in the time.
func (k *killer) tempDir() string {
	if k.rng.IntN(4) == 0 {
		return k.TempDir()
	}
	return fastTempDir(k.T)
}

// prepare makes the workers' directories.
func (k *killer) prepare() {
	opened, err := openQuietly(k.Context(), k.dir)
	if err != nil {
		k.Fatal(err)
	}
	for i := range k.workers {
		if err := opened.MakeDirectory(k.Context(), toilPath(i, "."), false); err != nil {
			k.Error(err)
		}
	}
	if err := opened.Close(); err != nil {
		k.Fatal(err)
	}
}

// kill starts a toiler, kills it at some moment, and takes down what it had
// acknowledged.
func (k *killer) kill(orders toilOrders) {
	orders.Dir = k.dir
	for _, w := range k.workers {
		orders.Links = append(orders.Links, slices.Sorted(maps.Keys(w.links)))
	}
	text, err := json.Marshal(orders)
	if err != nil {
		k.Fatal(err)
	}
	cmd := exec.Command("toiler", string(text))
	said := new(lockedBuffer)
	cmd.Stderr = said
	out, err := cmd.StdoutPipe()
	if err != nil {
		k.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		k.Fatal(err)
	}
	kill := func() { _ = cmd.Process.Kill() }
	last := time.AfterFunc(killPatience, kill)
	due := k.rng.IntN(killLinesMax)
	if k.rng.IntN(8) == 0 {
		due *= 4
	}
	delay := time.Duration(k.rng.Int64N(int64(killDelayMax)))
	if orders.Idle { // it is killed while it starts and recovers
		last.Reset(time.Duration(k.rng.Int64N(int64(killIdleMax))))
	}
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<20)
	if !orders.Idle {
		k.trail = k.trail[:0]
	}
	for n := 0; lines.Scan(); n++ {
		if !orders.Idle {
			k.trail = append(k.trail, lines.Text())
		}
		if n == due && !orders.Idle {
			last.Reset(delay)
		}
		if n > 0 {
			k.note(lines.Text())
		} else if lines.Text() != "ready" {
			k.Errorf("a process began with %q", lines.Text())
		}
	}
	last.Stop()
	_ = cmd.Wait()
	if said.String() != "" {
		k.Errorf("a process complained before it was killed: %s", said)
	}
}

// note takes down one line of a toiler.
func (k *killer) note(line string) {
	words := strings.Fields(line)
	if len(words) < 2 {
		k.Fatalf("a torn line: %q", line)
	}
	id, err := strconv.Atoi(words[0])
	if err != nil || id >= toilWorkers {
		k.Fatalf("a torn line: %q", line)
	}
	w := &k.workers[id]
	switch words[1] {
	case "begin":
		w.doubt = words[2:]
	case "done":
		k.steps++
		if err := w.apply(w.doubt, words[2:]); err != nil {
			k.Errorf("worker %d, %q: %v", id, w.doubt, err)
		}
		w.doubt = nil
	case "failed":
		if !w.mayFail(words[2]) {
			k.Errorf("worker %d, %q failed: %q", id, w.doubt, words[3:])
		}
		w.doubt = nil
	}
}

// check opens the repository and compares all that it holds with what was
// acknowledged.
func (k *killer) check() {
	ctx := k.Context()
	opened, err := openQuietly(ctx, k.dir)
	if err != nil {
		k.Fatalf("open after a kill: %v", err)
	}
	defer func() {
		if err := opened.Close(); err != nil {
			k.Errorf("close: %v", err)
		}
	}()
	report, err := opened.Verify(ctx, nil)
	if err != nil || report.ProblemCount != 0 {
		k.Errorf("verify: %d problems, %v: %v", report.ProblemCount, err, report.Problems)
	}
	for i := range k.workers {
		k.checkNames(opened, i)
	}
	k.checkLinks(opened)
	if k.rng.IntN(4) == 0 {
		k.collect(opened)
	}
}

// collect collects, after which everything must be whole as it was.
func (k *killer) collect(client node.Client) {
	if _, err := client.Collect(k.Context(), node.CollectOptions{}, nil); err != nil {
		k.Errorf("collect: %v", err)
	}
	for i := range k.workers {
		k.checkNames(client, i)
	}
	k.checkLinks(client)
}

// checkNames compares a worker's directory with its model, before or after
// the step in doubt, and takes over which of the two it was.
func (k *killer) checkNames(client node.Client, worker int) {
	w := &k.workers[worker]
	found := map[string]item{}
	entries, more, err := client.List(k.Context(), messages.Target{Path: toilPath(worker, ".")}, "",
		messages.ListMax)
	if err != nil || more {
		k.Errorf("list worker %d: %v", worker, err)
	}
	for _, entry := range entries {
		target := messages.Target{Path: toilPath(worker, entry.Name)}
		if found[entry.Name], err = itemAt(k.Context(), client, target); err != nil {
			k.Errorf("worker %d: %s cannot be read: %v", worker, entry.Name, err)
		}
	}
	after := w.clone()
	if len(w.doubt) > 0 && w.doubt[0] != "share" && w.doubt[0] != "keep" {
		if err := after.apply(w.doubt, nil); err == nil && after.holds(found) {
			w.names = after.names
			return
		}
	}
	if !w.holds(found) {
		k.Errorf("worker %d, in doubt is %q: %s", worker, w.doubt, w.difference(found))
	}
}

// checkLinks compares the links that are kept with those acknowledged.
func (k *killer) checkLinks(client node.Client) {
	kept := map[string]bool{}
	err := client.Shares(k.Context(), func(share messages.SharedLink) error {
		text, err := textOf(share.Link, nil)
		kept[text] = true
		return err
	})
	if err != nil {
		k.Errorf("list links: %v", err)
	}
	for i := range k.workers {
		w := &k.workers[i]
		for text, want := range w.links {
			if !kept[text] {
				if slices.Equal(w.doubt, []string{"unshare", text}) {
					delete(w.links, text)
				} else {
					k.Errorf("worker %d: an acknowledged link is not kept", i)
				}
				continue
			}
			delete(kept, text)
			k.checkLink(client, i, text, want)
		}
	}
	for text := range kept {
		k.adopt(client, text)
	}
	for i := range k.workers {
		k.workers[i].doubt = nil
	}
}

func (k *killer) checkLink(client node.Client, worker int, text string, want item) {
	link, err := format.ParseLink(text)
	if err != nil {
		k.Fatal(err)
	}
	found, err := itemAt(k.Context(), client, messages.Target{Link: &link})
	if err != nil || found.digest() != want.digest() {
		k.Errorf("worker %d: what a link opens is not whole: %v", worker, err)
	}
}

// adopt gives a link that nobody acknowledged to the worker whose step in
// doubt made it.
func (k *killer) adopt(client node.Client, text string) {
	link, err := format.ParseLink(text)
	if err != nil {
		k.Fatal(err)
	}
	found, err := itemAt(k.Context(), client, messages.Target{Link: &link})
	if err != nil {
		k.Errorf("a link in doubt is kept and cannot be read: %v", err)
	}
	for i := range k.workers {
		w := &k.workers[i]
		after := w.clone()
		if err := after.apply(w.doubt, []string{text}); err != nil || len(w.doubt) == 0 {
			continue
		}
		if made, ok := after.links[text]; ok && made.digest() == found.digest() {
			w.links[text] = made
			return
		}
	}
	k.Error("a link is kept that no step made")
}

func (k *killer) held() int {
	n := 0
	for _, w := range k.workers {
		n += len(w.names) + len(w.links)
	}
	return n
}

// toilModel is what a worker's directory and links should hold.
type toilModel struct {
	names map[string]item
	links map[string]item
	doubt []string // the step that has begun and not ended
}

func (m *toilModel) clone() toilModel {
	return toilModel{names: maps.Clone(m.names), links: maps.Clone(m.links)}
}

// apply changes the model as a step does that was done with a result.
func (m *toilModel) apply(step, result []string) error {
	if len(step) == 0 {
		return fmt.Errorf("no step")
	}
	number := func(i int) uint64 {
		n, err := strconv.ParseUint(step[i], 10, 64)
		if err != nil {
			panic(fmt.Sprintf("a step %q: %v", step, err))
		}
		return n
	}
	switch step[0] {
	case "put":
		m.names[step[1]] = fileItem(number(2), int(number(3)))
	case "tree":
		m.names[step[1]] = treeItem(number(2))
	case "move":
		moved, ok := m.names[step[1]]
		if !ok {
			return fmt.Errorf("moved what is not there")
		}
		delete(m.names, step[1])
		m.names[step[2]] = moved
	case "remove":
		if _, ok := m.names[step[1]]; !ok {
			return fmt.Errorf("removed what is not there")
		}
		delete(m.names, step[1])
	case "share":
		m.links[result[0]] = m.at(step[1])
	case "keep":
		m.links[result[0]] = fileItem(number(1), int(number(2)))
	case "import":
		opened, ok := m.links[step[1]]
		if !ok {
			return fmt.Errorf("imported a link that is not kept")
		}
		m.names[step[2]] = opened
	case "unshare":
		delete(m.links, step[1])
	case "read":
		if len(result) > 0 && m.names[step[1]].digest() != result[0] {
			return fmt.Errorf("read what was never written")
		}
	}
	return nil
}

// at is what a name holds; "." is the whole directory.
func (m *toilModel) at(name string) item {
	if name != "." {
		return m.names[name]
	}
	all := item{directoryLine}
	for name, one := range m.names {
		all = append(all, one.below(name)...)
	}
	return all
}

// mayFail tells whether a step in doubt may have failed with a code: since
// names are drawn at random, what is to be moved may be missing.
func (m *toilModel) mayFail(code string) bool {
	n, _ := strconv.Atoi(code)
	switch messages.Code(n) {
	case messages.CodeNotFound:
		_, ok := m.names[m.doubt[1]]
		return !ok && m.doubt[0] != "put" && m.doubt[0] != "tree"
	case messages.CodeExists, messages.CodeNotEmpty, messages.CodeIsDirectory,
		messages.CodeNotDirectory:
		return m.doubt[0] == "put" || m.doubt[0] == "tree" || m.doubt[0] == "move" ||
			m.doubt[0] == "import"
	case messages.CodeOverload: // another worker collects
		return m.doubt[0] == "collect"
	}
	return false
}

func (m *toilModel) holds(found map[string]item) bool { return m.difference(found) == "" }

// difference says in what the names found differ from the model's.
func (m *toilModel) difference(found map[string]item) string {
	for name, want := range m.names {
		got, ok := found[name]
		switch {
		case !ok:
			return name + " is lost"
		case got.digest() != want.digest():
			return fmt.Sprintf("%s holds %q, want %q", name, got, want)
		}
	}
	for name := range found {
		if _, ok := m.names[name]; !ok {
			return name + " is there and should not be"
		}
	}
	return ""
}
