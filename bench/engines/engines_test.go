package engines

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/noisefs/noisefs/messages"
)

// batchBlocks is the number of blocks of a Put, but for the phases that sync
// each block.
const batchBlocks = 64

// source makes blocks that differ without the cost of making them.
type source struct{ noise []byte }

func newSource() *source {
	noise := make([]byte, 64<<20)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(noise)
	return &source{noise: noise}
}

// cid names block n. Engines trust CIDs, so it need not be the block's hash.
func cid(n int) messages.CID {
	var word [8]byte
	binary.LittleEndian.PutUint64(word[:], uint64(n))
	return sha256.Sum256(word[:])
}

// block returns block n, random bytes and incompressible. Blocks overlap in
// memory.
func (s *source) block(n int) messages.Block {
	at := n * 4099 % (len(s.noise) - blockSize)
	return messages.Block{CID: cid(n), Data: s.noise[at:][:blockSize]}
}

func (s *source) blocks(from, to int) []messages.Block {
	blocks := make([]messages.Block, 0, to-from)
	for n := from; n < to; n++ {
		blocks = append(blocks, s.block(n))
	}
	return blocks
}

// settings reads the environment.
func settings(b *testing.B) (blocks int, dir string) {
	b.Helper()
	blocks = 2000
	if text := os.Getenv("NOISEFS_BENCH_BLOCKS"); text != "" {
		var err error
		if blocks, err = strconv.Atoi(text); err != nil || blocks < 2*batchBlocks {
			b.Fatalf("NOISEFS_BENCH_BLOCKS: want a number of at least %d", 2*batchBlocks)
		}
	}
	dir, err := os.MkdirTemp(os.Getenv("NOISEFS_BENCH_DIR"), "noisefs-engines")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = os.RemoveAll(dir) })
	return blocks, dir
}

// run is one engine in one folder.
type run struct {
	*testing.B
	open   func(path string, sync bool) (contender, error)
	source *source
	path   string
}

func (r *run) must(err error) {
	r.Helper()
	if err != nil {
		r.Fatal(err)
	}
}

// fresh opens an empty store, and tells how to be rid of it.
func (r *run) fresh(sync bool) (store contender, drop func()) {
	path := filepath.Join(r.path, "store")
	store, err := r.open(path, sync)
	r.must(err)
	return store, func() {
		r.must(store.close())
		r.must(os.RemoveAll(path))
	}
}

// report notes the speed of n blocks.
func (r *run) report(phase string, n int, took time.Duration) {
	r.ReportMetric(float64(n)*blockSize/1e6/took.Seconds(), phase+"-MB/s")
}

// write puts n blocks in batches and returns how long that took.
func (r *run) write(store contender, n, batch int) time.Duration {
	begin := time.Now()
	for from := 0; from < n; from += batch {
		r.must(store.put(r.source.blocks(from, min(from+batch, n))))
	}
	return time.Since(begin)
}

// writeTogether puts n blocks one by one from several goroutines.
func (r *run) writeTogether(store contender, n, writers int) time.Duration {
	begin := time.Now()
	var wait sync.WaitGroup
	for w := range writers {
		wait.Go(func() {
			for i := w; i < n; i += writers {
				if err := store.put(r.source.blocks(i, i+1)); err != nil {
					r.Error(err)
					return
				}
			}
		})
	}
	wait.Wait()
	return time.Since(begin)
}

// read gets n of all blocks in random order and compares the bytes of some.
func (r *run) read(store contender, all, n int) time.Duration {
	order := rand.New(rand.NewPCG(1, 2))
	buf := make([]byte, blockSize)
	begin := time.Now()
	for i := range n {
		which := order.IntN(all)
		got, err := store.get(cid(which), buf)
		r.must(err)
		if i%64 == 0 && !bytes.Equal(got, r.source.block(which).Data) {
			r.Fatalf("block %d: wrong bytes", which)
		}
	}
	return time.Since(begin)
}

func BenchmarkEngines(b *testing.B) {
	blocks, dir := settings(b)
	source := newSource()
	for _, name := range []string{"bare", "pack", "pebble"} {
		b.Run(name, func(b *testing.B) {
			r := &run{B: b, open: contenders[name], source: source, path: dir}
			for b.Loop() {
				r.unsynced(blocks / 4)
				r.syncEach(blocks / 16)
				r.lifetime(blocks, name != "bare")
			}
		})
	}
}

// unsynced writes without syncing.
func (r *run) unsynced(n int) {
	store, drop := r.fresh(false)
	r.report("nosync", n, r.write(store, n, batchBlocks))
	drop()
}

// syncEach writes with a sync per block, by one writer and by eight.
func (r *run) syncEach(n int) {
	store, drop := r.fresh(true)
	r.report("sync1", n, r.write(store, n, 1))
	drop()
	if _, bare := store.(*bareLoop); bare {
		return
	}
	store, drop = r.fresh(true)
	r.report("sync1by8", n, r.writeTogether(store, n, 8))
	drop()
}

// lifetime writes with a sync per batch, reads, reopens, deletes half and
// compacts.
func (r *run) lifetime(n int, reopens bool) {
	path := filepath.Join(r.path, "store")
	defer os.RemoveAll(path)
	store, err := r.open(path, true)
	r.must(err)
	r.report("sync64", n, r.write(store, n, batchBlocks))
	r.report("read", n/4, r.read(store, n, n/4))
	if !reopens {
		r.must(store.close())
		return
	}
	begin := time.Now()
	r.must(store.close())
	closed := time.Since(begin)
	r.ReportMetric(float64(diskBytes(r, path))/float64(n)/blockSize, "disk-x")
	begin = time.Now()
	store, err = r.open(path, true)
	r.must(err)
	r.ReportMetric(float64(closed.Microseconds())/1e3, "close-ms")
	r.ReportMetric(float64(time.Since(begin).Microseconds())/1e3, "open-ms")
	half := make([]messages.CID, 0, n/2)
	for i := 0; i < n; i += 2 {
		half = append(half, cid(i))
	}
	begin = time.Now()
	for len(half) > 0 {
		some := half[:min(len(half), 1000)]
		half = half[len(some):]
		r.must(store.remove(some))
	}
	r.ReportMetric(float64(time.Since(begin).Microseconds())/1e3, "delete-ms")
	begin = time.Now()
	r.must(store.compact())
	r.ReportMetric(time.Since(begin).Seconds(), "compact-s")
	r.must(store.close())
	r.ReportMetric(float64(diskBytes(r, path))/float64(n/2)/blockSize, "disk-after-x")
}
