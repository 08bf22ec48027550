package host_test

import (
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/blockstore"
	"github.com/noisefs/noisefs/runtime/host"
	"github.com/noisefs/noisefs/runtime/port"
	"github.com/noisefs/noisefs/runtime/port/porttest"
	"github.com/noisefs/noisefs/runtime/shell"
	"github.com/noisefs/noisefs/sim/memindex"
)

// testBlockSize keeps the suites quick; the engine takes any size.
const testBlockSize = 512

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// await polls: the suites have no channel to wait on. The limit only keeps a
// failing test from hanging.
func await(tb testing.TB, done func() bool) {
	tb.Helper()
	for end := time.Now().Add(30 * time.Second); !done(); time.Sleep(100 * time.Microsecond) {
		if time.Now().After(end) {
			tb.Fatal("waited in vain")
		}
	}
}

func TestClock(t *testing.T) {
	porttest.Clock(t, porttest.ClockHarness{
		Await: await,
		New:   func(_ testing.TB, due func(any)) port.Clock { return host.NewClock(due) },
	})
}

func TestRand(t *testing.T) {
	porttest.Rand(t, func(testing.TB) port.Rand { return host.NewRand() })
}

func TestEntropy(t *testing.T) {
	porttest.Entropy(t, func(testing.TB) port.Entropy { return host.Entropy{} })
}

// env makes the ports of an incarnation that delivers to answer, by starting
// a node of one actor.
func env(tb testing.TB, ports *host.Ports, answer func(any)) *shell.Env {
	tb.Helper()
	made := make(chan *shell.Env, 1)
	system := shell.NewSystem(shell.Options{Now: time.Now})
	node := system.StartNode("n", []shell.Part{{
		Role: "a", Child: shell.Child{New: func(env *shell.Env) shell.Behaviour {
			made <- env
			return listener(answer)
		}},
	}}, ports)
	tb.Cleanup(func() {
		if err := node.Stop(); err != nil {
			tb.Error(err)
		}
	})
	return <-made
}

// listener is an actor that passes on what it hears.
type listener func(any)

func (listener) Start(shell.Ctx)                {}
func (l listener) Receive(_ shell.Ctx, msg any) { l(msg) }
func (l listener) Due(_ shell.Ctx, due any)     { l(due) }

// newPorts makes ports, which are stopped after the nodes on them.
func newPorts(tb testing.TB, c host.Config) *host.Ports {
	tb.Helper()
	ports := host.New(c)
	tb.Cleanup(ports.Stop)
	return ports
}

func TestWorkers(t *testing.T) {
	porttest.Workers(t, porttest.WorkersHarness{
		Await: await,
		New: func(tb testing.TB, answer func(any)) port.Workers {
			return env(tb, newPorts(tb, host.Config{}), answer).Workers
		},
	})
}

func newBlockEngine(tb testing.TB) port.BlockEngine {
	tb.Helper()
	disk, err := host.OpenDisk(filepath.Join(tb.TempDir(), "blocks"))
	if err != nil {
		tb.Fatal(err)
	}
	engine, err := blockstore.Open(disk, blockstore.Options{
		BlockSize: testBlockSize, SegmentBytes: 16 << 10, Reserve: -1,
	})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := engine.Close(); err != nil {
			tb.Error(err)
		}
	})
	return engine
}

func TestBlocks(t *testing.T) {
	for name, c := range map[string]host.Config{
		"Default":   {},
		"OneAtOnce": {BlockWrites: 1, BlockReads: 1},
	} {
		t.Run(name, func(t *testing.T) {
			porttest.BlocksPort(t, porttest.BlocksPortHarness{
				Await: await, BlockSize: testBlockSize,
				New: func(tb testing.TB, answer func(any)) port.Blocks {
					c := c
					c.Blocks = newBlockEngine(tb)
					return env(tb, newPorts(tb, c), answer).Blocks
				},
			})
		})
	}
}

func TestIndex(t *testing.T) {
	porttest.IndexPort(t, porttest.IndexPortHarness{
		Await: await,
		New: func(tb testing.TB) func(func(any)) port.Index {
			ports := newPorts(tb, host.Config{Index: memindex.New(memindex.Options{})})
			return func(answer func(any)) port.Index { return env(tb, ports, answer).Index }
		},
	})
}

// gatedIndex holds up syncs until the test lets them go.
type gatedIndex struct {
	port.IndexEngine
	syncs chan struct{}

	mu    sync.Mutex
	count int
}

func (x *gatedIndex) Commit(txn port.Txn) error {
	if txn.Durable {
		x.mu.Lock()
		x.count++
		x.mu.Unlock()
		<-x.syncs
	}
	return x.IndexEngine.Commit(txn)
}

func TestReadsDoNotWaitForSyncsAndSyncsAreShared(t *testing.T) {
	engine := &gatedIndex{IndexEngine: memindex.New(memindex.Options{}), syncs: make(chan struct{})}
	answers := make(chan any, 200)
	x := env(t, newPorts(t, host.Config{Index: engine}), func(msg any) { answers <- msg }).Index
	key := port.RowKey{Table: port.TableSettings, Key: []byte("k")}
	commit := func(corr messages.Corr) {
		x.Commit(corr, port.Txn{Durable: true, Changes: []port.Change{
			{Op: port.OpPut, Row: key, Value: []byte{byte(corr)}},
		}})
	}
	const commits = 100
	for corr := range messages.Corr(commits) {
		commit(corr)
	}
	x.Get(commits, []port.RowKey{key})
	// The first sync is held up, and the read behind all commits answers.
	if got, ok := (<-answers).(messages.IndexGot); !ok || got.Values[0][0] != commits-1 {
		t.Fatalf("got %#v, want the value of the last commit", got)
	}
	close(engine.syncs)
	for range commits {
		if got, ok := (<-answers).(messages.IndexCommitted); !ok || got.Err != nil {
			t.Fatalf("got %#v", got)
		}
	}
	// One sync was under way when the rest was applied; a second did for all.
	if engine.count > 2 {
		t.Errorf("%d syncs for %d commits, want 2 at most", engine.count, commits)
	}
}

func TestStopWithCallsUnderWay(t *testing.T) {
	ports := host.New(host.Config{Blocks: newBlockEngine(t), Index: memindex.New(memindex.Options{})})
	e := env(t, ports, func(any) {})
	for i := range messages.Corr(500) {
		e.Workers.Do(i, 0, func() any { return nil })
		e.Blocks.Put(i, porttest.RandomBlocks(uint64(i), 1, testBlockSize))
		e.Index.Commit(i, port.Txn{Durable: true})
	}
	ports.Stop()
	// Calls after the stop are dropped, and do not hang or panic.
	e.Workers.Do(1, 0, func() any { return nil })
	e.Blocks.Usage(2)
	e.Index.Get(3, nil)
}

func TestWorkersTellWhereAndNotWhat(t *testing.T) {
	answers := make(chan any, 1)
	w := env(t, newPorts(t, host.Config{Workers: 1}), func(msg any) { answers <- msg }).Workers
	w.Do(1, 0, func() any { panicWithCanary(); return nil })
	text := (<-answers).(messages.WorkDone).Err.Error()
	if strings.Contains(text, "canary-") || !strings.Contains(text, "panicWithCanary:") {
		t.Errorf("got %q", text)
	}
}

//go:noinline
func panicWithCanary() { panic("canary-value") }

func TestLogCarriesThePath(t *testing.T) {
	var log strings.Builder
	ports := newPorts(t, host.Config{Log: slog.New(slog.NewTextHandler(&log, nil))})
	env(t, ports, func(any) {}).Log.Info("Hello")
	if !strings.Contains(log.String(), "actor=n/a") {
		t.Errorf("log is %q", log.String())
	}
}
