package blockstore_test

import (
	"testing"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/blockstore"
	"github.com/noisefs/noisefs/runtime/port/porttest"
)

// benchStore makes a store of n blocks on a real directory.
func benchStore(b *testing.B, n, blockSize int) (*blockstore.Engine, []messages.CID) {
	b.Helper()
	e, err := blockstore.Open(newHostDisk(b), blockstore.Options{BlockSize: blockSize})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = e.Close() })
	blocks := porttest.RandomBlocks(1, n, blockSize)
	if err := e.Put(blocks); err != nil {
		b.Fatal(err)
	}
	return e, porttest.CIDsOf(blocks)
}

// BenchmarkGet reads from a warm store; blocks of 64 bytes show what is not
// copying.
func BenchmarkGet(b *testing.B) {
	for _, bench := range []struct {
		name      string
		blockSize int
		verify    bool
	}{{"Tiny", 64, false}, {"Full", 131072, false}, {"FullVerified", 131072, true}} {
		b.Run(bench.name, func(b *testing.B) {
			e, cids := benchStore(b, 1000, bench.blockSize)
			buf := make([]byte, bench.blockSize)
			b.SetBytes(int64(bench.blockSize))
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				if _, err := e.Get(cids[n%len(cids)], buf, bench.verify); err != nil {
					b.Fatal(err)
				}
				n++
			}
		})
	}
}

func BenchmarkHas(b *testing.B) {
	e, cids := benchStore(b, 50000, 64)
	b.ResetTimer()
	for n := 0; b.Loop(); n++ {
		e.Has(cids[n%len(cids):][:1])
	}
}

// BenchmarkOpen opens a store of 50,000 blocks in 49 segments, as many as
// there would be with full-size blocks; data is not read, so its size does
// not matter.
func BenchmarkOpen(b *testing.B) {
	d, opts := newHostDisk(b), blockstore.Options{BlockSize: 64, SegmentBytes: 64 + 1023*128}
	open := func() *blockstore.Engine {
		e, err := blockstore.Open(d, opts)
		if err != nil {
			b.Fatal(err)
		}
		return e
	}
	e := open()
	if err := e.Put(porttest.RandomBlocks(1, 50000, 64)); err != nil {
		b.Fatal(err)
	}
	if err := e.Close(); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if err := open().Close(); err != nil {
			b.Fatal(err)
		}
	}
}
