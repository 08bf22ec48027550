package fleet

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/node"
	"github.com/noisefs/noisefs/runtime/port"
	"github.com/noisefs/noisefs/runtime/shell"
	"github.com/noisefs/noisefs/runtime/tree"
	"github.com/noisefs/noisefs/sim"
	"github.com/noisefs/noisefs/sim/network"
	"github.com/noisefs/noisefs/sim/plan"
	"github.com/noisefs/noisefs/sim/report"
)

// ErrSetUp reports that the network was not ready when it should be
// measured: files could not be stored within the plan's warmup.
var ErrSetUp = errors.New("fleet: the set-up was not done in time")

// Options are what a run needs beside its plan. The zero value is good.
type Options struct {
	// Context ends a run early when it is done; nil never does.
	Context context.Context
	// Wall returns the time that people live in, for Result.WallSeconds: the
	// simulation has no clock but its own. Nil leaves the field 0.
	Wall func() time.Duration
	// Progress is told now and then how far the run is; it may be nil.
	Progress func(Progress)
	// Events receives what happens in the network; nil drops it.
	Events *report.EventWriter
	// Observe sees every delivery, after the checkers; it may be nil.
	Observe func(shell.Delivery)
}

// PhaseMeasured is [Progress].Phase in the measured span.
const PhaseMeasured = "measuring"

// Progress is how far a run is.
type Progress struct {
	Phase       string
	Done, Total time.Duration // of the phase, virtual
	Events      uint64        // messages that actors handled, since the beginning
}

// member is a node of the network, with what it stands on.
type member struct {
	number     int
	id         messages.NodeID
	node       *sim.Node
	machine    *sim.Machine
	region     int
	undialable bool
	alive      bool // running, as far as the plan has it
	rotted     bool // bytes of its disk changed behind its back
	lied       bool // it broke the rules at some time
	gone       bool // for good
	observer   bool
	view       *messages.View // what it knows of the others; nil: nothing yet
	// summaries counts what arrived of others' demand since it was started.
	summaries uint64
}

// specChange changes the tree of the node of a number; nil changes nothing.
type specChange func(number int, spec tree.Spec) tree.Spec

// directorName stands in traces for the run itself.
const directorName = "director"

// asksPerNode is more than the run asks a node at one time: when it looks at
// the end, for three counters and a page of what is kept.
const asksPerNode = 8

// run is one run of a plan. It is used by one goroutine.
type run struct {
	plan    *plan.Plan
	options Options
	preset  network.Preset
	config  node.Config
	change  specChange
	draw    *rand.Rand // of the run itself: who owns what, whom a fault hits

	world   *sim.World
	gate    *shell.Gate
	members []*member
	byID    map[messages.NodeID]*member
	users   []shell.Ref
	active  []*workload // those that run now
	catalog *catalog
	needs   *needs
	spies   *spies
	checks  *checks
	measure *measure

	story     []string // the last storyMax events that may explain a violation
	measuring bool
	began     time.Duration    // of the measured span, in virtual time
	unread    int              // files that are still being read back at the end
	liars     map[int]plan.Lie // by number of the node, those that lie now
	gossips   []port.Gossip    // of the users, for those who flood
	cuts      int              // partitions so far, for their names

	convergedAfter time.Duration // from the end of the faults; 0: not looked at
	storing        int           // files that are still being stored in the set-up
}

// nodeID is the identity of the node of that number: simulated nodes have no
// keys.
func nodeID(seed uint64, number int) messages.NodeID {
	return sha256.Sum256(fmt.Appendf(nil, "noisefs sim node %d of %d", number, seed))
}

// Run runs a plan, which is valid. The result says whether invariants and
// assertions held; an error is something else: the plan could not be run.
func Run(p *plan.Plan, o Options) (*report.Result, error) {
	return runChanged(p, o, nil)
}

// runChanged is Run with nodes that were changed when they were made, so that
// tests can break a rule. change may be nil.
func runChanged(p *plan.Plan, o Options, change specChange) (*report.Result, error) {
	r, err := newRun(p, o, change)
	if err != nil {
		return nil, err
	}
	for _, phase := range []func() error{
		r.setUp, r.measureSpan, r.heal, r.awaitReplies, r.readEverythingBack, r.lastLook,
	} {
		if err := phase(); err != nil {
			if errors.Is(err, errViolated) {
				break
			}
			return nil, err
		}
	}
	return r.result(), nil
}

func newRun(p *plan.Plan, o Options, change specChange) (*run, error) {
	if o.Context == nil {
		o.Context = context.Background()
	}
	preset, err := presetOf(p)
	if err != nil {
		return nil, err
	}
	config, err := nodeConfig(p)
	if err != nil {
		return nil, err
	}
	r := &run{
		plan: p, options: o, preset: preset, config: config, change: change,
		draw:  rand.New(rand.NewPCG(p.Seed, 0xf1ee7)),
		byID:  make(map[messages.NodeID]*member, p.Nodes),
		users: make([]shell.Ref, p.Nodes), liars: make(map[int]plan.Lie),
		gossips: make([]port.Gossip, p.Nodes),
	}
	r.catalog = newCatalog(p, rand.New(rand.NewPCG(p.Seed, 0xca7a)))
	r.checks = newChecks(r)
	r.needs, r.spies = newNeeds(r), newSpies(r)
	r.measure = newMeasure(r)
	preset.Options.Seed = p.Seed
	limitGossip(&preset.Options, config.Network.Popularity.Window)
	r.world = sim.NewWorld(sim.Options{
		Seed: p.Seed, Network: &preset.Options, Observe: r.observe, AllowPanics: true,
		WorkPerInstantMax: sim.WorkPerInstantMaxDefault + 10_000*p.Nodes,
	})
	r.gate = r.world.Gate(directorName, asksPerNode*p.Nodes)
	for i := range p.Nodes {
		if err := r.addMember(i); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// observe shows every delivery to those who look on.
func (r *run) observe(d shell.Delivery) {
	r.checks.observe(d)
	if r.options.Observe != nil {
		r.options.Observe(d)
	}
}

// addMember makes the node of a number, which is off.
func (r *run) addMember(number int) error {
	link := r.preset.Link(r.plan.Seed, number)
	if number < seedNodes {
		link.Undialable, link.Hub = false, true // others join through it
	}
	m := &member{
		number: number, id: nodeID(r.plan.Seed, number), region: link.Region,
		undialable: link.Undialable,
		machine:    sim.NewMachine(machineOptions(r.plan, number)),
	}
	var err error
	m.node, err = r.world.NewNode(sim.NodeConfig{
		Name: fmt.Sprintf("n%04d", number), ID: m.id, Link: link,
		Spec: r.spec(m), Open: m.machine.Open, PowerCut: m.machine.PowerCut,
	})
	if err != nil {
		return err
	}
	r.members = append(r.members, m)
	r.byID[m.id] = m
	return nil
}

// boot starts a node.
func (r *run) boot(m *member) {
	if m.gone || m.node.Running() {
		return
	}
	if err := m.node.Boot(); err != nil {
		r.checks.violated("boot", "%s does not boot: %v", m.node.Name(), err)
		return
	}
	m.alive, m.summaries, m.view = true, 0, nil
	r.event("nodeStarted", m, report.Event{})
}

// crash takes the power from a node.
func (r *run) crash(m *member) {
	if !m.alive {
		return
	}
	m.node.Crash()
	r.checks.nodeEnded(m)
	m.alive = false
	r.users[m.number] = shell.Ref{}
	r.event("nodeCrashed", m, report.Event{})
}

// stop stops a node in order, as a person does who shuts a machine down.
func (r *run) stop(m *member) {
	if !m.alive {
		return
	}
	if err := m.node.Stop(); err != nil {
		r.checks.violated("stop", "%s does not stop: %v", m.node.Name(), err)
	}
	r.checks.nodeEnded(m)
	m.alive = false
	r.users[m.number] = shell.Ref{}
	r.event("nodeStopped", m, report.Event{})
}

// tell gives a user orders. A node that is off has none.
func (r *run) tell(number int, o orders) bool {
	ref := r.users[number]
	if ref.IsZero() {
		return false
	}
	_, err := r.gate.Send(ref, func(call messages.Call) messages.Command {
		o.Call = call
		return o
	}, func(messages.Reply) {})
	return err == nil
}

// step is how much virtual time passes between two looks at the run.
const step = time.Second

// pass lets virtual time pass, looks whether an invariant was violated, and
// tells how far it is. until may end it early.
func (r *run) pass(phase string, d time.Duration, until func() bool) error {
	start := r.world.Elapsed()
	for done := time.Duration(0); done < d; done = r.world.Elapsed() - start {
		if r.options.Progress != nil {
			r.options.Progress(Progress{phase, done, d, r.world.Deliveries()})
		}
		if err := r.options.Context.Err(); err != nil {
			return fmt.Errorf("fleet: %w", err)
		}
		if err := r.world.Run(min(step, d-done)); err != nil {
			r.checks.violated("progress", "%v", err)
		}
		for _, panicked := range r.world.Panics() {
			r.checks.violated("panic", "%s panicked on %s: %v",
				panicked.Actor, panicked.Message, panicked.Value)
		}
		if r.checks.failed() {
			return errViolated
		}
		r.checks.lookAtPromises()
		r.checks.commands.lookAtQueues()
		if until != nil && until() {
			return nil
		}
	}
	return nil
}

// Set-up: how many nodes others join through, over which time nodes are
// switched on, and when files begin to be stored.
const (
	seedNodes  = 3
	bootWindow = 10 * time.Second
	storeShare = 4 // storing begins after that part of the warmup
)

// setUp boots everybody and stores the plan's content.
func (r *run) setUp() error {
	for _, m := range r.members {
		at := time.Duration(0)
		if m.number >= seedNodes {
			at = time.Duration(r.draw.Int64N(int64(bootWindow)))
		}
		r.world.At(at, func() { r.boot(m) })
	}
	early := max(bootWindow, r.plan.Warmup/storeShare)
	if err := r.pass("set-up: joining", early, nil); err != nil {
		return err
	}
	r.storeContent()
	err := r.pass("set-up: storing", max(0, r.plan.Warmup-early), nil)
	if err == nil && r.storing > 0 {
		err = fmt.Errorf("%w: %d of %d files are not stored after %s; give it a longer warmup",
			ErrSetUp, r.storing, len(r.catalog.files), r.plan.Warmup)
	}
	return err
}

// storeContent has owners store the files of the plan.
func (r *run) storeContent() {
	owners := max(1, int(r.plan.Content.Owners*float64(len(r.members))+0.5))
	order := r.draw.Perm(len(r.members))[:owners]
	theirs := make([][]*file, len(r.members))
	for i := range r.plan.Content.Files {
		owner := order[i%owners]
		theirs[owner] = append(theirs[owner], r.catalog.add(owner))
	}
	for owner, files := range theirs {
		if len(files) == 0 {
			continue
		}
		r.storing += len(files)
		if !r.tell(owner, orders{store: files}) {
			r.checks.violated("set-up", "%s does not run", r.members[owner].node.Name())
		}
	}
}

// measureSpan runs the workloads and faults of the plan.
func (r *run) measureSpan() error {
	r.catalog.tellAll() // those of the set-up, however short it was
	r.scheduleWorkloads()
	if err := r.pass("set-up: ramp", r.plan.Ramp, nil); err != nil {
		return err
	}
	r.began, r.measuring = r.world.Elapsed(), true
	wall := r.wall()
	r.measure.begin()
	r.scheduleFaults()
	r.scheduleChurn()
	r.scheduleSamples()
	err := r.pass(PhaseMeasured, r.plan.Duration, nil)
	took := r.wall() - wall
	r.measure.end(took)
	r.measuring = false
	r.active = nil
	return err
}

func (r *run) wall() time.Duration {
	if r.options.Wall == nil {
		return 0
	}
	return r.options.Wall()
}

// event writes a line of the event log.
func (r *run) event(kind string, m *member, more report.Event) {
	more.AtSeconds, more.Kind = r.world.Elapsed().Seconds(), kind
	if m != nil {
		more.Node = m.node.Name()
	}
	r.options.Events.Write(more)
	if words, ok := storyWords[kind]; ok {
		line := fmt.Sprintf("%14s  %-8s %s", r.world.Elapsed(), more.Node, words)
		if more.Text != "" {
			line += ": " + more.Text
		}
		r.story = append(r.story[max(0, len(r.story)-storyMax+1):], line)
	}
}

// storyMax is how much of what happened a violation is shown with.
const storyMax = 20

// storyWords are the events that may explain a violation, in words.
var storyWords = map[string]string{
	"nodeStarted": "starts", "nodeStopped": "stops", "nodeCrashed": "loses power",
	"faultBegan": "a fault begins", "faultEnded": "a fault ends",
}
