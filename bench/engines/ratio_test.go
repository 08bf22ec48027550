package engines

import (
	"path/filepath"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/noisefs/noisefs/messages"
)

const (
	ratioRounds = 9   // rounds of each phase; odd, for a median
	ratioBlocks = 512 // blocks of a round
)

// BenchmarkAgainstBareLoop compares the engine with a bare loop that appends
// and syncs, and reads, the same bytes. Rounds alternate, so that other load
// of the machine meets both; what is reported is the median ratio, 1 meaning
// as fast as the bare loop, once of the time that passed and once of the time
// that this process had a processor, which other load disturbs less.
func BenchmarkAgainstBareLoop(b *testing.B) {
	_, dir := settings(b)
	source := newSource()
	for b.Loop() {
		for _, phase := range []struct {
			name  string
			sync  bool
			batch int
		}{{"nosync", false, batchBlocks}, {"sync64", true, batchBlocks}, {"sync1", true, 1}} {
			ratios(b, source, filepath.Join(dir, phase.name), phase.name, phase.sync, phase.batch)
		}
	}
}

// ratios measures one way of writing, and reading back.
func ratios(b *testing.B, source *source, path, name string, sync bool, batch int) {
	var stores [2]contender
	var runs [2]*run
	for i, which := range []string{"bare", "pack"} {
		runs[i] = &run{B: b, open: contenders[which], source: source}
		var err error
		stores[i], err = contenders[which](path+which, sync)
		runs[i].must(err)
		defer func() { runs[i].must(stores[i].close()) }()
	}
	n := ratioBlocks
	if batch == 1 {
		n /= 8
	}
	got := make(map[string][]float64)
	for round := range ratioRounds {
		var write, read [2]spent
		for i := range stores {
			i = (i + round) % 2 // whoever goes first pays for the other's dirty pages
			batches := batchesOf(source, round*n, n, batch)
			write[i] = spend(b, func() error { return putAll(stores[i], batches) })
			read[i] = spend(b, func() error { runs[i].read(stores[i], (round+1)*n, n); return nil })
		}
		for phase, times := range map[string][2]spent{"write": write, "read": read} {
			bare, pack := times[0], times[1]
			key := name + "-" + phase
			got[key] = append(got[key], bare.wall.Seconds()/pack.wall.Seconds())
			got[key+"-cpu"] = append(got[key+"-cpu"], bare.cpu.Seconds()/pack.cpu.Seconds())
		}
	}
	for key, ratios := range got {
		slices.Sort(ratios)
		b.ReportMetric(ratios[len(ratios)/2], key)
	}
}

// spent is what something cost.
type spent struct{ wall, cpu time.Duration }

// spend measures a piece of work.
func spend(b *testing.B, work func() error) spent {
	b.Helper()
	begin, before := time.Now(), processorTime(b)
	if err := work(); err != nil {
		b.Fatal(err)
	}
	return spent{wall: time.Since(begin), cpu: processorTime(b) - before}
}

// processorTime is how long this process had a processor so far.
func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var usage unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// batchesOf makes n blocks from a number on, in batches.
func batchesOf(source *source, from, n, batch int) [][]messages.Block {
	var batches [][]messages.Block
	for at := from; at < from+n; at += batch {
		batches = append(batches, source.blocks(at, at+batch))
	}
	return batches
}

func putAll(store contender, batches [][]messages.Block) error {
	for _, blocks := range batches {
		if err := store.put(blocks); err != nil {
			return err
		}
	}
	return nil
}
