package report

// plots returns the charts of a result: those for which it has data.
func (r *Result) plots() []chart {
	var charts []chart
	if len(r.Samples) > 1 {
		charts = append(charts, r.readPlot(), r.latencyPlot(), r.trafficPlot(),
			r.memberPlot(), r.storagePlot(), r.replicaPlot())
	}
	if len(r.ReadLatency) > 1 {
		charts = append(charts, r.distributionPlot())
	}
	if len(r.Deciles) > 0 {
		charts = append(charts, r.popularityPlot())
	}
	return charts
}

// overTime makes a chart of samples; rate divides by the interval's length.
func (r *Result) overTime(title, about, yLabel string, curves ...sampled) chart {
	unit, name := timeUnit(r.VirtualSeconds)
	c := chart{title: title, about: about, xLabel: name, yLabel: yLabel}
	for _, s := range curves {
		line := curve{name: s.name}
		before := 0.0
		for _, sample := range r.Samples {
			value := s.of(sample)
			if s.rate {
				if span := sample.AtSeconds - before; span > 0 {
					value /= span
				}
			}
			before = sample.AtSeconds
			line.points = append(line.points, point{sample.AtSeconds, value})
		}
		c.curves = append(c.curves, line)
	}
	c.x = exactAxis(r.Samples[len(r.Samples)-1].AtSeconds, unit)
	c.y = linearAxis(highest(c.curves), 1)
	return c
}

// sampled is a curve of samples.
type sampled struct {
	name string
	rate bool // per second, of a count over the interval
	of   func(Sample) float64
}

// inBytes marks the y axis in the unit that fits.
func (c chart) inBytes(suffix string) chart {
	unit, name := byteUnit(highest(c.curves))
	c.yLabel, c.y = name+suffix, linearAxis(highest(c.curves), unit)
	return c
}

func (r *Result) readPlot() chart {
	return r.overTime("Reads", "Blocks and files read, per virtual second.", "per second",
		sampled{"succeeded", true, func(s Sample) float64 {
			return float64(s.Reads - s.ReadFailures)
		}},
		sampled{"failed", true, func(s Sample) float64 { return float64(s.ReadFailures) }})
}

func (r *Result) latencyPlot() chart {
	return r.overTime("Read time", "Of the reads that succeeded in each interval.", "seconds",
		sampled{"99th percentile", false, func(s Sample) float64 { return s.P99Seconds }},
		sampled{"median", false, func(s Sample) float64 { return s.P50Seconds }})
}

func (r *Result) trafficPlot() chart {
	return r.overTime("Traffic", "Sent by all nodes together.", "",
		sampled{"blocks for reads", true, func(s Sample) float64 { return s.BlockBytes }},
		sampled{"replicas", true, func(s Sample) float64 { return s.ReplicaBytes }},
		sampled{"gossip", true, func(s Sample) float64 { return s.GossipBytes }}).inBytes("/s")
}

func (r *Result) memberPlot() chart {
	return r.overTime("Nodes and blocks in need",
		"Nodes that run, and blocks with fewer copies than their factor.", "",
		sampled{"nodes alive", false, func(s Sample) float64 { return float64(s.NodesAlive) }},
		sampled{"under-replicated blocks", false, func(s Sample) float64 {
			return float64(s.UnderReplicated)
		}})
}

func (r *Result) storagePlot() chart {
	return r.overTime("Storage", "Blocks on all disks.", "",
		sampled{"stored", false, func(s Sample) float64 { return s.BytesStored }}).inBytes("")
}

func (r *Result) replicaPlot() chart {
	return r.overTime("Copies", "Living copies per block.", "copies",
		sampled{"mean", false, func(s Sample) float64 { return s.ReplicasMean }})
}

// shortestShown is the least time in seconds on a logarithmic axis. What took
// less had no need of the network, and no more of the axis.
const shortestShown = 1e-4

func (r *Result) distributionPlot() chart {
	c := chart{
		title: "Distribution of read times", xLabel: "time of a read", yLabel: "% of reads",
		about: "How many of the reads that succeeded took at most so long; below 0.1 ms is its edge.",
		y:     linearAxis(100, 1),
	}
	line := curve{name: "reads", steps: true}
	for _, p := range r.ReadLatency {
		line.points = append(line.points, point{max(p.Seconds, shortestShown), p.Share * 100})
	}
	c.curves = []curve{line}
	c.x = logAxis(line.points[0].x, line.points[len(line.points)-1].x, func(v float64) string {
		return Format(round(v), UnitSeconds)
	})
	return c
}

func (r *Result) popularityPlot() chart {
	c := chart{
		title: "Copies against popularity", xLabel: "reads of a block per hour",
		yLabel: "copies",
		about: "Dots are blocks drawn at random, the line is the mean of each tenth of all " +
			"blocks; what nobody asked for stands at the left edge.",
	}
	mean := curve{name: "mean of a tenth"}
	for _, d := range r.Deciles {
		mean.points = append(mean.points, point{d.ReadsPerHour, d.Replicas})
	}
	dots := curve{name: "a block", dots: true}
	seen := map[BlockPoint]bool{}
	for _, b := range r.Blocks {
		// Blocks are many, and places few: what is drawn need not be drawn twice.
		if !seen[b] {
			seen[b] = true
			dots.points = append(dots.points, point{b.ReadsPerHour, float64(b.Replicas)})
		}
	}
	c.curves = []curve{dots, mean}
	low, high := 0.0, 0.0
	for _, line := range c.curves {
		for _, p := range line.points {
			if p.x > 0 && (low == 0 || p.x < low) {
				low = p.x
			}
			high = max(high, p.x)
		}
	}
	if low == 0 {
		low, high = 1, 10
	}
	c.x = logAxis(low, high, func(v float64) string { return Format(round(v), UnitRatio) })
	c.y = linearAxis(highest(c.curves), 1)
	return c
}
