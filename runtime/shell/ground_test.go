package shell_test

import (
	"bytes"
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/port"
	"github.com/noisefs/noisefs/runtime/shell"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// onBothGrounds runs a scenario on one goroutine, and on many.
func onBothGrounds(t *testing.T, scenario func(t *testing.T, g *ground)) {
	t.Run("OneGoroutine", func(t *testing.T) { scenario(t, newGround(t, false)) })
	t.Run("Goroutines", func(t *testing.T) { scenario(t, newGround(t, true)) })
}

// ground is a system with a clock that the test moves and ports that the
// test answers.
type ground struct {
	system *shell.System
	gate   *shell.Gate
	queue  *turns // nil on goroutines

	mu     sync.Mutex
	now    time.Time
	panics []shell.Panic
	ends   []error
	lives  []*shell.Incarnation
	closed int
	log    bytes.Buffer
}

// turns is the simplest dispatcher: first come, first served.
type turns struct{ waiting []func() }

func (s *turns) Schedule(f func()) { s.waiting = append(s.waiting, f) }
func (s *turns) Throughput() int   { return 1 }
func (s *turns) run(until func() bool) {
	for !until() && len(s.waiting) > 0 {
		f := s.waiting[0]
		s.waiting = s.waiting[1:]
		f()
	}
}

func newGround(t *testing.T, goroutines bool) *ground {
	t.Helper()
	g := &ground{now: time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)}
	o := shell.Options{Now: g.Now, OnPanic: g.onPanic, OnNodeEnd: g.onNodeEnd}
	level := &slog.HandlerOptions{Level: slog.LevelDebug}
	o.Log = slog.New(slog.NewTextHandler(lockedWriter{g}, level))
	if !goroutines {
		g.queue = &turns{}
		o.Dispatcher, o.SingleThreaded = g.queue, true
	}
	g.system = shell.NewSystem(o)
	g.gate = g.system.NewGate("test", 0)
	return g
}

type lockedWriter struct{ g *ground }

func (w lockedWriter) Write(p []byte) (int, error) {
	w.g.mu.Lock()
	defer w.g.mu.Unlock()
	return w.g.log.Write(p)
}

func (g *ground) Now() time.Time {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.now
}

func (g *ground) pass(d time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.now = g.now.Add(d)
}

func (g *ground) onPanic(p shell.Panic) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.panics = append(g.panics, p)
}

func (g *ground) onNodeEnd(_ string, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.ends = append(g.ends, err)
}

func (g *ground) panicCount() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.panics)
}

// life returns the nth incarnation that was opened, counted from 0.
func (g *ground) life(n int) *shell.Incarnation {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.lives[n]
}

// Open implements shell.Ports.
func (g *ground) Open(life *shell.Incarnation) *shell.Env {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.lives = append(g.lives, life)
	return &shell.Env{Clock: stillClock{g}}
}

// Close implements shell.Ports.
func (g *ground) Close(*shell.Incarnation) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed++
}

// stillClock has timers that only the test fires, through life(n).Due.
type stillClock struct{ *ground }

func (stillClock) After(time.Duration, any) port.Timer { return nil }

// start starts a node, and stops it at the end of the test.
func (g *ground) start(t *testing.T, parts ...shell.Part) *shell.Node {
	t.Helper()
	node := g.system.StartNode("n", parts, g)
	t.Cleanup(func() {
		node.BeginStop()
		g.await(t, node.Done())
	})
	return node
}

// await waits for a channel to close, running the dispatcher if need be.
func (g *ground) await(t *testing.T, done <-chan struct{}) {
	t.Helper()
	if g.queue == nil {
		<-done
		return
	}
	closed := func() bool {
		select {
		case <-done:
			return true
		default:
			return false
		}
	}
	g.queue.run(closed)
	if !closed() {
		t.Fatal("nothing left to run, and the end has not come")
	}
}

// sent is a command under way.
type sent struct {
	done  chan struct{}
	reply messages.Reply
}

// send sends a command; t fails if it gets two replies.
func (g *ground) send(t *testing.T, to shell.Ref, build shell.Make) *sent {
	t.Helper()
	s := &sent{done: make(chan struct{})}
	_, err := g.gate.Send(to, build, func(reply messages.Reply) {
		if s.reply != nil {
			t.Errorf("two replies: %T and %T", s.reply, reply)
			return
		}
		s.reply = reply
		close(s.done)
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// wait returns the reply to a command.
func (g *ground) wait(t *testing.T, s *sent) messages.Reply {
	t.Helper()
	g.await(t, s.done)
	return s.reply
}

func (g *ground) ask(t *testing.T, to shell.Ref, build shell.Make) messages.Reply {
	t.Helper()
	return g.wait(t, g.send(t, to, build))
}

// wantFailed waits for a command to fail with a code.
func (g *ground) wantFailed(t *testing.T, s *sent, code messages.Code) {
	t.Helper()
	reply := g.wait(t, s)
	failed, ok := reply.(messages.Failed)
	if !ok || failed.Err == nil || failed.Err.Code != code {
		t.Fatalf("got %#v, want a failure with code %q", reply, code)
	}
}

// wantNote waits for the reply to a note and compares what it tells.
func (g *ground) wantNote(t *testing.T, s *sent, text string, incarnation, handled int) {
	t.Helper()
	reply, ok := g.wait(t, s).(noted)
	if !ok {
		t.Fatalf("got %#v, want a noted", s.reply)
	}
	want := noted{reply.Answer, text, incarnation, handled}
	if reply != want {
		t.Fatalf("got %+v, want %+v", reply, want)
	}
}

// canceledContext is done from the start.
func canceledContext() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}
