package indexes

import (
	"errors"
	"math/rand/v2"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"go.etcd.io/bbolt"
)

// One transaction of a put: 64 tuples of two history rows, which must be
// new, and three sealed rows.
const (
	tuplesPerBatch = 64
	keyBytes       = 33
	sealedBytes    = 40 + 192 // nonce, tag and a padded ref
	preload        = 500      // transactions before the clock starts
)

// engine is what both databases can do.
type engine interface {
	// commit looks up the rows in fresh, which are not there, and writes
	// them without and rows with a value, in one transaction.
	commit(fresh, rows [][]byte, value []byte, durable bool) error
	get(key []byte) ([]byte, error)
	close() error
}

var errFound = errors.New("a new row is already there")

type pebbleEngine struct{ db *pebble.DB }

func openPebble(dir string) (engine, error) {
	opts := &pebble.Options{
		FormatMajorVersion: pebble.FormatTableFormatV6,
		MemTableSize:       8 << 20,
		Logger:             quiet{},
	}
	for i := range opts.Levels {
		opts.Levels[i].FilterPolicy = bloom.FilterPolicy(10)
	}
	db, err := pebble.Open(dir, opts)
	return pebbleEngine{db}, err
}

type quiet struct{}

func (quiet) Infof(string, ...any)  {}
func (quiet) Errorf(string, ...any) {}
func (quiet) Fatalf(f string, _ ...any) {
	panic(f)
}

func (e pebbleEngine) commit(fresh, rows [][]byte, value []byte, durable bool) error {
	for _, key := range fresh {
		if _, closer, err := e.db.Get(key); !errors.Is(err, pebble.ErrNotFound) {
			return errors.Join(errFound, err, closer.Close())
		}
	}
	batch := e.db.NewBatch()
	for _, key := range fresh {
		if err := batch.Set(key, nil, nil); err != nil {
			return err
		}
	}
	for _, key := range rows {
		if err := batch.Set(key, value, nil); err != nil {
			return err
		}
	}
	return errors.Join(batch.Commit(&pebble.WriteOptions{Sync: durable}), batch.Close())
}

func (e pebbleEngine) get(key []byte) ([]byte, error) {
	value, closer, err := e.db.Get(key)
	if err != nil {
		return nil, err
	}
	value = append([]byte{}, value...)
	return value, closer.Close()
}

func (e pebbleEngine) close() error { return e.db.Close() }

type boltEngine struct{ db *bbolt.DB }

var bucketName = []byte("rows")

func openBolt(dir string) (engine, error) {
	// NoFreelistSync is its fast setting. It can only be durable or unsafe:
	// without sync, a power cut may corrupt the whole file.
	db, err := bbolt.Open(filepath.Join(dir, "bolt"), 0o600, &bbolt.Options{NoFreelistSync: true})
	if err != nil {
		return nil, err
	}
	err = db.Update(func(txn *bbolt.Tx) error {
		_, err := txn.CreateBucketIfNotExists(bucketName)
		return err
	})
	return boltEngine{db}, err
}

func (e boltEngine) commit(fresh, rows [][]byte, value []byte, durable bool) error {
	e.db.NoSync = !durable
	return e.db.Update(func(txn *bbolt.Tx) error {
		bucket := txn.Bucket(bucketName)
		for _, key := range fresh {
			if bucket.Get(key) != nil {
				return errFound
			}
			if err := bucket.Put(key, nil); err != nil {
				return err
			}
		}
		for _, key := range rows {
			if err := bucket.Put(key, value); err != nil {
				return err
			}
		}
		return nil
	})
}

func (e boltEngine) get(key []byte) (value []byte, err error) {
	err = e.db.View(func(txn *bbolt.Tx) error {
		value = append([]byte{}, txn.Bucket(bucketName).Get(key)...)
		return nil
	})
	return value, err
}

func (e boltEngine) close() error { return e.db.Close() }

var engines = []struct {
	name string
	open func(dir string) (engine, error)
}{{"pebble", openPebble}, {"bbolt", openBolt}}

// load draws keys from a seed.
type load struct {
	random *rand.ChaCha8
	value  []byte
}

func newLoad() *load {
	l := &load{random: rand.NewChaCha8([32]byte{7}), value: make([]byte, sealedBytes)}
	_, _ = l.random.Read(l.value)
	return l
}

func (l *load) keys(table byte, n int) [][]byte {
	keys := make([][]byte, n)
	for i := range keys {
		keys[i] = make([]byte, keyBytes)
		keys[i][0] = table
		_, _ = l.random.Read(keys[i][1:])
	}
	return keys
}

func (l *load) commit(b *testing.B, e engine, durable bool) {
	b.Helper()
	fresh := l.keys(5, 2*tuplesPerBatch)
	if err := e.commit(fresh, l.keys(1, 3*tuplesPerBatch), l.value, durable); err != nil {
		b.Fatal(err)
	}
}

func cpuTime(b *testing.B) time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// BenchmarkBatch is the transactions of a put.
func BenchmarkBatch(b *testing.B) {
	for _, durable := range []bool{false, true} {
		for _, tt := range engines {
			name := map[bool]string{false: "NoSync/", true: "Sync/"}[durable] + tt.name
			b.Run(name, func(b *testing.B) {
				e, err := tt.open(b.TempDir())
				if err != nil {
					b.Fatal(err)
				}
				l := newLoad()
				for range preload {
					l.commit(b, e, false)
				}
				start := cpuTime(b)
				b.ResetTimer()
				for range b.N {
					l.commit(b, e, durable)
				}
				b.StopTimer()
				rows := float64(b.N * 5 * tuplesPerBatch)
				b.ReportMetric(float64(b.Elapsed().Microseconds())/rows, "µs/row")
				b.ReportMetric(float64((cpuTime(b)-start).Microseconds())/rows, "cpu-µs/row")
				if err := e.close(); err != nil {
					b.Fatal(err)
				}
			})
		}
	}
}

// BenchmarkGet is look-ups of rows that are there.
func BenchmarkGet(b *testing.B) {
	for _, tt := range engines {
		b.Run(tt.name, func(b *testing.B) {
			e, err := tt.open(b.TempDir())
			if err != nil {
				b.Fatal(err)
			}
			l := newLoad()
			var keys [][]byte
			for range preload {
				keys = append(keys, l.keys(1, 3*tuplesPerBatch)...)
				batch := keys[len(keys)-3*tuplesPerBatch:]
				if err := e.commit(nil, batch, l.value, false); err != nil {
					b.Fatal(err)
				}
			}
			b.ResetTimer()
			for i := range b.N {
				value, err := e.get(keys[i*7919%len(keys)])
				if err != nil || len(value) != sealedBytes {
					b.Fatal(len(value), err)
				}
			}
			b.StopTimer()
			if err := e.close(); err != nil {
				b.Fatal(err)
			}
		})
	}
}
