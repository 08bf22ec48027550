package main

import (
	"strings"

	"github.com/noisefs/noisefs/sim/report"
)

// load is a rate of reads, and how busy that makes the uplinks about.
type load struct{ name, rate string }

// loads were found by a sweep over workloads.0.rate: the column utilisation
// of the page says what came of them.
var loads = []load{{"30 %", "1.1"}, {"60 %", "2.4"}, {"90 %", "4"}}

var peerPolicies = []string{"adaptive", "random", "round-robin", "lowest-rtt", "two-choices"}

const allWell, someSlow = "all nodes well", "10 % slow nodes"

// peersExperiment compares the ways to choose whom to ask.
func peersExperiment() experiment {
	e := experiment{
		name: "peers", title: "Whom to ask for a block", seeds: 3,
		about: `Every block has five copies, nothing is cached, and the rate of reads sets how busy
the uplinks are: about 30, 60 and 90 % of what all of them together could carry. Downlinks are
wide, so that readers are not what is waited for. In the second half a tenth of the nodes, drawn by the seed, answers and sends ten times as slowly. Only the way
to choose among the holders of a block differs: *adaptive* is what ships (the cheapest of a few by
time per block, load and failures), *random* and *round-robin* ask anybody, *lowest-rtt* the
nearest, *two-choices* the less busy of two drawn at random. Hedging, retries and everything else
are the same for all.`,
		columns: []string{"nodes", "load", "peers"},
		figures: []report.Figure{
			report.Utilisation, report.MeanSeconds, report.P50Seconds, report.P99Seconds,
			report.P999Seconds, report.Availability, report.BytesPerUsefulByte, report.LoadGini, report.HedgeShare,
		},
		compared: []report.Figure{
			report.MeanSeconds, report.P50Seconds, report.P99Seconds, report.Availability,
		},
	}
	for _, condition := range []struct{ name, file string }{
		{allWell, "peers.yaml"}, {someSlow, "peers-slow.yaml"},
	} {
		for _, l := range loads {
			for _, policy := range peerPolicies {
				e.variants = append(e.variants, variant{
					labels: []string{condition.name, l.name, policy}, file: condition.file,
					params: []string{"policies.peers=" + policy, "workloads.0.rate=" + l.rate},
				})
			}
		}
		e.plots = append(e.plots, plot{
			name:  strings.TrimSuffix(strings.TrimPrefix(condition.file, "peers-"), ".yaml"),
			title: "Read p99 by load, " + condition.name,
			x:     figureOver("utilisation of the uplinks, %", report.Utilisation, 0.01),
			y:     figureOver("99th percentile of a read", report.P99Seconds, 1), logY: true,
			only: func(v variant) bool { return v.labels[0] == condition.name },
		})
	}
	return e
}
