package host_test

import (
	"fmt"
	"testing"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/host"
	"github.com/noisefs/noisefs/runtime/port"
	"github.com/noisefs/noisefs/runtime/port/porttest"
	"github.com/noisefs/noisefs/sim/memindex"
)

func BenchmarkEntropyFill(b *testing.B) {
	for _, size := range []int{32, 511, 512, 4096, 131072} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			p := make([]byte, size)
			b.SetBytes(int64(size))
			b.ReportAllocs()
			porttest.ReportCPU(b)
			for b.Loop() {
				host.Entropy{}.Fill(p)
			}
		})
	}
}

func BenchmarkEntropyFillParallel(b *testing.B) {
	b.SetBytes(131072)
	porttest.ReportCPU(b)
	b.RunParallel(func(pb *testing.PB) {
		p := make([]byte, 131072)
		for pb.Next() {
			host.Entropy{}.Fill(p)
		}
	})
}

func BenchmarkEntropyUint64N(b *testing.B) {
	porttest.ReportCPU(b)
	for b.Loop() {
		host.Entropy{}.Uint64N(1000)
	}
}

// BenchmarkWorkersDo is a job that does nothing, 64 under way: from the call
// to its answer in the actor.
func BenchmarkWorkersDo(b *testing.B) {
	credits := make(chan struct{}, 64)
	w := env(b, newPorts(b, host.Config{}), func(any) { credits <- struct{}{} }).Workers
	for range cap(credits) {
		credits <- struct{}{}
	}
	b.ReportAllocs()
	porttest.ReportCPU(b)
	for b.Loop() {
		<-credits
		w.Do(1, 0, func() any { return nil })
	}
	for range cap(credits) {
		<-credits
	}
}

// BenchmarkIndexCommit is a durable commit to an engine that costs next to
// nothing, 64 under way: what the lanes themselves take.
func BenchmarkIndexCommit(b *testing.B) {
	credits := make(chan struct{}, 64)
	ports := newPorts(b, host.Config{Index: memindex.New(memindex.Options{})})
	x := env(b, ports, func(any) { credits <- struct{}{} }).Index
	for range cap(credits) {
		credits <- struct{}{}
	}
	txn := port.Txn{Durable: true, Changes: []port.Change{{
		Op: port.OpPut, Row: port.RowKey{Table: port.TableSettings, Key: []byte("k")}, Value: []byte("v"),
	}}}
	b.ReportAllocs()
	porttest.ReportCPU(b)
	for b.Loop() {
		<-credits
		x.Commit(messages.Corr(1), txn)
	}
	for range cap(credits) {
		<-credits
	}
}
