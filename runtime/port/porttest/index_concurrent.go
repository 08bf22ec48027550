package porttest

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/noisefs/noisefs/runtime/port"
)

func sorted(lines []string) []string {
	lines = slices.Clone(lines)
	slices.Sort(lines)
	return lines
}

// Of many writers that insert the same rows, exactly one wins each, and its
// whole transaction is what is there.
func indexConcurrentInserts(t *testing.T, h IndexHarness) {
	e := newEngine(t, h)
	const writers, rounds = 16, 30
	wins := make([]atomic.Int64, rounds)
	winner := make([]atomic.Int64, rounds)
	var group sync.WaitGroup
	for w := range writers {
		group.Go(func() {
			random := rand.New(rand.NewPCG(1, uint64(w)))
			for _, round := range random.Perm(rounds) {
				value := fmt.Sprint(w)
				err := e.Commit(port.Txn{Durable: round%4 == 0, Changes: []port.Change{
					put(row(port.TableInodes, "", fmt.Sprint("by-", round)), value),
					insert(row(port.TableSlotA, "", fmt.Sprint(round)), ""),
					put(row(port.TableDentries, "d", fmt.Sprint(round)), value),
				}})
				if err == nil {
					wins[round].Add(1)
					winner[round].Store(int64(w))
				} else if !errors.Is(err, port.ErrRowExists) {
					t.Errorf("commit: %v", err)
				}
			}
		})
	}
	group.Wait()
	for round := range rounds {
		if n := wins[round].Load(); n != 1 {
			t.Errorf("round %d: %d writers won, want 1", round, n)
		}
		value := []byte(fmt.Sprint(winner[round].Load()))
		wantRow(t, e, row(port.TableInodes, "", fmt.Sprint("by-", round)), value)
		wantRow(t, e, row(port.TableDentries, "d", fmt.Sprint(round)), value)
	}
}

// Writers move units between counters under OpMatch; readers see every
// state whole, and none is lost.
func indexConcurrentCounters(t *testing.T, h IndexHarness) {
	e := newEngine(t, h)
	const writers, moves, start = 8, 40, 1000
	a, b := row(port.TableSettings, "", "a"), row(port.TableSettings, "", "b")
	number := func(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }
	commit(t, e, put(a, string(number(start))), put(b, string(number(0))))
	read := func() (x, y []byte, ok bool) {
		values, err := e.Get([]port.RowKey{a, b})
		if err != nil || len(values[0]) != 8 || len(values[1]) != 8 {
			t.Errorf("get: %x, %v", values, err)
			return nil, nil, false
		}
		sum := binary.BigEndian.Uint64(values[0]) + binary.BigEndian.Uint64(values[1])
		if sum != start {
			t.Errorf("read half a transaction: the sum is %d, want %d", sum, start)
		}
		return values[0], values[1], true
	}
	var group sync.WaitGroup
	for range writers {
		group.Go(func() {
			for done := 0; done < moves; {
				x, y, ok := read()
				if !ok {
					return
				}
				err := e.Commit(port.Txn{Changes: []port.Change{
					{Op: port.OpMatch, Row: a, Value: x},
					{Op: port.OpPut, Row: a, Value: number(binary.BigEndian.Uint64(x) - 1)},
					{Op: port.OpPut, Row: b, Value: number(binary.BigEndian.Uint64(y) + 1)},
				}})
				switch {
				case err == nil:
					done++
				case !errors.Is(err, port.ErrRowChanged):
					t.Errorf("commit: %v", err)
					return
				}
			}
		})
	}
	group.Wait()
	if _, y, ok := read(); ok && !bytes.Equal(y, number(writers*moves)) {
		t.Errorf("got %x moves, want %d", y, writers*moves)
	}
}

// After a power cut there is a prefix of the transactions, and no durable
// one is missing, nor any answered before it.
func indexPowerCut(t *testing.T, h IndexHarness) {
	if h.PowerCut == nil {
		t.Skip("this engine cannot be cut off")
	}
	for seed := range uint64(40) {
		random := rand.New(rand.NewPCG(seed, 2))
		e := h.New(t)
		last := row(port.TableSettings, "", "last")
		durable := -1
		written := random.IntN(60)
		for i := range written {
			txn := port.Txn{
				Durable: random.IntN(8) == 0,
				Changes: []port.Change{
					put(last, fmt.Sprint(i)),
					insert(row(port.TableInodes, "", fmt.Sprint(i)), strings.Repeat("v", i)),
					insert(row(port.TablePairs, "", fmt.Sprint(i)), ""),
				},
			}
			if err := e.Commit(txn); err != nil {
				t.Fatalf("seed %d: commit: %v", seed, err)
			}
			if txn.Durable {
				durable = i
			}
		}
		e = h.PowerCut(t, e, seed)
		checkPrefix(t, e, seed, written, durable)
		if t.Failed() {
			t.Fatalf("seed %d fails", seed)
		}
		commit(t, e, put(last, "again")) // it goes on
		closeEngine(t, e)
	}
}

func checkPrefix(t *testing.T, e port.IndexEngine, seed uint64, written, durable int) {
	t.Helper()
	survived := 0
	for i := range written {
		values, err := e.Get([]port.RowKey{
			row(port.TableInodes, "", fmt.Sprint(i)), row(port.TablePairs, "", fmt.Sprint(i)),
		})
		if err != nil {
			t.Fatalf("seed %d: get: %v", seed, err)
		}
		if (values[0] == nil) != (values[1] == nil) {
			t.Errorf("seed %d: half of transaction %d", seed, i)
		}
		if values[0] == nil {
			continue
		}
		if survived != i {
			t.Errorf("seed %d: %d is there, %d is not", seed, i, survived)
		}
		survived = i + 1
	}
	if survived <= durable {
		t.Errorf("seed %d: %d survived, but %d was durable", seed, survived, durable)
	}
	want := []byte(nil)
	if survived > 0 {
		want = []byte(fmt.Sprint(survived - 1))
	}
	wantRow(t, e, row(port.TableSettings, "", "last"), want)
	if _, err := e.Verify(t.Context()); err != nil {
		t.Errorf("seed %d: verify: %v", seed, err)
	}
}
