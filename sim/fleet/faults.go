package fleet

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/noisefs/noisefs/sim/network"
	"github.com/noisefs/noisefs/sim/plan"
	"github.com/noisefs/noisefs/sim/report"
)

// scheduleFaults arranges for the plan's faults, and for those of its chaos.
func (r *run) scheduleFaults() {
	for _, f := range r.plan.Faults {
		r.world.At(f.At, func() { r.strike(f) })
	}
	if r.plan.Chaos == nil {
		return
	}
	c := r.plan.Chaos
	for at := time.Duration(0); ; {
		at += exponential(r.draw, 1/c.Every.Seconds())
		if at >= r.plan.Duration {
			return
		}
		fault := plan.Fault{
			Kind: c.Kinds[r.draw.IntN(len(c.Kinds))], For: time.Duration(r.draw.Int64N(int64(c.For))) + 1,
			Share: c.ShareMax * r.draw.Float64(), OneWay: r.draw.IntN(3) == 0,
			Factor: 1 + 20*r.draw.Float64(), Blocks: 1 + r.draw.IntN(4),
		}
		r.world.At(at, func() { r.strikeAtRandom(fault) })
	}
}

// strikeAtRandom strikes unless too many nodes are down already.
func (r *run) strikeAtRandom(f plan.Fault) {
	down := 0
	for _, m := range r.members {
		if !m.alive {
			down++
		}
	}
	if f.Kind == plan.FaultCrash {
		room := int(r.plan.Chaos.ShareMax*float64(len(r.members))) - down
		if room < 1 {
			return
		}
		f.Share = min(f.Share, float64(room)/float64(len(r.members)))
	}
	r.strike(f)
}

// struck are the nodes that a fault hits.
func (r *run) struck(f plan.Fault) []*member {
	var hit []*member
	switch {
	case f.Node != nil:
		hit = []*member{r.members[*f.Node]}
	case f.Region != "":
		for _, m := range r.members {
			if m.region < len(r.preset.Regions) && r.preset.Regions[m.region].Name == f.Region {
				hit = append(hit, m)
			}
		}
	default:
		for _, number := range r.sample(f.Share) {
			hit = append(hit, r.members[number])
		}
	}
	return hit
}

// strike lets a fault happen, and arranges for its end.
func (r *run) strike(f plan.Fault) {
	hit := r.struck(f)
	r.event("faultBegan", nil, report.Event{Text: faultText(f, hit)})
	undo := r.inflict(f, hit)
	if f.For > 0 && undo != nil {
		r.world.At(f.For, func() {
			r.event("faultEnded", nil, report.Event{Text: faultText(f, hit)})
			undo()
		})
	}
}

// namedMax is how many of the nodes that a fault hits are named.
const namedMax = 8

// faultText says in short what a fault is, and whom it hits.
func faultText(f plan.Fault, hit []*member) string {
	text := string(f.Kind)
	if f.Lie != "" {
		text += " (" + string(f.Lie) + ")"
	}
	for i, m := range hit {
		if i == namedMax {
			return fmt.Sprintf("%s and %d more", text, len(hit)-namedMax)
		}
		text += " " + m.node.Name()
	}
	return text
}

// inflict lets a fault happen and returns what ends it.
func (r *run) inflict(f plan.Fault, hit []*member) (undo func()) {
	bootAll := func() {
		for _, m := range hit {
			r.boot(m)
		}
	}
	switch f.Kind {
	case plan.FaultCrash:
		for _, m := range hit {
			r.crash(m)
		}
		return bootAll
	case plan.FaultRestart:
		for _, m := range hit {
			r.stop(m)
		}
		return bootAll
	case plan.FaultMassacre:
		for _, m := range hit {
			r.crash(m)
			m.gone = true
		}
	case plan.FaultPartition:
		return r.partition(hit, f.OneWay)
	case plan.FaultSlow:
		return r.slow(hit, f.Factor)
	case plan.FaultDiskFull:
		for _, m := range hit {
			m.machine.Disk().SetCapacity(1)
		}
		return func() {
			for _, m := range hit {
				m.machine.Disk().SetCapacity(0)
			}
		}
	case plan.FaultCorrupt:
		for _, m := range hit {
			m.rotted = true
			for range f.Blocks {
				m.machine.Disk().CorruptAny()
			}
		}
	case plan.FaultLiar:
		for _, m := range hit {
			r.liars[m.number], m.lied = f.Lie, true
			r.flood(m)
		}
		return func() {
			for _, m := range hit {
				delete(r.liars, m.number)
			}
		}
	case plan.FaultObservers:
		for _, m := range hit {
			m.observer = true
		}
	}
	return nil
}

// partition cuts nodes off from the others.
func (r *run) partition(hit []*member, oneWay bool) (undo func()) {
	net := r.world.Network()
	r.cuts++
	name := fmt.Sprint("cut ", r.cuts)
	peers := make([]network.Peer, len(hit))
	for i, m := range hit {
		peers[i] = m.node.Peer()
	}
	net.Cut(name, peers, nil, oneWay)
	return func() { net.Heal(name) }
}

// slowDelay is what a slow node takes more for everything, per unit of its
// factor.
const slowDelay = 20 * time.Millisecond

func (r *run) slow(hit []*member, factor float64) (undo func()) {
	net := r.world.Network()
	for _, m := range hit {
		net.Slow(m.node.Peer(), network.Slowness{
			Factor: factor, Delay: time.Duration(factor * float64(slowDelay)),
		})
	}
	return func() {
		for _, m := range hit {
			net.Slow(m.node.Peer(), network.Slowness{})
		}
	}
}

// lossy reports whether the plan has faults that can destroy every copy of a
// block.
func (r *run) lossy() bool {
	destroys := func(k plan.FaultKind) bool {
		return k == plan.FaultMassacre || k == plan.FaultCorrupt
	}
	return slices.ContainsFunc(r.plan.Faults, func(f plan.Fault) bool { return destroys(f.Kind) }) ||
		r.plan.Chaos != nil && slices.ContainsFunc(r.plan.Chaos.Kinds, destroys)
}

// lies reports whether a node breaks the rules now.
func (r *run) lies(m *member) bool { return r.liars[m.number] != "" }

// scheduleChurn lets nodes come and go as the plan's model has it. The seeds
// stay: without them nobody could join.
func (r *run) scheduleChurn() {
	c := r.plan.Churn
	if c.Model == plan.ChurnNone {
		return
	}
	for _, m := range r.members[min(seedNodes, len(r.members)):] {
		if r.draw.Float64() < c.OnShare {
			continue
		}
		// A run begins in the middle of sessions: the first rest of one is
		// shorter than a whole one.
		first := time.Duration(r.draw.Float64() * float64(r.logNormal(c.MedianSession, c.Sigma)))
		r.world.At(first, func() { r.leave(m) })
	}
}

func (r *run) logNormal(median time.Duration, sigma float64) time.Duration {
	d := float64(median) * math.Exp(sigma*r.draw.NormFloat64())
	return time.Duration(min(max(d, float64(time.Second)), 365*24*float64(time.Hour)))
}

// leave ends a session of a node and arranges for its next. One in two ends
// in order, the others as when a lid is closed.
func (r *run) leave(m *member) {
	if !r.measuring || m.gone {
		return
	}
	if r.draw.IntN(2) == 0 {
		r.stop(m)
	} else {
		r.crash(m)
	}
	c := r.plan.Churn
	r.world.At(r.logNormal(c.MedianAbsence, c.Sigma), func() {
		if !r.measuring {
			return // the end boots everybody
		}
		r.boot(m)
		r.world.At(r.logNormal(c.MedianSession, c.Sigma), func() { r.leave(m) })
	})
}
