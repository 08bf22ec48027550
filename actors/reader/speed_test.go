package reader_test

import (
	"context"
	"crypto/sha256"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/noisefs/noisefs/actors/cache"
	"github.com/noisefs/noisefs/actors/reader"
	"github.com/noisefs/noisefs/actors/store"
	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/blockstore"
	"github.com/noisefs/noisefs/runtime/format"
	"github.com/noisefs/noisefs/runtime/host"
	"github.com/noisefs/noisefs/runtime/shell"
	"github.com/noisefs/noisefs/runtime/tree"
	"github.com/noisefs/noisefs/sim"
)

// speedChunks is how large the file of the benchmarks is: 256 MiB.
const speedChunks = 2048

// machine is a node of store, cache and reader on the real disk, with one
// large file stored.
type machine struct {
	engine  *blockstore.Engine
	gate    *shell.Gate
	reader  shell.Ref
	content messages.Content
	chunks  []messages.BlockRef
}

func newMachine(b *testing.B) *machine {
	b.Helper()
	must := func(err error) {
		b.Helper()
		if err != nil {
			b.Fatal(err)
		}
	}
	dir, err := host.OpenDisk(b.TempDir())
	must(err)
	engine, err := blockstore.Open(dir, blockstore.Options{})
	must(err)
	m := &machine{engine: engine}
	m.store(b)

	p := format.Production()
	ports := host.New(host.Config{Blocks: engine})
	system := shell.NewSystem(shell.Options{
		Now:     time.Now,
		OnPanic: func(p shell.Panic) { b.Errorf("%s: %v", p.Actor, p.Value) },
	})
	node, err := tree.Start(system, "n1", tree.Spec{Children: []tree.ChildSpec{
		{Role: "randomizer", Doc: "nobody", New: (&sim.Fake{}).New},
		{Role: store.Role, Doc: "blocks", New: store.New(store.Config{
			RefreshBytes: 1 << 26, PutsMax: 64, PutBlocksMax: 64, LoadsMax: 1024,
			CompactDeadShare: 0.5, VerifyBatches: 4, VerifyBatchBlocks: 8, VerifyRefs: 32,
		}, p), Needs: []string{"randomizer"}},
		{Role: cache.Role, Doc: "cache", Needs: []string{store.Role}, New: cache.New(cache.Config{
			MemoryBytes: 64 << 20, LoadsMax: 512, AsksMax: 256,
		}, p)},
		{
			Role: reader.Role, Doc: "reader", New: reader.New(speedConfig(), p),
			Needs: []string{cache.Role},
		},
	}}, ports)
	must(err)
	m.reader = node.Ref(reader.Role)
	m.gate = system.NewGate("bench", 0)
	b.Cleanup(func() {
		must(node.Stop())
		ports.Stop()
		must(engine.Close())
		must(dir.Close())
	})
	return m
}

func speedConfig() reader.Config {
	return reader.Config{
		HandlesMax: 64, ReadsMax: 64, UnsealsMax: 64, BatchChunks: 8, BatchesMax: 8,
		ReadAheadMax: 32, ReadAheadBytesMax: 64 << 20, UnsealedBlocksMax: 64,
	}
}

// store writes the file: of each chunk D and A are its own, B is one of 128.
func (m *machine) store(b *testing.B) {
	b.Helper()
	l := newLibrary(b, format.Production().BlockSize, 1)
	for len(l.shared) < 128 {
		l.shared = append(l.shared, l.add(l.random(l.params.BlockSize)))
	}
	builder := format.NewContentBuilder(l.params, l.params.Fanout())
	seal := func(pending []format.PendingNode, err error) {
		l.must(err)
		for len(pending) > 0 {
			ref := l.seal(messages.KindNode, pending[0].Level, pending[0].Payload)
			more, err := builder.Sealed(pending[0].ID, ref)
			l.must(err)
			pending = append(pending[1:], more...)
		}
	}
	flush := func() { // the shared blocks stay known, and cost nothing to put again
		var blocks []messages.Block
		for cid, data := range l.blocks {
			blocks = append(blocks, messages.Block{CID: cid, Data: data})
		}
		l.must(m.engine.Put(blocks))
		kept := map[messages.CID][]byte{}
		for _, cid := range l.shared {
			kept[cid] = l.blocks[cid]
		}
		l.blocks = kept
	}
	for i := range uint64(speedChunks) {
		ref := l.seal(messages.KindChunk, 0, l.random(l.params.BlockSize))
		m.chunks = append(m.chunks, ref)
		seal(builder.Chunk(i, ref))
		if i%256 == 255 {
			flush()
		}
	}
	seal(builder.Finish(speedChunks * uint64(l.params.BlockSize)))
	flush()
	m.content, _ = builder.Result()
}

// bare reads and hashes the D blocks of the file, on all processors.
func (m *machine) bare(b *testing.B) {
	b.Helper()
	var workers sync.WaitGroup
	n := runtime.GOMAXPROCS(0)
	for w := range n {
		workers.Go(func() {
			buffer := make([]byte, format.Production().BlockSize)
			for i := w; i < len(m.chunks); i += n {
				data, err := m.engine.Get(m.chunks[i].D, buffer, false)
				if err != nil || sha256.Sum256(data) != m.chunks[i].D {
					b.Errorf("block %d: %v", i, err)
					return
				}
			}
		})
	}
	workers.Wait()
}

// ask asks the reader and waits.
func (m *machine) ask(b *testing.B, build shell.Make) messages.Reply {
	b.Helper()
	reply, err := m.gate.Ask(context.Background(), m.reader, build)
	if err != nil {
		b.Fatal(err)
	}
	return reply
}

// read reads the whole file in 1 MiB ranges, window of them under way.
func (m *machine) read(b *testing.B, window int) {
	b.Helper()
	handle := m.ask(b, func(call messages.Call) messages.Command {
		return messages.OpenContent{Call: call, Content: m.content}
	}).(messages.ContentOpened).Handle
	replies := make(chan messages.Reply, window)
	size, sent, got := m.content.Size, uint64(0), uint64(0)
	for got < size {
		for ; sent < size && sent-got < uint64(window)<<20; sent += 1 << 20 {
			_, err := m.gate.Send(m.reader, readRange(handle, sent, 1<<20),
				func(reply messages.Reply) { replies <- reply })
			if err != nil {
				b.Fatal(err)
			}
		}
		read, ok := (<-replies).(messages.RangeRead)
		if !ok {
			b.Fatal("a read failed")
		}
		for _, p := range read.Parts {
			got += uint64(p.Len())
		}
	}
	m.ask(b, func(call messages.Call) messages.Command {
		return messages.CloseContent{Call: call, Handle: handle}
	})
}

// processorTime is what the process has used so far, which other work on the
// machine disturbs less than the time of day.
func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// BenchmarkSequential reads a stored file whose blocks are in the page
// cache, beside a bare loop that reads and hashes its D blocks. The goal is
// no more time than that.
func BenchmarkSequential(b *testing.B) {
	m := newMachine(b)
	for _, c := range []struct {
		name string
		run  func(*testing.B)
	}{
		{"Bare", m.bare},
		{"Window1", func(b *testing.B) { m.read(b, 1) }},
		{"Window4", func(b *testing.B) { m.read(b, 4) }},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(int64(m.content.Size))
			b.ReportAllocs()
			before := processorTime(b)
			for b.Loop() {
				c.run(b)
			}
			used := processorTime(b) - before
			gigabytes := float64(b.N) * float64(m.content.Size) / 1e9
			b.ReportMetric(used.Seconds()/gigabytes, "cpu-s/GB")
		})
	}
}

// BenchmarkRandom reads 4 KiB at random places, 8 at a time.
func BenchmarkRandom(b *testing.B) {
	m := newMachine(b)
	handle := m.ask(b, func(call messages.Call) messages.Command {
		return messages.OpenContent{Call: call, Content: m.content}
	}).(messages.ContentOpened).Handle
	credits := make(chan messages.Reply, 8)
	i := uint64(0)
	send := func() {
		i++
		offset := i * 0x9E3779B97F4A7C15 % (m.content.Size - 4096)
		if _, err := m.gate.Send(m.reader, readRange(handle, offset, 4096),
			func(reply messages.Reply) { credits <- reply }); err != nil {
			b.Fatal(err)
		}
	}
	for range cap(credits) {
		send()
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := (<-credits).(messages.RangeRead); !ok {
			b.Fatal("a read failed")
		}
		send()
	}
	for range cap(credits) {
		<-credits
	}
}
