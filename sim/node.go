package sim

import (
	"errors"
	"fmt"
	"time"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/port"
	"github.com/noisefs/noisefs/runtime/shell"
	"github.com/noisefs/noisefs/runtime/tree"
	"github.com/noisefs/noisefs/sim/network"
)

// coresDefault is how many processors a node has unless it is told otherwise.
const coresDefault = 4

// ErrNotStopped reports that a node did not come to its end by itself.
var ErrNotStopped = errors.New("sim: node did not stop")

// NodeConfig describes a node of the world.
type NodeConfig struct {
	Name string // the first part of its actors' paths; unique in the world
	Spec tree.Spec
	// Open opens the engines under Blocks and Index at each boot, on
	// whatever the last one left on the node's disks. Nil means that the
	// node has neither port.
	Open func(boot Boot) (Engines, error)
	// PowerCut makes the node's disks lose what was not synced. It is called
	// at a crash, after the actors are gone and before the next Open. Nil
	// means that nothing is lost.
	PowerCut func()
	// ID names the node in the network; the zero value draws one from Name.
	// It is of no use in a world without a network, and neither are Link and
	// ExchangesMax.
	ID   messages.NodeID
	Link network.Link
	// ExchangesMax bounds the requests of others that await a response; more
	// are refused. 0 means ExchangesMaxDefault.
	ExchangesMax int
	// Skew is what is wrong with the node's clock.
	Skew Skew
	// Cores is how much work (port.Workers) the node does at a time; 0
	// means 4.
	Cores int
}

// Boot is what a node may use while it opens its engines.
type Boot struct {
	Node    string
	Number  int // 1, 2, … one more after each Stop or Crash
	Now     func() time.Time
	Entropy port.Entropy // a stream of this boot's own
}

// Engines are what a node's Blocks and Index stand on. Nil members leave the
// actors without that port, or without cost.
type Engines struct {
	Blocks     port.BlockEngine
	BlocksCost Coster
	Index      port.IndexEngine
	IndexCost  Coster
	// Dead reports that the power went in the middle of an operation, as an
	// injected fault of a simulated disk: the node crashes at once.
	Dead func() bool
}

// Node is a node of the world. It may be stopped or crash, and boot again.
type Node struct {
	world   *World
	config  NodeConfig
	peer    network.Peer
	boots   int
	ports   *nodePorts
	engines Engines
	running *tree.Running // nil while it is off
}

// AddNode adds a node and boots it. A node that cannot boot fails the test.
func (w *World) AddNode(t Test, config NodeConfig) *Node {
	t.Helper()
	n, err := w.NewNode(config)
	if err == nil {
		err = n.Boot()
	}
	if err != nil {
		t.Fatalf("add node: %v", err)
	}
	return n
}

// NewNode adds a node that is off.
func (w *World) NewNode(config NodeConfig) (*Node, error) {
	for _, other := range w.nodes {
		if other.config.Name == config.Name {
			return nil, fmt.Errorf("sim: two nodes are called %s", config.Name)
		}
	}
	if config.Cores == 0 {
		config.Cores = coresDefault
	}
	if !config.Skew.possible() {
		return nil, fmt.Errorf("sim: %s has a clock that drifts by %v", config.Name, config.Skew.Drift)
	}
	n := &Node{world: w, config: config}
	if w.wire != nil {
		if err := w.wire.add(n); err != nil {
			return nil, fmt.Errorf("sim: %s: %w", config.Name, err)
		}
	}
	w.nodes = append(w.nodes, n)
	return n, nil
}

// Boot opens the engines and starts the tree. The node must be off.
func (n *Node) Boot() error {
	if n.running != nil {
		return fmt.Errorf("sim: %s is running", n.config.Name)
	}
	n.boots++
	n.engines = Engines{}
	w := n.world
	if n.config.Open != nil {
		key := streamKey(w.options.Seed, "engines", n.config.Name, " ", n.boots)
		engines, err := n.config.Open(Boot{
			Node: n.config.Name, Number: n.boots, Now: n.now, Entropy: NewEntropy(key),
		})
		if err != nil {
			return fmt.Errorf("boot %s: %w", n.config.Name, err)
		}
		n.engines = engines
	}
	n.ports = &nodePorts{
		world: w, boot: n.boots, skew: n.config.Skew, lives: make(map[*shell.Incarnation]life),
	}
	group := &n.ports.group
	n.ports.cores = cores{world: w, group: group, freeNS: make([]int64, n.config.Cores)}
	if e := n.engines; e.Blocks != nil {
		n.ports.blocks = &blockDevice{engine: e.Blocks, device: device{
			world: w, group: group, cost: e.BlocksCost, dead: e.Dead, crash: n.Crash,
		}}
	}
	if e := n.engines; e.Index != nil {
		n.ports.index = &indexDevice{engine: e.Index, device: device{
			world: w, group: group, cost: e.IndexCost, dead: e.Dead, crash: n.Crash,
		}}
	}
	if w.wire != nil {
		n.ports.net = w.wire.boot(n, group)
	}
	running, err := tree.Start(w.system, n.config.Name, n.config.Spec, n.ports)
	if err != nil {
		n.off()
		return fmt.Errorf("boot %s: %w", n.config.Name, err)
	}
	n.running = running
	return nil
}

// Name returns the node's name.
func (n *Node) Name() string { return n.config.Name }

// ID returns the node's name in the network, zero in a world without one.
func (n *Node) ID() messages.NodeID { return n.config.ID }

// Peer returns the node's place in the world's network.
func (n *Node) Peer() network.Peer { return n.peer }

// now is what the node's clock shows.
func (n *Node) now() time.Time { return n.world.skewed(n.config.Skew) }

// Boots counts how often the node was started.
func (n *Node) Boots() int { return n.boots }

// Running reports whether the node is up: booted, and neither stopped,
// crashed nor failed since.
func (n *Node) Running() bool {
	if n.running == nil {
		return false
	}
	select {
	case <-n.running.Done():
		return false
	default:
		return true
	}
}

// Err tells why the node ended by itself, or nil.
func (n *Node) Err() error {
	if n.running == nil || n.Running() {
		return nil
	}
	return n.running.Err()
}

// Ref returns the address of an actor of the present boot; nobody's while
// the node is off.
func (n *Node) Ref(role string) shell.Ref {
	if n.running == nil {
		return shell.Ref{}
	}
	return n.running.Ref(role)
}

// Stats returns the figures of the present boot's actors.
func (n *Node) Stats() []shell.Stats {
	if n.running == nil {
		return nil
	}
	return n.running.Stats()
}

// Stop stops the actors in order, then closes the engines. It runs the world
// meanwhile, without letting time pass. It returns the node's own error, if
// it had failed, or what the engines say.
func (n *Node) Stop() error {
	if n.running == nil {
		return nil
	}
	running := n.running
	running.BeginStop()
	err := n.world.runUntil(n.world.loop.nowNS, func() bool { return !n.Running() })
	if err == nil && n.Running() {
		err = ErrNotStopped
	}
	if err != nil {
		return fmt.Errorf("stop %s: %w", n.config.Name, err)
	}
	n.off()
	err = running.Err()
	if n.engines.Blocks != nil {
		err = errors.Join(err, n.engines.Blocks.Close())
	}
	if n.engines.Index != nil {
		err = errors.Join(err, n.engines.Index.Close())
	}
	return err
}

// Crash ends the node as a power cut does: nothing is answered, and what was
// not synced is lost. Boot starts it again.
func (n *Node) Crash() {
	if n.running == nil {
		return
	}
	n.running.Kill()
	n.off()
	if n.config.PowerCut != nil {
		n.config.PowerCut()
	}
}

// off forgets what the machine was doing.
func (n *Node) off() {
	n.world.loop.end(&n.ports.group)
	if n.ports.net != nil {
		n.ports.net.off()
	}
	n.running = nil
}
