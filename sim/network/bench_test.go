package network_test

import (
	"testing"
	"time"

	"github.com/noisefs/noisefs/runtime/port/porttest"
	"github.com/noisefs/noisefs/sim/network"
)

// direct keeps one packet under way, so that its timers need no heap.
type direct struct {
	now  int64
	run  func()
	came int
}

func (d *direct) NowNS() int64                { return d.now }
func (d *direct) AtNS(atNS int64, run func()) { d.now, d.run = atNS, run }
func (d *direct) Arrived(*network.Packet)     { d.came++ }
func (d *direct) Failed(*network.Packet)      {}

// BenchmarkPacket is what the network itself does for a packet.
func BenchmarkPacket(b *testing.B) {
	preset, _ := network.PresetNamed("internet")
	preset.Options.DialRounds, preset.Options.Duplicate = 0, 0
	preset.Options.Loss = 0
	for _, bench := range []struct {
		name   string
		packet network.Packet
	}{
		{"Datagram", datagram(0, 1, 100)},
		{"Request", stream(0, 1, 0)},
		{"Block", stream(0, 1, blockBytes)},
	} {
		b.Run(bench.name, func(b *testing.B) {
			d := &direct{}
			net, err := network.New(preset.Options, d, d)
			if err != nil {
				b.Fatal(err)
			}
			for i := range 2 {
				link := preset.Link(1, i)
				link.Undialable, link.Burst = false, network.Burst{}
				p, err := net.Add(link)
				if err != nil {
					b.Fatal(err)
				}
				net.Switch(p, true)
			}
			b.ReportAllocs()
			porttest.ReportCPU(b)
			sent := 0
			for b.Loop() {
				sent++
				net.Send(bench.packet)
				for d.run != nil {
					run := d.run
					d.run = nil
					run()
				}
			}
			if d.came != sent {
				b.Fatalf("%d of %d packets came", d.came, sent)
			}
		})
	}
}

// BenchmarkCrowd is a hundred nodes that send blocks to each other faster
// than their links can, so that every packet is slowed down by others.
func BenchmarkCrowd(b *testing.B) {
	const nodes = 100
	preset, _ := network.PresetNamed("internet")
	w := newWorld(b, preset.Options)
	for i := range nodes {
		link := preset.Link(1, i)
		link.Undialable = false
		w.add(link)
	}
	came, next := 0, 0
	send := func() {
		next++
		from := network.Peer(next % nodes)
		w.net.Send(stream(from, (from+1+network.Peer(next/nodes)%(nodes-1))%nodes, blockBytes))
	}
	w.hear = func(arrival) { came++; send() }
	for range 10 * nodes {
		send()
	}
	porttest.ReportCPU(b)
	for b.Loop() {
		for target := came + 1; came < target; {
			w.run(10 * time.Millisecond)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(came), "ns/packet")
}
