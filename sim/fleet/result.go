package fleet

import (
	"math"
	"slices"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/sim/network"
	"github.com/noisefs/noisefs/sim/report"
)

// result puts together what the run gave.
func (r *run) result() *report.Result {
	m, c := r.measure, r.checks
	result := &report.Result{
		Scenario: r.plan.Name, Seed: r.plan.Seed, Nodes: r.plan.Nodes,
		VirtualSeconds: r.plan.Duration.Seconds(), WallSeconds: m.wall.Seconds(),
		Events: r.world.Deliveries(), TraceHash: report.Hash(r.world.TraceHash()),
		InvariantsViolated: c.problems, Before: c.before, LastEvents: c.last,
		Figures: report.Figures{}, Samples: m.samples, ReadLatency: m.all.CDF(),
	}
	c.times[checkReplies] = c.commands.answered
	for _, name := range checkNames {
		result.Checks = append(result.Checks, report.Check{Name: name, Times: c.times[name]})
		result.InvariantsChecked += c.times[name]
	}
	if m.ended {
		r.readFigures(result.Figures)
		r.networkFigures(result.Figures)
		r.storageFigures(result)
	}
	return result
}

func (r *run) readFigures(f report.Figures) {
	m := r.measure
	f.Set(report.Reads, float64(m.reads))
	f.Set(report.ReadFailures, float64(m.failures))
	f.SetShare(report.Availability, float64(m.reads-m.failures), float64(m.reads))
	f.Set(report.MeanSeconds, m.all.Mean())
	f.Set(report.P50Seconds, m.all.Quantile(0.5))
	f.Set(report.P99Seconds, m.all.Quantile(0.99))
	f.Set(report.P999Seconds, m.all.Quantile(0.999))
	f.Set(report.Uploads, float64(m.uploads))
	f.Set(report.UploadFailures, float64(m.uploadFailures))
	f.Set(report.UploadP99Seconds, m.uploadTimes.Quantile(0.99))
	f.Set(report.Streams, float64(m.streams))
	f.SetShare(report.StreamStallShare, m.streamStalls.Seconds(), m.streamTime.Seconds())
	f.SetShare(report.StreamBytesPerSecond, m.streamBytes, m.streamTime.Seconds())
	if r.convergedAfter > 0 {
		f.Set(report.ConvergeSeconds, r.convergedAfter.Seconds())
	}
}

// networkFigures are what was sent in the measured span.
func (r *run) networkFigures(f report.Figures) {
	m := r.measure
	span := func(name messages.Protocol) network.Tally {
		after, before := protocolTally(r, &m.after, name), protocolTally(r, &m.before, name)
		return network.Tally{
			HeadBytes:     after.HeadBytes - before.HeadBytes,
			BlockBytes:    after.BlockBytes - before.BlockBytes,
			OverheadBytes: after.OverheadBytes - before.OverheadBytes,
		}
	}
	moved := float64(m.after.SentAll().Bytes() - m.before.SentAll().Bytes())
	f.Set(report.BytesMoved, moved)
	useful := float64(m.reads-m.failures) * billedBlockBytes
	f.SetShare(report.BytesPerUsefulByte, float64(span(messages.ProtocolBlock).BlockBytes), useful)
	gossip := gossipBytes(r, &m.after) - gossipBytes(r, &m.before)
	f.Set(report.GossipBytes, gossip)
	f.SetShare(report.GossipPerNodeSecond, gossip,
		r.plan.Duration.Seconds()*float64(len(r.members)))

	loads := make([]float64, 0, len(r.members))
	capacity := 0.0
	for i, member := range r.members {
		if !member.gone {
			loads = append(loads, float64(m.served[i]))
		}
		capacity += float64(r.world.Network().Link(member.node.Peer()).Up) / 8
	}
	f.Set(report.LoadGini, report.Gini(loads))
	f.SetShare(report.Utilisation, moved, capacity*r.plan.Duration.Seconds())

	told := m.toldAfter.less(m.toldBefore)
	f.Set(report.RepairBytes, float64(told.repaired)*billedBlockBytes)
	f.Set(report.Hedges, float64(told.hedges))
	f.SetShare(report.HedgeShare, float64(told.hedges), float64(told.requests))
	f.Set(report.RefusedBlocks, float64(told.wrong))
}

// storageFigures are about copies of blocks, by how popular they are: the
// reads of a file, spread over its blocks.
func (r *run) storageFigures(result *report.Result) {
	f := result.Figures
	f.Set(report.ReplicasMean, r.needs.replicasMean())
	f.Set(report.BlocksLost, float64(r.needs.lost()))
	f.Set(report.ViewError, r.viewError())
	if r.mayLie() {
		f.SetShare(report.Inflation, r.measure.demandAtEnd, r.trueDemand())
	}
	r.spies.figures(f)
	f.Set(report.UnderReplicated, float64(r.measure.underAtEnd))
	f.Set(report.BytesStored, r.measure.storedNow())
	f.Set(report.BytesFreed, float64(r.measure.freedAtEnd)*billedBlockBytes)
	points := slices.Clone(r.measure.blocks)
	slices.SortFunc(points, func(a, b report.BlockPoint) int {
		switch {
		case a.ReadsPerHour < b.ReadsPerHour:
			return -1
		case a.ReadsPerHour > b.ReadsPerHour:
			return 1
		}
		return a.Replicas - b.Replicas
	})
	for i := range 10 {
		part := points[len(points)*i/10 : len(points)*(i+1)/10]
		if len(part) == 0 {
			continue
		}
		d := report.Decile{Blocks: len(part), ReplicasMin: math.MaxInt}
		for _, p := range part {
			d.ReadsPerHour += p.ReadsPerHour / float64(len(part))
			d.Replicas += float64(p.Replicas) / float64(len(part))
			d.ReplicasMin, d.ReplicasMax = min(d.ReplicasMin, p.Replicas), max(d.ReplicasMax, p.Replicas)
		}
		result.Deciles = append(result.Deciles, d)
	}
	if n := len(result.Deciles); n > 0 {
		f.Set(report.ReplicasCold, result.Deciles[0].Replicas)
		f.Set(report.ReplicasHot, result.Deciles[n-1].Replicas)
	}
	every := max(1, (len(points)+report.BlocksShownMax-1)/report.BlocksShownMax)
	for i := 0; i < len(points); i += every {
		result.Blocks = append(result.Blocks, points[i])
	}
}
