package main

import (
	"strconv"

	"github.com/noisefs/noisefs/sim/report"
)

// costExperiment asks what one more node costs.
func costExperiment() experiment {
	e := experiment{
		name: "cost", title: "What a node costs", seeds: 1, alone: true,
		about: `One scenario from 10 to 10,000 nodes: each reads a block every ten seconds, and after
half a minute one in twenty goes for good, so that what it held is repaired. Nodes, files and
blocks grow together. Memory is what the process took at its peak beyond what it had before the
run, per node; it is that of the simulation, in which a block has 1 KiB, and the collector's room
to work in. CPU is of the measured span, on one core, checkers included. Gossip and repair are
bytes as billed on the wire. Above a thousand nodes a node knows a part of the others only, as
membership has it.`,
		columns: []string{"nodes"},
		figures: []report.Figure{
			report.GossipPerNodeSecond, report.RepairBytes, report.BytesMoved,
			report.Availability, report.P99Seconds, report.UnderReplicated,
		},
		plots: []plot{
			costPlot("memory", "memory per node", report.UnitBytes, memoryPerNode),
			costPlot("cpu", "CPU per node and virtual second", report.UnitSeconds, cpuPerNode),
			costPlot("gossip", "gossip per node", report.UnitRate, figureOver(
				"", report.GossipPerNodeSecond, 1).of),
			costPlot("repair", "repair bytes per node, in all", report.UnitBytes, repairPerNode),
		},
	}
	for _, nodes := range []int{10, 30, 100, 300, 1000, 3000, 10_000} {
		text := strconv.Itoa(nodes)
		e.variants = append(e.variants, variant{
			labels: []string{text}, file: "cost.yaml",
			params: []string{"nodes=" + text, "content.files=" + text},
		})
	}
	return e
}

func costPlot(
	name, label string, unit report.Unit, of func(outcome) (float64, bool),
) plot {
	return plot{
		name: name, title: label, logX: true, logY: true,
		x: quantity{"nodes", report.UnitCount, nodesOf}, y: quantity{label, unit, of},
	}
}

func nodesOf(o outcome) (float64, bool) {
	if len(o.results) == 0 {
		return 0, false
	}
	return float64(o.results[0].Nodes), true
}

func memoryPerNode(o outcome) (float64, bool) {
	if len(o.costs) == 0 {
		return 0, false
	}
	var sum float64
	for _, c := range o.costs {
		sum += (c.PeakMiB - c.BeforeMiB) * (1 << 20) / float64(c.Nodes)
	}
	return sum / float64(len(o.costs)), true
}

func cpuPerNode(o outcome) (float64, bool) {
	if len(o.costs) == 0 {
		return 0, false
	}
	var sum float64
	for _, c := range o.costs {
		sum += c.CPUPerNodeSecond
	}
	return sum / float64(len(o.costs)), true
}

func repairPerNode(o outcome) (float64, bool) {
	repaired, ok := figureOver("", report.RepairBytes, 1).of(o)
	nodes, some := nodesOf(o)
	if !ok || !some {
		return 0, false
	}
	return repaired / nodes, true
}
