package membership_test

import (
	"runtime"
	"testing"
	"time"

	"github.com/noisefs/noisefs/actors/membership"
)

// BenchmarkThousand measures what a node of a network of a thousand costs:
// its packets, its memory, and its processor time per virtual second.
func BenchmarkThousand(b *testing.B) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	w := newTown(b, 1, 1000, membership.Defaults()).seeded(3)
	w.onAll()
	began := time.Now()
	took := w.runUntil(2*time.Minute, "everybody knows everybody", w.agree)
	b.Logf("joined within %v, in %v, %d packets, %d MB", took, time.Since(began),
		w.packets, w.bytes>>20)
	runtime.GC()
	runtime.ReadMemStats(&after)
	nodes := float64(len(w.houses))
	w.run(4 * time.Minute)
	b.Logf("settled after %v", time.Since(began))
	w.packets, w.bytes = 0, 0
	seconds := 0.0
	for b.Loop() {
		w.run(time.Second)
		seconds++
	}
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/nodes, "B/node")
	b.ReportMetric(float64(w.packets)/nodes/seconds, "packets/node/s")
	b.ReportMetric(float64(w.bytes)/nodes/seconds, "B/node/s")
	b.ReportMetric(float64(b.Elapsed().Microseconds())/nodes/seconds, "µs/node/s")
}
