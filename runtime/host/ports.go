package host

import (
	"log/slog"
	"runtime"
	"sync"

	"github.com/noisefs/noisefs/runtime/port"
	"github.com/noisefs/noisefs/runtime/shell"
)

var _ shell.Ports = (*Ports)(nil)

// Config says what a node's ports stand on.
type Config struct {
	Blocks port.BlockEngine // nil: actors have no Blocks
	Index  port.IndexEngine // nil: actors have no Index
	Wire   port.Wire        // nil: actors have no Net and no Gossip
	// Workers is how many goroutines do CPU work; 0 means GOMAXPROCS.
	Workers int
	// BlockWrites is how many Puts are under way at once; 0 means 16. They
	// sleep together in the engine's group commit, so more of them make
	// larger groups.
	BlockWrites int
	// BlockReads is how many Gets are under way at once; 0 means 8, about
	// what one disk serves in parallel.
	BlockReads int
	// Log is what actors log to, each with its path; nil leaves it to the
	// shell.
	Log *slog.Logger
}

// Ports makes the ports of a node's actors on the real machine.
type Ports struct {
	config  Config
	workers *pool
	blocks  *blockPools
	index   *indexLanes

	mu     sync.Mutex
	joined map[*shell.Incarnation]port.Joined
}

// New starts the goroutines. Stop ends them.
func New(c Config) *Ports {
	if c.Workers == 0 {
		c.Workers = runtime.GOMAXPROCS(0)
	}
	if c.BlockWrites == 0 {
		c.BlockWrites = blockWritesDefault
	}
	if c.BlockReads == 0 {
		c.BlockReads = blockReadsDefault
	}
	p := &Ports{
		config: c, workers: newPool("work", c.Workers),
		joined: make(map[*shell.Incarnation]port.Joined),
	}
	if c.Blocks != nil {
		p.blocks = newBlockPools(c)
	}
	if c.Index != nil {
		p.index = &indexLanes{engine: c.Index}
	}
	return p
}

// Stop waits for the calls under way, and for the index calls that are
// queued; other queued calls are dropped, since their answers would find
// nobody. Call it after the node has stopped, and before the engines are
// closed.
func (p *Ports) Stop() {
	p.workers.stop()
	if p.blocks != nil {
		p.blocks.stop()
	}
	if p.index != nil {
		p.index.stop()
	}
}

// Open implements [shell.Ports].
func (p *Ports) Open(life *shell.Incarnation) *shell.Env {
	env := &shell.Env{
		Clock:   NewClock(life.Due),
		Rand:    NewRand(),
		Entropy: Entropy{},
		Workers: &workers{p.workers, life.Answer},
	}
	if p.blocks != nil {
		env.Blocks = &blocks{p.blocks, life.Answer}
	}
	if p.index != nil {
		env.Index = &index{lane: p.index.open(life.Path()), answer: life.Answer}
	}
	if p.config.Wire != nil {
		joined := p.config.Wire.Join(life.Answer)
		env.Net, env.Gossip = joined, joined
		p.mu.Lock()
		p.joined[life] = joined
		p.mu.Unlock()
	}
	if p.config.Log != nil {
		env.Log = p.config.Log.With("actor", life.Path())
	}
	return env
}

// Close implements [shell.Ports]. Nothing is held for an incarnation but
// what is under way, whose answers it will not hear, its index lane, and its
// part in the network.
func (p *Ports) Close(life *shell.Incarnation) {
	if p.index != nil {
		p.index.close(life.Path())
	}
	p.mu.Lock()
	joined := p.joined[life]
	delete(p.joined, life)
	p.mu.Unlock()
	if joined != nil {
		joined.Close()
	}
}
