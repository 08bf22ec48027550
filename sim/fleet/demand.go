package fleet

import "github.com/noisefs/noisefs/messages"

// greatestDemand is the most that any honest node believes a block is asked
// for, per hour. Lies about demand are about every block, and so about the
// needed ones too.
func (r *run) greatestDemand() float64 {
	greatest := 0.0
	for from := 0; from < len(r.needs.cids); from += messages.DemandMax {
		cids := r.needs.cids[from:min(len(r.needs.cids), from+messages.DemandMax)]
		for _, m := range r.members {
			if !m.alive || m.lied {
				continue
			}
			r.ask(m, "popularity", func(call messages.Call) messages.Command {
				return messages.EstimateDemand{Call: call, CIDs: cids}
			}, func(reply messages.Reply) {
				if estimated, ok := reply.(messages.DemandEstimated); ok {
					for _, perHour := range estimated.PerHour {
						greatest = max(greatest, perHour)
					}
				}
			})
			break // all have heard the same
		}
		if err := r.world.Run(0); err != nil {
			r.checks.violated("progress", "%v", err)
		}
	}
	return greatest
}

// trueDemand is how often the block was asked for, per hour, that users read
// most: each read of it is a request at most.
func (r *run) trueDemand() float64 {
	greatest := 0.0
	for _, f := range r.catalog.files {
		greatest = max(greatest, float64(f.reads)/float64(f.chunks)/r.plan.Duration.Hours())
	}
	return greatest
}
