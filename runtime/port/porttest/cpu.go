package porttest

import (
	"syscall"
	"testing"
)

// ReportCPU reports the processor time per operation of a benchmark from here
// to its end, all goroutines together. A busy machine disturbs it less than
// the clock on the wall.
func ReportCPU(b *testing.B) {
	b.Helper()
	start := cpuTimeNS(b)
	b.Cleanup(func() {
		b.ReportMetric(float64(cpuTimeNS(b)-start)/float64(b.N), "cpu-ns/op")
	})
}

func cpuTimeNS(b *testing.B) int64 {
	b.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return usage.Utime.Nano() + usage.Stime.Nano()
}
