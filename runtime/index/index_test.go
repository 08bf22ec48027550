package index

import (
	"math/rand/v2"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"go.uber.org/goleak"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/port"
	"github.com/noisefs/noisefs/runtime/port/porttest"
)

func TestMain(m *testing.M) {
	if runCrashChild() {
		return
	}
	goleak.VerifyTestMain(m)
}

var testKeys = Keys{Names: messages.Secret{1, 2, 3}, Values: messages.Secret{4, 5, 6}}

// smallOptions make the engine flush and merge within a test.
func smallOptions(fs vfs.FS) Options {
	return Options{
		CacheBytes: 1 << 20, MemtableBytes: 64 << 10, OpenFilesMax: 64,
		BallastBytes: 4 << 10, FreeBytesMin: 1, fs: fs,
	}
}

func createIndex(tb testing.TB, dir string, options Options) *Index {
	tb.Helper()
	x, err := Create(dir, testKeys, options)
	if err != nil {
		tb.Fatalf("create: %v", err)
	}
	return x
}

func openIndex(tb testing.TB, dir string, options Options) *Index {
	tb.Helper()
	x, err := Open(dir, testKeys, options)
	if err != nil {
		tb.Fatalf("open: %v", err)
	}
	return x
}

func reopen(tb testing.TB, engine port.IndexEngine) port.IndexEngine {
	tb.Helper()
	x := engine.(*Index)
	if err := x.Close(); err != nil {
		tb.Fatalf("close: %v", err)
	}
	return openIndex(tb, x.dir, x.opts)
}

// The suite on a file system in memory that loses what was not synced.
func TestIndexInMemory(t *testing.T) {
	porttest.Index(t, porttest.IndexHarness{
		New: func(tb testing.TB) port.IndexEngine {
			return createIndex(tb, "/index", smallOptions(vfs.NewCrashableMem()))
		},
		Reopen: reopen,
		PowerCut: func(tb testing.TB, engine port.IndexEngine, seed uint64) port.IndexEngine {
			x := engine.(*Index)
			random := rand.New(rand.NewPCG(seed, 1))
			left := x.opts.fs.(*vfs.MemFS).CrashClone(vfs.CrashCloneCfg{
				UnsyncedDataPercent: random.IntN(101), RNG: random,
			})
			if err := x.Close(); err != nil {
				tb.Fatalf("close what was cut off: %v", err)
			}
			return openIndex(tb, x.dir, smallOptions(left))
		},
	})
}

// The suite on a real disk, which cannot be cut off here.
func TestIndexOnDisk(t *testing.T) {
	porttest.Index(t, porttest.IndexHarness{
		New: func(tb testing.TB) port.IndexEngine {
			return createIndex(tb, tb.TempDir(), smallOptions(nil))
		},
		Reopen: reopen,
		Slow:   true,
	})
}
