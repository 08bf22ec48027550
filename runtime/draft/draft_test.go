package draft_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/draft"
	"github.com/noisefs/noisefs/runtime/format"
)

var (
	small = format.Params{BlockSize: format.BlockSizeMin}
	noon  = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
)

func noise(n int, seed uint64) []byte {
	var key [32]byte
	key[0], key[1] = byte(seed), byte(seed>>8)
	p := make([]byte, n)
	_, _ = rand.NewChaCha8(key).Read(p)
	return p
}

// machine does the same to a draft and to a slice of bytes.
type machine struct {
	*rapid.T
	store     *memory
	budget    draft.Budget
	draft     *draft.Draft
	model     []byte
	committed []byte
	seed      uint64
}

func (m *machine) offset(label string) int {
	top := rapid.SampledFrom([]int{100, 3 * small.BlockSize, 60 * small.BlockSize}).Draw(m.T, label+" below")
	return rapid.IntRange(0, top).Draw(m.T, label)
}

func (m *machine) write(*rapid.T) {
	at := m.offset("at")
	if rapid.Bool().Draw(m.T, "whole chunks") {
		at -= at % small.BlockSize
	}
	m.seed++
	p := noise(rapid.IntRange(1, 5*small.BlockSize).Draw(m.T, "bytes"), m.seed)
	if rapid.IntRange(0, 4).Draw(m.T, "zeros") == 0 {
		clear(p)
	}
	if err := m.draft.WriteAt(context.Background(), p, int64(at), noon); err != nil {
		m.Fatalf("write: %v", err)
	}
	if more := at + len(p) - len(m.model); more > 0 {
		m.model = append(m.model, make([]byte, more)...)
	}
	copy(m.model[at:], p)
}

func (m *machine) truncate(*rapid.T) {
	size := m.offset("size")
	if err := m.draft.Truncate(context.Background(), uint64(size), noon); err != nil {
		m.Fatalf("truncate: %v", err)
	}
	m.model = append(m.model[:min(size, len(m.model)):min(size, len(m.model))],
		make([]byte, max(0, size-len(m.model)))...)
}

func (m *machine) zero(*rapid.T) {
	at, n := m.offset("at"), m.offset("bytes")
	if err := m.draft.Zero(context.Background(), int64(at), int64(n), noon); err != nil {
		m.Fatalf("zero: %v", err)
	}
	if at < len(m.model) {
		clear(m.model[at:min(len(m.model), at+n)])
	}
}

func (m *machine) commit(*rapid.T) {
	if err := m.draft.Commit(context.Background()); err != nil {
		m.Fatalf("commit: %v", err)
	}
	m.committed = bytes.Clone(m.model)
}

func (m *machine) failedCommit(*rapid.T) {
	m.store.busy = errors.New("not now")
	err := m.draft.Commit(context.Background())
	m.store.busy = nil
	if err == nil {
		m.committed = bytes.Clone(m.model) // nothing had changed
	}
}

func (m *machine) reopen(*rapid.T) {
	if err := m.draft.Close(); err != nil {
		m.Fatalf("close: %v", err)
	}
	m.draft = m.store.draft(&m.budget)
	m.model = bytes.Clone(m.committed)
}

func (m *machine) read(*rapid.T) {
	at := m.offset("at")
	p := make([]byte, rapid.IntRange(1, 5*small.BlockSize).Draw(m.T, "bytes"))
	n, err := m.draft.ReadAt(context.Background(), p, int64(at))
	want := m.model[min(at, len(m.model)):min(at+len(p), len(m.model))]
	if !bytes.Equal(p[:n], want) || (err != nil) != (len(want) < len(p)) ||
		err != nil && !errors.Is(err, io.EOF) {
		m.Fatalf("read of %d bytes at %d: %d of %d due, %v", len(p), at, n, len(want), err)
	}
}

func (m *machine) check(*rapid.T) {
	if got := m.store.bytes(m.store.content); !bytes.Equal(got, m.committed) {
		m.Fatalf("%d bytes are committed, %d were", len(got), len(m.committed))
	}
	if got := m.draft.Size(); got != uint64(len(m.model)) {
		m.Fatalf("size %d, want %d", got, len(m.model))
	}
}

// Whatever is done to a draft in any order, it reads as a slice of bytes to which
// the same was done, and what is stored is what was last committed.
func TestDraftIsAsTheModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		m := &machine{T: rt, store: newMemory(small)}
		m.budget.Max = rapid.SampledFrom([]int64{1, 1 << 30}).Draw(rt, "budget")
		m.draft = m.store.draft(&m.budget)
		rt.Repeat(map[string]func(*rapid.T){
			"": m.check, "write": m.write, "truncate": m.truncate, "zero": m.zero,
			"commit": m.commit, "failedCommit": m.failedCommit, "reopen": m.reopen,
			"read": m.read,
		})
	})
}

// A part of a chunk that is written anew costs one block and the nodes above it.
func TestRewriteCostsOneChunk(t *testing.T) {
	store := newMemory(small)
	budget := &draft.Budget{Max: 1 << 30}
	ctx := t.Context()
	data := noise(100*small.BlockSize, 1)
	d := store.draft(budget)
	if err := errors.Join(d.WriteAt(ctx, data, 0, noon), d.Commit(ctx)); err != nil {
		t.Fatal(err)
	}
	store.seals = 0
	err := errors.Join(d.WriteAt(ctx, []byte{1, 2, 3}, int64(50*small.BlockSize), noon), d.Commit(ctx))
	if err != nil {
		t.Fatal(err)
	}
	if want := 1 + int(store.content.Level); store.seals != want {
		t.Errorf("%d blocks were made, want %d", store.seals, want)
	}
	if err := errors.Join(d.Commit(ctx), d.Close()); err != nil {
		t.Fatal(err)
	}
	if store.commits != 2 {
		t.Errorf("%d commits, want 2: nothing had changed", store.commits)
	}
}

// A disk that is full ends the draft, and the file stays as it was.
func TestFullDisk(t *testing.T) {
	store := newMemory(small)
	ctx := t.Context()
	before := noise(3*small.BlockSize, 1)
	d := store.draft(&draft.Budget{Max: 1 << 30})
	if err := errors.Join(d.WriteAt(ctx, before, 0, noon), d.Commit(ctx)); err != nil {
		t.Fatal(err)
	}
	full := messages.Errorf(messages.CodeNoSpace, "the disk is full")
	store.full = full
	err := errors.Join(d.WriteAt(ctx, noise(3*small.BlockSize, 2), 0, noon), d.Commit(ctx))
	if !errors.Is(err, full) {
		t.Errorf("commit: %v, want that the disk is full", err)
	}
	store.full = nil
	for what, err := range map[string]error{
		"commit": d.Commit(ctx), "write": d.WriteAt(ctx, []byte{1}, 0, noon),
		"truncate": d.Truncate(ctx, 0, noon),
	} {
		if !errors.Is(err, full) {
			t.Errorf("%s after that: %v", what, err)
		}
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
	if !bytes.Equal(store.bytes(store.content), before) {
		t.Error("the file is not as it was last committed")
	}
}

// A file that is removed while it is open can be used until it is closed.
func TestRemovedWhileOpen(t *testing.T) {
	store := newMemory(small)
	ctx := t.Context()
	d := store.draft(&draft.Budget{Max: 1 << 30})
	data := noise(40*small.BlockSize, 1)
	store.removed = true
	if err := errors.Join(d.WriteAt(ctx, data, 0, noon), d.Commit(ctx), d.Commit(ctx)); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, len(data))
	if n, err := d.ReadAt(ctx, got, 0); err != nil || !bytes.Equal(got[:n], data) {
		t.Errorf("%d bytes, %v", n, err)
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
	if len(store.blocks) != 0 {
		t.Errorf("%d blocks are left of a removed file", len(store.blocks))
	}
}

// A file that grows without end is committed in between, so that what is kept in
// memory of it stays bounded.
func TestLongWritesAreCommittedInBetween(t *testing.T) {
	store := newMemory(small)
	d := store.draft(&draft.Budget{Max: 1 << 30})
	chunk := noise(small.BlockSize, 1)
	for i := range int64(9000) {
		if err := d.WriteAt(t.Context(), chunk, i*int64(len(chunk)), noon); err != nil {
			t.Fatal(err)
		}
	}
	if store.commits != 1 {
		t.Errorf("%d commits, want 1", store.commits)
	}
}
