package fleet

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/messages/wire"
	"github.com/noisefs/noisefs/runtime/shell"
	"github.com/noisefs/noisefs/sim/report"
)

// errViolated ends the phases of a run in which an invariant was violated.
var errViolated = errors.New("fleet: an invariant was violated")

// violationsMax bounds the violations that are told.
const violationsMax = 16

// The invariants.
const (
	checkBytes    = "bytes read are the bytes stored"
	checkProved   = "blocks handed on prove their names"
	checkServed   = "only replicas are served"
	checkPromises = "replicas stay until their lease ends"
	checkPairs    = "no pair and no slot A is used twice"
	checkAlone    = "blocks are unlike plaintext and unlike each other"
	checkDurable  = "what is acknowledged is on its owner's disk"
	checkBack     = "what was acknowledged is read back"
	checkReplies  = "every command gets its reply"
	checkBounds   = "nothing grows beyond its bound"
	checkGossip   = "gossip is counted once"
)

var checkNames = []string{
	checkBytes, checkProved, checkServed, checkPromises, checkPairs, checkAlone,
	checkDurable, checkBack, checkReplies, checkBounds, checkGossip,
}

// pendingHold is a HoldReplicas or DropReplicas that a store works on.
type pendingHold struct {
	cids   []messages.CID
	until  int64
	holder *member
}

// asker names a command on its way: its asker's node and role, and its id.
type asker struct {
	path uint64
	corr messages.Corr
}

// checks looks at everything that actors are told, and at the disks.
type checks struct {
	run      *run
	times    map[string]uint64
	problems []string
	before   []string // what the run did before the first violation
	last     []string // deliveries before it
	commands *commands
	owners   map[shell.Ref]*member // of actors, as far as they were looked up

	holding  map[asker]pendingHold
	dropping map[asker]pendingHold
	// replicas is who holds a block for the network, by its name: the lease
	// ends by the number of the node.
	replicas map[messages.CID]map[int]int64
	promised []messages.CID // that are its keys, in order of acknowledgement
	pairs    map[[2]messages.CID]int
	slots    map[messages.CID]int
}

func newChecks(r *run) *checks {
	return &checks{
		run: r, times: make(map[string]uint64), commands: newCommands(r),
		owners:  make(map[shell.Ref]*member),
		holding: make(map[asker]pendingHold), dropping: make(map[asker]pendingHold),
		replicas: make(map[messages.CID]map[int]int64),
		pairs:    make(map[[2]messages.CID]int), slots: make(map[messages.CID]int),
	}
}

// violated takes down that a promise is broken. Checks go on: what follows
// the first may tell more.
func (c *checks) violated(check, format string, args ...any) {
	text := fmt.Sprintf("%s (at %s): %s", check, c.run.world.Elapsed(), fmt.Sprintf(format, args...))
	if len(c.problems) == 0 {
		c.before = slices.Clone(c.run.story)
		c.last = c.deliveriesAbout(text)
	}
	if len(c.problems) < violationsMax {
		c.problems = append(c.problems, text)
		c.run.event("invariantViolated", nil, report.Event{Text: text})
	}
}

// nodeName is how the nodes of a run are called, in violations too.
var nodeName = regexp.MustCompile(`\bn\d{4,}\b`)

// deliveriesAbout returns the last deliveries from and to the nodes that a
// text names; of all nodes when it names none.
func (c *checks) deliveriesAbout(text string) []string {
	world := c.run.world
	tail := ""
	if names := nodeName.FindAllString(text, -1); len(names) > 0 {
		tail = world.TraceAbout(names...)
	}
	if tail == "" {
		tail = world.TraceTail()
	}
	return strings.Split(strings.TrimRight(tail, "\n"), "\n")
}

func (c *checks) failed() bool { return len(c.problems) > 0 }

// observe sees every delivery.
func (c *checks) observe(d shell.Delivery) {
	c.commands.observe(d)
	switch m := d.Msg.(type) {
	case messages.HoldReplicas:
		c.holding[askerOf(d.From, m.Corr)] = pendingHold{
			cids: cidsOf(m.Blocks), until: m.Until.Unix(), holder: c.memberOf(d.To),
		}
	case messages.ReplicasHeld:
		c.held(d, m)
	case messages.DropReplicas:
		c.dropping[askerOf(d.From, m.Corr)] = pendingHold{cids: m.CIDs, holder: c.memberOf(d.To)}
	case messages.ReplicasDropped:
		c.dropped(d, m)
	case messages.RequestAnswered:
		c.answered(d, m)
	case messages.BlocksFetched:
		c.fetched(m)
	case messages.TuplesReserved:
		c.reserved(d, m)
	case messages.PutBlocks:
		c.stored(m)
	case messages.ViewChanged:
		if d.To.Role() == "fetcher" {
			c.memberOf(d.To).view = m.View
		}
	case messages.PacketReceived:
		if d.To.Role() == "store" {
			c.run.spies.heard(c.memberOf(d.To), m)
		}
	case messages.GossipReceived:
		c.memberOf(d.To).summaries++
	}
}

// sampleOneIn is for how many blocks there is one that is hashed once more by
// a checker: hashing all of them would take as long as all that nodes do.
const sampleOneIn = 16

// sampled chooses by the bytes of a block, which are random.
func sampled(data []byte) bool { return len(data) > 0 && data[0]%sampleOneIn == 0 }

// nodeEnded forgets what is about the actors of a node that is off.
func (c *checks) nodeEnded(m *member) {
	c.commands.nodeEnded(m)
	for key, pending := range c.dropping { // each is judged by itself
		if pending.holder == m {
			c.endDrop(key) // nobody knows how far it came
		}
	}
	for key, pending := range c.holding {
		if pending.holder == m {
			delete(c.holding, key)
		}
	}
	clear(c.owners) // it would keep the actors alive
}

func askerOf(ref shell.Ref, corr messages.Corr) asker { return asker{ref.PathHash(), corr} }

func cidsOf(blocks []messages.Block) []messages.CID {
	cids := make([]messages.CID, len(blocks))
	for i, b := range blocks {
		cids[i] = b.CID
	}
	return cids
}

// memberOf is the node that an actor belongs to; nil for the run itself.
func (c *checks) memberOf(ref shell.Ref) *member {
	m, known := c.owners[ref]
	if !known {
		var number int
		if _, err := fmt.Sscanf(ref.String(), "n%d/", &number); err == nil {
			m = c.run.members[number]
		}
		c.owners[ref] = m
	}
	return m
}

func (c *checks) held(d shell.Delivery, m messages.ReplicasHeld) {
	key := askerOf(d.To, m.Corr)
	pending := c.holding[key]
	delete(c.holding, key)
	holder := c.memberOf(d.To)
	for i, cid := range pending.cids {
		if !m.Held[i] {
			continue
		}
		holders := c.replicas[cid]
		if holders == nil {
			holders = make(map[int]int64, 4)
			c.replicas[cid] = holders
			c.promised = append(c.promised, cid)
		}
		holders[holder.number] = max(holders[holder.number], pending.until)
	}
}

func (c *checks) dropped(d shell.Delivery, m messages.ReplicasDropped) {
	c.endDrop(askerOf(d.To, m.Corr))
}

func (c *checks) endDrop(key asker) {
	pending := c.dropping[key]
	for _, cid := range pending.cids {
		delete(c.replicas[cid], pending.holder.number)
	}
	delete(c.dropping, key)
}

// answered checks that a block was served by a node that holds it for the
// network. Liars serve what they like, also when they have stopped lying: the
// answer may have been under way.
func (c *checks) answered(d shell.Delivery, m messages.RequestAnswered) {
	if m.Err != nil || len(m.Packet.Blocks) != 1 || d.To.Role() != "fetcher" {
		return
	}
	response, err := wire.DecodeBlockResponse(m.Packet.Head)
	if err != nil || response.Status != wire.BlockServed {
		return
	}
	server := c.run.byID[m.From]
	if server == nil || server.lied || !sampled(m.Packet.Blocks[0]) {
		return
	}
	c.times[checkServed]++
	cid := messages.CID(sha256.Sum256(m.Packet.Blocks[0]))
	if _, holds := c.replicas[cid][server.number]; !holds {
		c.violated(checkServed, "%s served block %s, which it does not hold for the network",
			server.node.Name(), cid.Short())
	}
}

// fetched checks what the fetcher hands on.
func (c *checks) fetched(m messages.BlocksFetched) {
	for i, b := range m.Blocks {
		if m.Errs != nil && m.Errs[i] != nil || !sampled(b.Data) {
			continue
		}
		c.times[checkProved]++
		if sha256.Sum256(b.Data) != b.CID {
			c.violated(checkProved, "block %s was handed on with other bytes", b.CID.Short())
		}
	}
}

// reserved checks that no node reserves a slot A or a pair twice. Different
// nodes may.
func (c *checks) reserved(d shell.Delivery, m messages.TuplesReserved) {
	node := c.memberOf(d.To)
	for _, t := range m.Tuples {
		c.times[checkPairs]++
		a, b := t.A.CID, t.B.CID
		if b.Compare(a) < 0 {
			a, b = b, a
		}
		// One number per pair is enough: a pair of two nodes is a rare
		// coincidence, and then the later one is looked at.
		if last, seen := c.pairs[[2]messages.CID{a, b}]; seen && last == node.number {
			c.violated(checkPairs, "%s reserved the pair %s, %s twice",
				node.node.Name(), a.Short(), b.Short())
		}
		c.pairs[[2]messages.CID{a, b}] = node.number
		if last, seen := c.slots[t.A.CID]; seen && last == node.number {
			c.violated(checkPairs, "%s put block %s in slot A twice", node.node.Name(), t.A.CID.Short())
		}
		c.slots[t.A.CID] = node.number
	}
}

// stored checks that blocks on their way to the disk look like noise, of
// which about half of the bits are set, and hold nothing of any file.
func (c *checks) stored(m messages.PutBlocks) {
	for _, b := range m.Blocks {
		c.times[checkAlone]++
		if biased(b.Data) {
			c.violated(checkAlone, "block %s is not random", b.CID.Short())
		}
		if number, chunk, found := c.run.catalog.plaintext(b.Data); found {
			c.violated(checkAlone, "block %s has plaintext of file %d, block %d",
				b.CID.Short(), number, chunk)
		}
	}
}

// checkBytes compares what a reader got with what was stored.
func (r *run) checkBytes(number int, f *file, chunk int, parts []messages.Part) {
	r.checks.times[checkBytes]++
	if !r.catalog.right(f.number, chunk, parts) {
		r.checks.violated(checkBytes, "%s read wrong bytes of block %d of file %d",
			r.members[number].node.Name(), chunk, f.number)
	}
}

// readBack takes in that a file was read at the end, or cannot be. Nobody can
// read what nobody has: that is counted as lost blocks.
func (r *run) readBack(number int, f *file, err *messages.Error) {
	r.unread--
	r.checks.times[checkBack]++
	if err != nil && !f.gone && !(r.lossy() && r.needs.lostOf(f)) {
		r.checks.violated(checkBack, "file %d, stored by %s, cannot be read by %s: %v", f.number,
			r.members[f.owner].node.Name(), r.members[number].node.Name(), err)
	}
}

// promisesLooked is how many promises one look takes in.
const promisesLooked = 256

// lookAtPromises draws some replicas, and looks whether they are on the disks
// of those that hold them.
func (c *checks) lookAtPromises() {
	now := c.run.world.Now().Unix()
	for range min(promisesLooked, len(c.promised)) {
		cid := c.promised[c.run.draw.IntN(len(c.promised))]
		var lost []string
		for number, until := range c.replicas[cid] { // sorted below
			m := c.run.members[number]
			if !m.alive || until <= now || c.run.lies(m) {
				continue
			}
			c.times[checkPromises]++
			if !m.machine.Blocks().Has([]messages.CID{cid})[0] {
				if m.rotted {
					delete(c.replicas[cid], number) // it was so when the disk was opened
					continue
				}
				lost = append(lost, m.node.Name())
			}
		}
		slices.Sort(lost)
		for _, name := range lost {
			c.violated(checkPromises, "%s has lost block %s", name, cid.Short())
		}
	}
}

// freed counts the replicas that made room once their leases had ended.
func (c *checks) freed() int {
	count, now := 0, c.run.world.Now().Unix()
	for cid, holders := range c.replicas { // counting is the same in any order
		for number, until := range holders {
			m := c.run.members[number]
			if m.alive && until <= now && !m.machine.Blocks().Has([]messages.CID{cid})[0] {
				count++
			}
		}
	}
	return count
}

// holders counts the living nodes that hold a block for the network, under a
// lease that has not ended.
func (c *checks) holders(cid messages.CID) int {
	n, now := 0, c.run.world.Now().Unix()
	for number, until := range c.replicas[cid] {
		if c.run.members[number].alive && until > now {
			n++
		}
	}
	return n
}

// popularities are the data blocks of the files that users read: how often,
// and how many hold them. Files whose blocks stand below further nodes are
// left out.
func (c *checks) popularities() []report.BlockPoint {
	hours := c.run.plan.Duration.Hours()
	var points []report.BlockPoint
	for _, f := range c.run.catalog.ready {
		for _, ref := range f.content.Children {
			if ref.Level != 0 || ref.IsZero() {
				continue
			}
			points = append(points, report.BlockPoint{
				ReadsPerHour: float64(f.reads) / float64(f.chunks) / hours,
				Replicas:     c.holders(ref.D),
			})
		}
	}
	return points
}
