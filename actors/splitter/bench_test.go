package splitter_test

import (
	"context"
	"crypto/sha256"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/noisefs/noisefs/actors/cache"
	"github.com/noisefs/noisefs/actors/randomizer"
	"github.com/noisefs/noisefs/actors/splitter"
	"github.com/noisefs/noisefs/actors/store"
	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/blockstore"
	"github.com/noisefs/noisefs/runtime/format"
	"github.com/noisefs/noisefs/runtime/host"
	"github.com/noisefs/noisefs/runtime/index"
	"github.com/noisefs/noisefs/runtime/port"
	"github.com/noisefs/noisefs/runtime/shell"
	"github.com/noisefs/noisefs/runtime/tree"
	"github.com/noisefs/noisefs/sim"
)

// cpuTime is what the process used of all processors.
func cpuTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// meter measures a piece of a benchmark.
type meter struct {
	wall, cpu time.Duration
	blocks    int
}

func (m *meter) measure(blocks int, f func()) {
	wall, cpu := time.Now(), cpuTime()
	f()
	m.wall += time.Since(wall)
	m.cpu += cpuTime() - cpu
	m.blocks += blocks
}

func (m *meter) report(b *testing.B, name string) {
	n := float64(m.blocks)
	b.ReportMetric(m.wall.Seconds()*1e6/n, name+"-wall-µs/block")
	b.ReportMetric(m.cpu.Seconds()*1e6/n, name+"-cpu-µs/block")
}

// countingIndex counts the transactions that wait for the disk.
type countingIndex struct {
	port.IndexEngine
	durable, changes atomic.Int64
	waited           atomic.Int64 // ns
}

func (x *countingIndex) Commit(txn port.Txn) error {
	began := time.Now()
	err := x.IndexEngine.Commit(txn)
	if txn.Durable {
		x.durable.Add(1)
		x.waited.Add(int64(time.Since(began)))
	}
	x.changes.Add(int64(len(txn.Changes)))
	return err
}

// machine is the pipeline on the real machine, below a temporary folder.
type machine struct {
	b       *testing.B
	params  format.Params
	engine  *blockstore.Engine
	index   *countingIndex
	ports   *host.Ports
	running *tree.Running
	gate    *shell.Gate
}

func newMachine(b *testing.B) *machine {
	b.Helper()
	m := &machine{b: b, params: format.Production()}
	dir := b.TempDir()
	blocks := filepath.Join(dir, "blocks")
	rows := filepath.Join(dir, "index")
	for _, folder := range []string{blocks, rows} {
		if err := os.Mkdir(folder, 0o700); err != nil {
			b.Fatal(err)
		}
	}
	disk, err := host.OpenDisk(blocks)
	if err != nil {
		b.Fatal(err)
	}
	if m.engine, err = blockstore.Open(disk, blockstore.Options{}); err != nil {
		b.Fatal(err)
	}
	keys := index.Keys{Names: messages.Secret{1}, Values: messages.Secret{2}}
	engine, err := index.Create(rows, keys, index.Options{})
	if err != nil {
		b.Fatal(err)
	}
	m.index = &countingIndex{IndexEngine: engine}
	m.ports = host.New(host.Config{Blocks: m.engine, Index: m.index})
	system := shell.NewSystem(shell.Options{Now: time.Now})
	s := newSettings(1)
	fake := func(*shell.Env) shell.Behaviour { return &sim.Fake{} }
	m.running, err = tree.Start(system, "n1", tree.Spec{Children: []tree.ChildSpec{
		{Role: randomizer.Role, Doc: "randomizers", New: randomizer.New(s.randomizer, m.params)},
		{
			Role: store.Role, Doc: "blocks", New: store.New(s.store, m.params),
			Needs:      []string{randomizer.Role},
			NeedsLater: []string{cache.Role, splitter.Role, "drive", "reader"},
		},
		{Role: cache.Role, Doc: "cache", New: cache.New(cache.Config{
			MemoryBytes: 32 << 20, LoadsMax: 1024, AsksMax: 256,
		}, m.params), Needs: []string{store.Role}},
		{
			Role: splitter.Role, Doc: "splitter",
			New:   splitter.New(splitter.DefaultConfig(), m.params),
			Needs: []string{randomizer.Role, cache.Role, store.Role},
		},
		{Role: "drive", Doc: "nobody", New: fake},
		{Role: "reader", Doc: "nobody", New: fake},
	}}, m.ports)
	if err != nil {
		b.Fatal(err)
	}
	m.gate = system.NewGate("bench", 0)
	b.Cleanup(func() {
		if err := m.running.Stop(); err != nil {
			b.Error(err)
		}
		m.ports.Stop()
		if err := m.engine.Close(); err != nil {
			b.Error(err)
		}
		if err := m.index.Close(); err != nil {
			b.Error(err)
		}
		if err := disk.Close(); err != nil {
			b.Error(err)
		}
	})
	return m
}

func (m *machine) ask(build shell.Make) messages.Reply {
	m.b.Helper()
	reply, err := m.gate.Ask(context.Background(), m.running.Ref(splitter.Role), build)
	if err != nil {
		m.b.Fatal(err)
	}
	return reply
}

// put stores a file of so many chunks, as a streaming client does, and
// returns how many blocks that added.
func (m *machine) put(chunks int) int {
	m.b.Helper()
	before := m.engine.Usage().Blocks
	opened := m.ask(func(c messages.Call) messages.Command {
		return messages.OpenStream{Call: c, ChildrenMax: m.params.Fanout()}
	}).(messages.StreamOpened)
	to := m.running.Ref(splitter.Role)
	credits := make(chan messages.Reply, opened.Window)
	out := 0
	for i := range chunks {
		if out == opened.Window {
			if failed, ok := (<-credits).(messages.Failed); ok {
				m.b.Fatal(failed.Err)
			}
			out--
		}
		data := m.params.NewBuffer()
		data[0] = byte(i)
		_, err := m.gate.Send(to, func(c messages.Call) messages.Command {
			return messages.WriteChunk{Call: c, Stream: opened.Stream, Index: uint64(i), Data: data}
		}, func(reply messages.Reply) { credits <- reply })
		if err != nil {
			m.b.Fatal(err)
		}
		out++
	}
	m.ask(func(c messages.Call) messages.Command {
		return messages.FinishStream{
			Call: c, Stream: opened.Stream, Size: uint64(chunks) * uint64(m.params.BlockSize),
		}
	})
	for ; out > 0; out-- {
		<-credits
	}
	m.ask(func(c messages.Call) messages.Command {
		return messages.CloseStream{Call: c, Stream: opened.Stream}
	})
	return int(m.engine.Usage().Blocks - before)
}

// bare hashes and writes so many blocks, on all cores, with a sync per
// syncBlocks.
func bare(b *testing.B, blocks int) {
	const syncBlocks = 64
	file, err := os.Create(filepath.Join(b.TempDir(), "bare"))
	if err != nil {
		b.Fatal(err)
	}
	defer func() {
		_ = file.Close()
		_ = os.Remove(file.Name())
	}()
	size := format.Production().BlockSize
	var next atomic.Int64
	var wait sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wait.Go(func() {
			data := make([]byte, size)
			for {
				i := next.Add(1) - 1
				if i >= int64(blocks) {
					return
				}
				sum := sha256.Sum256(data)
				copy(data, sum[:])
				if _, err := file.WriteAt(data, i*int64(size)); err != nil {
					b.Error(err)
					return
				}
				if i%syncBlocks == syncBlocks-1 {
					if err := syscall.Fdatasync(int(file.Fd())); err != nil {
						b.Error(err)
						return
					}
				}
			}
		})
	}
	wait.Wait()
	if err := file.Sync(); err != nil {
		b.Error(err)
	}
}

// BenchmarkPut stores a file of 256 MiB, cold and then warm, interleaved with
// bare loops that hash and write as many blocks.
func BenchmarkPut(b *testing.B) {
	const chunks = 2048
	var cold, warm, bareCold, bareWarm meter
	var durable, waited int64
	for b.Loop() {
		m := newMachine(b)
		for _, pair := range [][2]*meter{{&cold, &bareCold}, {&warm, &bareWarm}} {
			blocks := 0
			runtime.GC()
			pair[0].measure(0, func() { blocks = m.put(chunks) })
			pair[0].blocks += blocks
			pair[1].measure(blocks, func() { bare(b, blocks) })
		}
		durable += m.index.durable.Load()
		waited += m.index.waited.Load()
	}
	b.ReportMetric(float64(durable)/float64(2*b.N), "transactions/file")
	b.ReportMetric(float64(waited)/float64(durable)/1e6, "transaction-ms")
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(usage.Maxrss)/1024, "peak-RSS-MiB")
	cold.report(b, "cold")
	bareCold.report(b, "bare")
	warm.report(b, "warm")
	b.ReportMetric(100*float64(bareCold.wall)/float64(cold.wall), "cold-%-of-bare")
	b.ReportMetric(100*float64(bareWarm.wall)/float64(warm.wall), "warm-%-of-bare")
}
