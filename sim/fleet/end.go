package fleet

import (
	"math"
	"math/bits"
	"time"

	"github.com/noisefs/noisefs/sim/network"
)

// heal ends all faults and starts all nodes that are not gone for good. The
// network then has the plan's liveness phase to have every block held by as
// many nodes as it should be.
func (r *run) heal() error {
	net := r.world.Network()
	net.HealAll()
	clear(r.liars)
	for _, m := range r.members {
		net.Slow(m.node.Peer(), network.Slowness{})
		m.machine.Disk().SetCapacity(0)
		r.boot(m)
	}
	if r.plan.Liveness == 0 {
		return nil
	}
	since := r.world.Elapsed()
	err := r.pass("healing", r.plan.Liveness, r.converged)
	if err != nil {
		return err
	}
	if !r.converged() {
		r.checks.violated("the network converges",
			"after %s %d blocks have too few holders (%s), and %.2f %% of the views are wrong",
			r.plan.Liveness, r.needs.under(), r.needs.fewest(), 100*r.viewError())
		return errViolated
	}
	r.convergedAfter = r.world.Elapsed() - since
	return nil
}

// viewErrorMax is how much the views of a network at rest may be wrong: a
// false suspicion now and then is.
const viewErrorMax = 0.001

// converged reports whether nodes know each other, and every block has the
// holders that it should have, where readers look for them.
func (r *run) converged() bool {
	if r.needs.under() > 0 || r.viewError() > viewErrorMax {
		return false
	}
	for _, m := range r.members {
		if m.alive && m.view != nil {
			return r.needs.found(m.view)
		}
	}
	return true // nobody is there
}

// readBackPatience is how long reading everything back may take.
const readBackPatience = 2 * time.Hour

// readEverythingBack has every acknowledged file read by a node that does
// not own it.
func (r *run) readEverythingBack() error {
	var readers []*member
	for _, m := range r.members {
		if m.alive && !r.users[m.number].IsZero() {
			readers = append(readers, m)
		}
	}
	if len(readers) == 0 {
		return nil
	}
	theirs := make([][]*file, len(r.members))
	for i, f := range r.catalog.ready {
		reader := readers[i%len(readers)]
		if reader.number == f.owner && len(readers) > 1 {
			reader = readers[(i+1)%len(readers)]
		}
		theirs[reader.number] = append(theirs[reader.number], f)
		r.unread++
	}
	for number, files := range theirs {
		if len(files) > 0 && !r.tell(number, orders{readAll: files}) {
			r.checks.violated(checkBack, "%s does not run", r.members[number].node.Name())
		}
	}
	err := r.pass("reading back", readBackPatience, func() bool { return r.unread == 0 })
	if err == nil && r.unread > 0 {
		r.checks.violated(checkReplies, "%d files are still being read back after %s",
			r.unread, readBackPatience)
		return errViolated
	}
	return err
}

// biased reports whether bytes have so many or so few bits set that chance
// does not explain it: more than seven standard deviations from half.
func biased(data []byte) bool {
	ones := 0
	for _, b := range data {
		ones += bits.OnesCount8(b)
	}
	n := float64(8 * len(data))
	return math.Abs(float64(ones)-n/2) > 7*math.Sqrt(n)/2
}
