package node

import (
	"fmt"

	"github.com/noisefs/noisefs/runtime/draft"
	"github.com/noisefs/noisefs/runtime/format"
	"github.com/noisefs/noisefs/runtime/port"
	"github.com/noisefs/noisefs/runtime/shell"
	"github.com/noisefs/noisefs/runtime/tree"
)

// Local is a node in this process, and its [Client]. Its methods block, so
// they are for goroutines outside the actors, and never for the simulation's
// event loop.
type Local struct {
	params  format.Params
	packMax int // bytes of a file up to which it shares chunks
	running *tree.Running
	gate    *shell.Gate
	turns   chan struct{} // one taken for each command in flight
	index   port.IndexEngine
	network *Network // nil: the node is alone

	watchers watchers
	edits    edits
}

var _ Client = (*Local)(nil)

// Start starts a node called name. ports makes the ports of its actors;
// index is the engine below them, asked for its size, for verification and
// for purging. Both stay the caller's to close, after Close.
func Start(
	system *shell.System, name string, config Config, ports shell.Ports, index port.IndexEngine,
) (*Local, error) {
	if err := config.Validate(); err != nil {
		return nil, fmt.Errorf("node: configuration: %w", err)
	}
	asksMax := config.AsksMax
	if asksMax <= 0 {
		asksMax = shell.InFlightMaxDefault
	}
	running, err := tree.Start(system, name, Spec(config), ports)
	if err != nil {
		return nil, fmt.Errorf("node: %w", err)
	}
	return &Local{
		params: config.Params, running: running,
		packMax: int(min(config.PackBytesMax, int64(config.Params.PackMax()))),
		gate:    system.NewGate("client", asksMax+tidiesMax),
		turns:   make(chan struct{}, asksMax),
		index:   index,
		network: config.Network,
		edits:   edits{budget: draft.Budget{Max: editBytesMax}},
	}, nil
}

func (l *Local) ref(role string) shell.Ref { return l.running.Ref(role) }

// Stats returns the actors' counters, for metrics.
func (l *Local) Stats() []shell.Stats { return l.running.Stats() }

// Done is closed when the node has ended, by Close or since an actor
// panicked too often; Err tells which.
func (l *Local) Done() <-chan struct{} { return l.running.Done() }

// Err is why the node ended by itself, or nil.
func (l *Local) Err() error { return l.running.Err() }

// Close implements [Client]: it stops all actors, in reverse order of their
// start, and waits.
func (l *Local) Close() error { return l.running.Stop() }
