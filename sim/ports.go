package sim

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime/debug"
	"sync"
	"time"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/port"
	"github.com/noisefs/noisefs/runtime/shell"
)

var (
	_ port.Clock   = (*Clock)(nil)
	_ port.Entropy = (*Entropy)(nil)
	_ port.Workers = (*workers)(nil)
	_ port.Rand    = (*rand.Rand)(nil)
)

// Clock is an incarnation's virtual time.
type Clock struct {
	world *World
	skew  Skew
	group timerGroup
	due   func(any)
}

// Now implements [port.Clock].
func (c *Clock) Now() time.Time { return c.world.skewed(c.skew) }

// After implements [port.Clock].
func (c *Clock) After(d time.Duration, due any) port.Timer {
	d = c.skew.wait(d)
	return clockTimer{c.world.loop, c.world.loop.after(d, &c.group, func() { c.due(due) })}
}

// driftMax bounds how far a clock may drift: ten times what the worst do.
const driftMax = 0.01

// Skew is what is wrong with a clock. The zero value is nothing.
type Skew struct {
	Offset time.Duration // how far it is ahead at the start of the world
	Drift  float64       // how much faster it goes: 0.0001 gains 8.64 s a day
}

func (s Skew) possible() bool { return s.Drift >= -driftMax && s.Drift <= driftMax }

// wait returns how long it takes until the clock has moved by d.
func (s Skew) wait(d time.Duration) time.Duration {
	if s.Drift == 0 {
		return d
	}
	return time.Duration(math.Ceil(float64(d)/(1+s.Drift))) + 1 // never early
}

// skewed returns what a clock shows.
func (w *World) skewed(s Skew) time.Time {
	return w.Now().Add(s.Offset + time.Duration(float64(w.Elapsed())*s.Drift))
}

type clockTimer struct {
	loop  *loop
	timer *timer
}

// Stop implements [port.Timer].
func (t clockTimer) Stop() bool { return t.loop.stop(t.timer) }

// NewClock makes a clock of the world that delivers to due.
func (w *World) NewClock(due func(any)) *Clock { return &Clock{world: w, due: due} }

// streamKey derives 32 bytes from the seed and what the stream is for. Each
// purpose has a stream of its own, so one draw more in one of them leaves
// all others as they were.
func streamKey(seed uint64, purpose string, parts ...any) [32]byte {
	return sha256.Sum256(fmt.Appendf(nil, "noisefs sim %d %q %q", seed, purpose, fmt.Sprint(parts...)))
}

// newRand makes a stream for decisions.
func newRand(key [32]byte) *rand.Rand {
	return rand.New(rand.NewPCG(
		binary.LittleEndian.Uint64(key[:]), binary.LittleEndian.Uint64(key[8:])))
}

// Entropy is seeded: whoever knows the seed knows every key. It exists so
// that a run can be repeated, and opens no real repository.
type Entropy struct {
	mu     sync.Mutex // work runs inline, but the contract allows any goroutine
	stream *rand.ChaCha8
	draw   *rand.Rand
}

// NewEntropy makes a stream from a key.
func NewEntropy(key [32]byte) *Entropy {
	stream := rand.NewChaCha8(key)
	return &Entropy{stream: stream, draw: rand.New(stream)}
}

// Fill implements [port.Entropy].
func (e *Entropy) Fill(p []byte) {
	e.mu.Lock()
	defer e.mu.Unlock()
	_, _ = e.stream.Read(p) // never fails
}

// Uint64N implements [port.Entropy].
func (e *Entropy) Uint64N(n uint64) uint64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.draw.Uint64N(n)
}

// cores are a node's processors: work waits for a free one.
type cores struct {
	world  *World
	group  *timerGroup
	freeNS []int64 // when each core is free
}

// take occupies the core that is free first, and returns when the work on it
// is done.
func (c *cores) take(cost time.Duration) time.Duration {
	first := 0
	for i, at := range c.freeNS {
		if at < c.freeNS[first] {
			first = i
		}
	}
	now := c.world.loop.nowNS
	c.freeNS[first] = max(now, c.freeNS[first]) + max(0, int64(cost))
	return time.Duration(c.freeNS[first] - now)
}

// workers runs work at once and answers when it would have been done.
type workers struct {
	cores  *cores
	answer func(any)
}

// Do implements [port.Workers].
func (w *workers) Do(corr messages.Corr, cost time.Duration, f func() any) {
	result, err := runWork(f)
	done := messages.WorkDone{Answer: messages.Answer{Corr: corr}, Result: result, Err: err}
	w.cores.world.loop.after(w.cores.take(cost), w.cores.group, func() { w.answer(done) })
}

// runWork runs f; a panic becomes an error.
func runWork(f func() any) (result any, err error) {
	defer func() {
		if value := recover(); value != nil {
			result, err = nil, fmt.Errorf("%w: %v\n%s", port.ErrWorkPanicked, value, debug.Stack())
		}
	}()
	return f(), nil
}

// nodePorts makes the ports of a node's incarnations, for one boot of it.
type nodePorts struct {
	world  *World
	boot   int
	skew   Skew
	group  timerGroup // what the machine is doing: ends with the boot
	cores  cores
	blocks *blockDevice
	index  *indexDevice
	net    *netBoot // nil without a network
	lives  map[*shell.Incarnation]life
}

// life is what ends with an incarnation.
type life struct {
	clock *Clock
	net   *netPort // nil without a network
}

var _ shell.Ports = (*nodePorts)(nil)

// Open implements [shell.Ports].
func (p *nodePorts) Open(of *shell.Incarnation) *shell.Env {
	opened := life{clock: &Clock{world: p.world, skew: p.skew, due: of.Due}}
	seed, path, number := p.world.options.Seed, of.Path(), of.Number()
	env := &shell.Env{
		Clock:   opened.clock,
		Rand:    newRand(streamKey(seed, "decisions", path, " ", p.boot, " ", number)),
		Entropy: NewEntropy(streamKey(seed, "entropy", path, " ", p.boot, " ", number)),
		Workers: &workers{cores: &p.cores, answer: of.Answer},
	}
	if p.blocks != nil {
		env.Blocks = &blocks{p.blocks, of.Answer}
	}
	if p.index != nil {
		env.Index = &index{p.index, of.Answer}
	}
	if p.net != nil {
		opened.net = &netPort{boot: p.net, answer: of.Answer}
		env.Net, env.Gossip = opened.net, gossip{opened.net}
	}
	p.lives[of] = opened
	return env
}

// Close implements [shell.Ports].
func (p *nodePorts) Close(of *shell.Incarnation) {
	ended, ok := p.lives[of]
	if !ok {
		return
	}
	p.world.loop.end(&ended.clock.group)
	if ended.net != nil {
		ended.net.close()
	}
	delete(p.lives, of)
}
