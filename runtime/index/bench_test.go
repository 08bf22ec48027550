package index

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/noisefs/noisefs/runtime/port"
)

// The load of a put: per tuple two history rows, a candidate, a use count
// and a ref, tuplesPerBatch of them to a transaction.
const (
	tuplesPerBatch = 64
	rowsPerTuple   = 5
)

func benchTuples(random []byte, tuples int, durable bool) port.Txn {
	txn := port.Txn{Durable: durable}
	for i := range tuples {
		id := func(n int) []byte { return random[(3*i+n)*32 : (3*i+n+1)*32] }
		pair := append(append([]byte{}, id(0)...), id(1)...)
		txn.Changes = append(txn.Changes,
			port.Change{Op: port.OpInsert, Row: port.RowKey{Table: port.TableSlotA, Key: id(0)}},
			port.Change{Op: port.OpInsert, Row: port.RowKey{Table: port.TablePairs, Key: pair}},
			port.Change{
				Op:  port.OpPut,
				Row: port.RowKey{Table: port.TableCandidates, Key: id(2)}, Value: id(2)[:8],
			},
			port.Change{
				Op:  port.OpPut,
				Row: port.RowKey{Table: port.TableReuse, Key: id(1)}, Value: id(1)[:8],
			},
			port.Change{
				Op: port.OpPut,
				Row: port.RowKey{
					Table: port.TableInodes, Group: id(0)[:8], Key: id(2)[:8],
				},
				Value: random[i*32 : i*32+153],
			})
	}
	return txn
}

func benchRandom(tuples int) []byte {
	random := make([]byte, (3*tuples+8)*32)
	_, _ = rand.Read(random)
	return random
}

func benchIndex(b *testing.B) *Index {
	x := createIndex(b, b.TempDir(), Options{})
	b.Cleanup(func() {
		if err := x.Close(); err != nil {
			b.Error(err)
		}
	})
	return x
}

// BenchmarkCommit is one writer with the batches of a put.
func BenchmarkCommit(b *testing.B) {
	for _, durable := range []bool{false, true} {
		b.Run(fmt.Sprintf("Durable=%v", durable), func(b *testing.B) {
			x := benchIndex(b)
			b.ReportAllocs()
			cpu := time.Duration(0)
			for b.Loop() {
				b.StopTimer()
				txn := benchTuples(benchRandom(tuplesPerBatch), tuplesPerBatch, durable)
				start := cpuTime(b)
				b.StartTimer()
				if err := x.Commit(txn); err != nil {
					b.Fatal(err)
				}
				cpu += cpuTime(b) - start
			}
			perRow(b, tuplesPerBatch*rowsPerTuple)
			rows := float64(b.N * tuplesPerBatch * rowsPerTuple)
			b.ReportMetric(float64(cpu.Nanoseconds())/1000/rows, "cpu-µs/row")
		})
	}
}

func perRow(b *testing.B, rows int) {
	nanoseconds := float64(b.Elapsed().Nanoseconds())
	b.ReportMetric(nanoseconds/1000/float64(b.N*rows), "µs/row")
}

// cpuTime is what the process has used so far, the engine's background work
// included. Unlike elapsed time it says something on a busy machine.
func cpuTime(b *testing.B) time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// BenchmarkCommitShared is durable transactions of one tuple by many
// writers, which share syncs.
func BenchmarkCommitShared(b *testing.B) {
	for _, writers := range []int{1, 16} {
		b.Run(fmt.Sprintf("Writers=%d", writers), func(b *testing.B) {
			x := benchIndex(b)
			var group sync.WaitGroup
			for range writers {
				group.Go(func() {
					for range b.N / writers {
						if err := x.Commit(benchTuples(benchRandom(1), 1, true)); err != nil {
							b.Error(err)
						}
					}
				})
			}
			group.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "commits/s")
		})
	}
}

const benchRows = 100_000

// filled returns an index with benchRows inodes in groups of 1000.
func filled(b *testing.B) *Index {
	x := benchIndex(b)
	var txn port.Txn
	for i := range benchRows {
		txn.Changes = append(txn.Changes, port.Change{
			Op: port.OpPut, Row: filledRow(i), Value: make([]byte, 150),
		})
		if len(txn.Changes) == 1000 {
			if err := x.Commit(txn); err != nil {
				b.Fatal(err)
			}
			txn.Changes = txn.Changes[:0]
		}
	}
	if err := x.engine.db.Flush(); err != nil {
		b.Fatal(err)
	}
	return x
}

func filledRow(i int) port.RowKey {
	return port.RowKey{
		Table: port.TableDentries,
		Group: binary.BigEndian.AppendUint64(nil, uint64(i/1000)),
		Key:   fmt.Append(nil, "file-", i),
	}
}

func BenchmarkGet(b *testing.B) {
	x := filled(b)
	for _, there := range []bool{true, false} {
		b.Run(fmt.Sprintf("There=%v", there), func(b *testing.B) {
			b.ReportAllocs()
			for n := 0; b.Loop(); n++ {
				i := n * 7919 % benchRows
				if !there {
					i += benchRows
				}
				values, err := x.Get([]port.RowKey{filledRow(i)})
				if err != nil || (values[0] != nil) != there {
					b.Fatal(values, err)
				}
			}
			perRow(b, 1)
		})
	}
}

func BenchmarkScan(b *testing.B) {
	x := filled(b)
	b.ResetTimer()
	for n := 0; b.Loop(); n++ {
		group := filledRow(n % (benchRows / 1000) * 1000).Group
		rows, next, err := x.Scan(port.TableDentries, group, nil, 1000)
		if err != nil || len(rows) != 1000 || next != nil {
			b.Fatal(len(rows), next, err)
		}
	}
	perRow(b, 1000)
}

func BenchmarkVerify(b *testing.B) {
	x := filled(b)
	b.ResetTimer()
	for b.Loop() {
		rows, err := x.Verify(b.Context())
		if err != nil || rows != benchRows {
			b.Fatal(errors.Join(err, fmt.Errorf("%d rows", rows)))
		}
	}
	perRow(b, benchRows)
	b.ReportMetric(float64(x.SizeBytes())/benchRows, "bytes/row")
}

func BenchmarkPurge(b *testing.B) {
	x := filled(b)
	b.ResetTimer()
	for b.Loop() {
		if err := x.Purge(); err != nil {
			b.Fatal(err)
		}
	}
	perRow(b, benchRows)
}

func BenchmarkOpen(b *testing.B) {
	x := createIndex(b, b.TempDir(), Options{})
	for b.Loop() {
		if err := x.Close(); err != nil {
			b.Fatal(err)
		}
		x = openIndex(b, x.dir, x.opts)
	}
	if err := x.Close(); err != nil {
		b.Fatal(err)
	}
}
