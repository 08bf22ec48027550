package main

import "github.com/noisefs/noisefs/sim/report"

// replicationExperiment compares the adaptive factor with fixed ones.
func replicationExperiment() experiment {
	e := experiment{
		name: "replication", title: "How many copies", seeds: 3, equalBytes: true,
		about: `Adaptive replication gives a block as many copies as it is in demand; fixed
replication gives all the same number. What counts is what that buys for the bytes it takes, so
adaptive is compared with the fixed factor that stores about as much (marked below), and with the
others. *Churn*: nodes come and go with the session lengths of IPFS peers in 2022, and a lost
holder is waited for before it is replaced. *Flash crowd*: within ten seconds one file becomes
5,000 times as popular. In both, files have one block, so that few nodes hold what is wanted, and
readers keep nothing, so that the holders serve every read.

Where copies alone are not enough: a reader who is far from all of them, or whose own link is slow,
waits as long with many as with few, and so does the first read of a file, which takes two fetches
one after the other. Under churn, copies do not bring back nodes that are away: what is little in
demand has the least number of copies under both, and those reads fail that find all of its holders
away before they were waited for; only a higher least number of copies would help, for bytes.

What it costs to add too much: with a share of the square root of 0.15, not
0.08, adaptive stored about as much as fixed 4 and was level with it (317 and 326 MiB,
availability 99.5 and 99.97 %, p99 5.6 and 5.3 s under churn): the copies went to blocks that had
enough, while what few ask for, whose reads are those that fail and are late, had three holders
against four. Having readers ask as many holders as demand calls for was tried as well: no
difference under churn, and in the crowd p99 2.8 s instead of 1.9, since demand is known before the
copies are there.`,
		columns: []string{"what happens", "copies"},
		figures: []report.Figure{
			report.BytesStored, report.ReplicasMean, report.ReplicasHot, report.Availability,
			report.P50Seconds, report.P99Seconds, report.P999Seconds, report.RepairBytes,
			report.BytesMoved,
		},
		compared: []report.Figure{
			report.P99Seconds, report.Availability, report.ReadFailures, report.BytesStored,
		},
	}
	for _, happens := range []struct{ name, file, plot string }{
		{"churn", "replication-churn.yaml", "churn"},
		{"flash crowd", "replication-crowd.yaml", "crowd"},
	} {
		e.variants = append(e.variants, variant{
			labels: []string{happens.name, "adaptive"}, file: happens.file,
			params: []string{"policies.replication=adaptive"},
		})
		for _, factor := range []string{"2", "3", "4", "5", "8"} {
			e.variants = append(e.variants, variant{
				labels: []string{happens.name, "fixed " + factor}, file: happens.file,
				params: []string{"policies.replication=fixed", "policies.factor=" + factor},
			})
		}
		e.plots = append(e.plots, plot{
			name: happens.plot, title: "Read p99 by bytes stored, " + happens.name, scatter: true,
			x:    figureOver("bytes stored, GiB", report.BytesStored, 1<<30),
			y:    figureOver("99th percentile of a read, seconds", report.P99Seconds, 1),
			only: func(v variant) bool { return v.labels[0] == happens.name },
		}, plot{
			name: happens.plot + "-failures", scatter: true,
			title: "Failed reads by bytes stored, " + happens.name,
			x:     figureOver("bytes stored, GiB", report.BytesStored, 1<<30),
			y:     figureOver("reads that failed", report.ReadFailures, 1),
			only:  func(v variant) bool { return v.labels[0] == happens.name },
		})
	}
	return e
}
