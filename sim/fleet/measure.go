package fleet

import (
	"time"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/shell"
	"github.com/noisefs/noisefs/sim/network"
	"github.com/noisefs/noisefs/sim/report"
)

// billedBlockBytes is what a block counts for, whatever it has in memory.
const billedBlockBytes = 128 << 10

// measure collects what the measured span gave.
type measure struct {
	run *run

	reads, failures             int
	all, window                 *report.Latencies
	windowReads, windowFailures int

	uploads, uploadFailures int
	uploadTimes             *report.Latencies

	streams      int
	streamBytes  float64
	streamTime   time.Duration
	streamStalls time.Duration

	before  network.Counters // at the start of the span
	after   network.Counters
	last    network.Counters // at the last sample
	served  []uint64         // block bytes by node, at the start; then in the span
	samples []report.Sample
	wall    time.Duration
	ended   bool // the measured span was run to its end, or to a violation

	toldBefore, toldAfter told
	underAtEnd            int
	freedAtEnd            int     // replicas
	demandAtEnd           float64 // the greatest that a node estimates of any block, per hour
	blocks                []report.BlockPoint
}

func newMeasure(r *run) *measure {
	return &measure{
		run: r, all: report.NewLatencies(), window: report.NewLatencies(),
		uploadTimes: report.NewLatencies(),
	}
}

// readEnded takes in the end of a read of one block.
func (r *run) readEnded(number int, f *file, took time.Duration, err *messages.Error) {
	if !r.measuring {
		return
	}
	m := r.measure
	m.reads++
	m.windowReads++
	if err == nil {
		m.all.Add(took)
		m.window.Add(took)
		return
	}
	m.failures++
	m.windowFailures++
	if f.gone {
		// It was deleted while it was read: nobody is to blame.
		m.reads, m.failures = m.reads-1, m.failures-1
		m.windowReads, m.windowFailures = m.windowReads-1, m.windowFailures-1
		return
	}
	r.event("readFailed", r.members[number], report.Event{
		Seconds: took.Seconds(), Text: err.Code.String(),
	})
}

// readRefused counts a read that a user did not begin since too many were
// under way.
func (m *measure) readRefused() {
	if m.run.measuring {
		m.reads, m.failures = m.reads+1, m.failures+1
		m.windowReads, m.windowFailures = m.windowReads+1, m.windowFailures+1
	}
}

// streamEnded takes in the end of a stream.
func (m *measure) streamEnded(chunks int, took, stalled time.Duration, _ *messages.Error) {
	if !m.run.measuring {
		return
	}
	m.streams++
	m.streamBytes += float64(chunks) * billedBlockBytes
	m.streamTime += took
	m.streamStalls += stalled
}

// uploadEnded takes in that a file is stored, or cannot be.
func (r *run) uploadEnded(f *file, took time.Duration, err *messages.Error) {
	if r.storing > 0 && !r.measuring {
		r.storing--
	}
	kind := "fileStored"
	text := ""
	if err != nil {
		kind, text = "uploadFailed", err.Code.String()
	}
	r.event(kind, r.members[f.owner], report.Event{
		Bytes: int64(f.chunks) * billedBlockBytes, Seconds: took.Seconds(), Text: text,
	})
	if !r.measuring {
		return
	}
	r.measure.uploads++
	if err != nil {
		r.measure.uploadFailures++
		return
	}
	r.measure.uploadTimes.Add(took)
}

// begin starts the measured span.
func (m *measure) begin() {
	m.before = m.run.world.Network().Total()
	m.last = m.before
	m.served = m.servedNow()
	m.toldBefore = m.run.askNodes()
}

// end ends it.
func (m *measure) end(wall time.Duration) {
	m.after = m.run.world.Network().Total()
	for i, bytes := range m.servedNow() {
		m.served[i] = bytes - m.served[i]
	}
	m.wall, m.ended = wall, true
	m.toldAfter = m.run.askNodes()
	m.demandAtEnd = m.run.greatestDemand()
	m.underAtEnd = m.run.needs.under()
	m.freedAtEnd = m.run.checks.freed()
	m.blocks = m.run.checks.popularities()
}

// told is what nodes say of themselves, summed up. A node that was down in
// between counts from its last start.
type told struct{ requests, hedges, wrong, repaired uint64 }

func (t told) less(o told) told {
	sub := func(a, b uint64) uint64 { return max(a, b) - b }
	return told{
		sub(t.requests, o.requests), sub(t.hedges, o.hedges),
		sub(t.wrong, o.wrong), sub(t.repaired, o.repaired),
	}
}

// askNodes asks all nodes for their counters. No time passes.
func (r *run) askNodes() told {
	var sum told
	ask := func(m *member, role string, build shell.Make, heard func(messages.Reply)) {
		if ref := m.node.Ref(role); !ref.IsZero() {
			_, _ = r.gate.Send(ref, build, heard)
		}
	}
	for _, m := range r.members {
		ask(m, "fetcher", func(call messages.Call) messages.Command {
			return messages.StatFetcher{Call: call}
		}, func(reply messages.Reply) {
			if s, ok := reply.(messages.FetcherStatted); ok {
				sum.requests, sum.hedges = sum.requests+s.Requests, sum.hedges+s.Hedges
				sum.wrong += s.Wrong
			}
		})
		ask(m, "replication", func(call messages.Call) messages.Command {
			return messages.StatReplication{Call: call}
		}, func(reply messages.Reply) {
			if s, ok := reply.(messages.ReplicationStatted); ok {
				sum.repaired += s.RepairedBlocks
			}
		})
	}
	if err := r.world.Run(0); err != nil {
		r.checks.violated("progress", "%v", err)
	}
	return sum
}

// servedNow is what each node has sent of blocks.
func (m *measure) servedNow() []uint64 {
	served := make([]uint64, len(m.run.members))
	net := m.run.world.Network()
	for i := range m.run.members {
		served[i] = net.Counters(network.Peer(i)).SentAll().BlockBytes
	}
	return served
}

// scheduleSamples takes a sample of the network at even intervals.
func (r *run) scheduleSamples() {
	for at := r.plan.Sample; at <= r.plan.Duration; at += r.plan.Sample {
		r.world.At(at, r.measure.sample)
	}
}

func (m *measure) sample() {
	now := m.run.world.Network().Total()
	since := func(name messages.Protocol) float64 {
		return float64(protocolTally(m.run, &now, name).Bytes() -
			protocolTally(m.run, &m.last, name).Bytes())
	}
	alive := 0
	for _, n := range m.run.members {
		if n.alive {
			alive++
		}
	}
	stored := m.storedNow()
	sample := report.Sample{
		AtSeconds:  (m.run.world.Elapsed() - m.run.began).Seconds(),
		NodesAlive: alive, Reads: m.windowReads, ReadFailures: m.windowFailures,
		BlockBytes:   since(messages.ProtocolBlock),
		GossipBytes:  gossipBytes(m.run, &now) - gossipBytes(m.run, &m.last),
		ReplicaBytes: since(messages.ProtocolReplica),
		BytesStored:  stored,
		ReplicasMean: m.run.needs.replicasMean(), UnderReplicated: m.run.needs.under(),
	}
	if m.window.Count() > 0 {
		sample.P50Seconds, sample.P99Seconds = m.window.Quantile(0.5), m.window.Quantile(0.99)
	}
	m.samples = append(m.samples, sample)
	m.window.Reset()
	m.windowReads, m.windowFailures = 0, 0
	m.last = now
}

// storedNow is what all living nodes have on their disks, as billed.
func (m *measure) storedNow() float64 {
	blocks := int64(0)
	for _, n := range m.run.members {
		if n.alive {
			blocks += n.machine.Blocks().Usage().Blocks
		}
	}
	return float64(blocks) * billedBlockBytes
}

// protocolTally is what was sent for a protocol.
func protocolTally(r *run, c *network.Counters, name messages.Protocol) network.Tally {
	for i, other := range r.world.Network().Protocols() {
		if other == name {
			return c.Sent[i]
		}
	}
	return network.Tally{}
}

// gossipBytes is what membership and popularity sent.
func gossipBytes(r *run, c *network.Counters) float64 {
	return float64(protocolTally(r, c, messages.ProtocolMember).Bytes() + c.GossipSent.Bytes())
}
