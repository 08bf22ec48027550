package format

import (
	"errors"
	"testing"

	"pgregory.net/rapid"

	"github.com/noisefs/noisefs/messages"
)

// readRefs walks a Content and returns the ref of every chunk, zero for a
// hole.
func (s *blockStore) readRefs(c messages.Content) []messages.BlockRef {
	s.tb.Helper()
	refs := make([]messages.BlockRef, 0, s.p.ChunkCount(c.Size))
	for i := range s.p.ChunkCount(c.Size) {
		child, rest := Locate(s.p, c.Level, i)
		ref := c.Children[child]
		for ref.Level > 0 {
			node, ok := s.node(ref).(*ContentNode)
			if !ok {
				s.tb.Fatalf("a node of another sort in a content tree")
			}
			child, rest = Locate(s.p, ref.Level-1, rest)
			ref = node.Child(child)
		}
		refs = append(refs, ref)
	}
	return refs
}

func TestContentBuilderEqualsModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := small
		store := newBlockStore(t, p)
		childrenMax := rapid.IntRange(1, p.Fanout()).Draw(t, "childrenMax")
		b := NewContentBuilder(p, childrenMax)
		chunks := rapid.IntRange(0, 150).Draw(t, "chunks")
		tail := rapid.IntRange(1, p.BlockSize).Draw(t, "tail")
		size := uint64(0)
		if chunks > 0 {
			size = uint64((chunks-1)*p.BlockSize + tail)
		}
		want := make([]messages.BlockRef, chunks)
		steps := make([]func() ([]PendingNode, error), 0, chunks+1)
		for i := 0; i < chunks; {
			at := uint64(i)
			if holes := min(rapid.IntRange(-20, 40).Draw(t, "holes"), chunks-i); holes > 0 {
				steps = append(steps, func() ([]PendingNode, error) {
					if holes == 1 {
						return b.Hole(at)
					}
					return b.Holes(at, uint64(holes))
				})
				i += holes
				continue
			}
			want[i] = testRef(uint64(i), 0, p.ChunkLength(size, at))
			ref := want[i]
			steps = append(steps, func() ([]PendingNode, error) { return b.Chunk(at, ref) })
			i++
		}
		steps = append(steps, func() ([]PendingNode, error) { return b.Finish(size) })
		steps = rapid.Permutation(steps).Draw(t, "steps")
		var pending []PendingNode
		for _, step := range steps {
			more, err := step()
			if err != nil {
				t.Fatalf("step: %v", err)
			}
			pending = append(pending, more...)
			if rapid.Bool().Draw(t, "seal now") {
				store.seal(b, pending, first)
				pending = nil
			}
		}
		if len(pending) > 0 {
			if _, ok := b.Result(); ok {
				t.Fatal("a result while nodes are pending")
			}
		}
		store.seal(b, pending, func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "pick") })
		got, ok := b.Result()
		if !ok || b.Pending() != 0 {
			t.Fatalf("no result; %d pending", b.Pending())
		}
		if err := checkContent(p, &got, place{0, max(childrenMax, p.EntryChildrenMax())}); err != nil {
			t.Fatalf("the result: %v", err)
		}
		for i, ref := range store.readRefs(got) {
			if ref != want[i] {
				t.Fatalf("chunk %d of %d is another one", i, chunks)
			}
		}
	})
}

func TestContentBuilderRefuses(t *testing.T) {
	p := small
	full := func(i uint64) messages.BlockRef { return testRef(i, 0, p.BlockSize) }
	short := testRef(7, 0, 5)
	type step func(b *ContentBuilder) ([]PendingNode, error)
	chunk := func(i uint64, ref messages.BlockRef) step {
		return func(b *ContentBuilder) ([]PendingNode, error) { return b.Chunk(i, ref) }
	}
	holes := func(i, n uint64) step {
		return func(b *ContentBuilder) ([]PendingNode, error) { return b.Holes(i, n) }
	}
	finish := func(size uint64) step {
		return func(b *ContentBuilder) ([]PendingNode, error) { return b.Finish(size) }
	}
	tests := []struct {
		name  string
		steps []step
		want  error
	}{
		{"Twice", []step{chunk(1, full(1)), chunk(1, full(2))}, ErrOrder},
		{"TwiceInAFullNode", []step{
			chunk(0, full(0)), chunk(1, full(1)), chunk(2, full(2)), chunk(3, full(3)), chunk(1, full(1)),
		}, ErrOrder},
		{"HoleThenChunk", []step{holes(0, 1), chunk(0, full(0))}, ErrOrder},
		{"ManyHolesThenChunk", []step{holes(0, 1000), chunk(500, full(0))}, ErrOrder},
		{"ChunkThenManyHoles", []step{chunk(500, full(0)), holes(0, 1000)}, ErrOrder},
		{"HolesOverlap", []step{holes(0, 1000), holes(999, 10)}, ErrOrder},
		{"NoHoles", []step{holes(0, 0)}, ErrOrder},
		{"HolesOverflow", []step{holes(5, 1<<64-1)}, ErrOrder},
		{"ChunkBeyondAll", []step{chunk(1<<63, full(1))}, ErrOrder},
		{"NodeAsChunk", []step{chunk(0, testRef(1, 1, 5))}, ErrBadRef},
		{"Hole", []step{chunk(0, messages.BlockRef{})}, ErrBadRef},
		{"TwoShort", []step{chunk(0, short), chunk(1, short)}, ErrBadRef},
		{"ShortBeforeEnd", []step{chunk(0, short), chunk(1, full(1)), finish(2048)}, ErrBadRef},
		{"ShortOfOtherLength", []step{chunk(0, short), finish(6)}, ErrBadRef},
		{"FullAtShortEnd", []step{chunk(0, full(0)), finish(5)}, ErrBadRef},
		{"ChunkBeyondEnd", []step{chunk(3, full(0)), finish(2048)}, ErrOrder},
		{"HolesBeyondEnd", []step{holes(0, 3), finish(2048)}, ErrOrder},
		{"ChunkAfterEnd", []step{finish(2048), chunk(2, full(0))}, ErrOrder},
		{"HolesAfterEnd", []step{finish(2048), holes(1, 2)}, ErrOrder},
		{"OtherLengthAfterFinish", []step{finish(2047), chunk(1, full(0))}, ErrBadRef},
		{"FinishTwice", []step{finish(1), finish(1)}, ErrOrder},
		{"Huge", []step{finish(FileSizeMax + 1)}, ErrTooLarge},
		{"SealedUnknown", []step{func(b *ContentBuilder) ([]PendingNode, error) {
			return b.Sealed(1, testRef(1, 1, 5))
		}}, ErrOrder},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := NewContentBuilder(p, 2)
			for i, step := range tt.steps {
				_, err := step(b)
				if last := i == len(tt.steps)-1; !last && err != nil {
					t.Fatalf("step %d: %v", i, err)
				} else if last && !errors.Is(err, tt.want) {
					t.Errorf("got %v, want %v", err, tt.want)
				}
			}
			if _, ok := b.Result(); ok {
				t.Error("a result after an error")
			}
		})
	}
}

func TestContentBuilderBoundsItsWindow(t *testing.T) {
	b := NewContentBuilder(small, 2)
	var err error
	n := uint64(1) // chunk 0 is late
	for ; err == nil && n < 10*BuilderWindow; n += uint64(small.Fanout()) {
		_, err = b.Chunk(n, testRef(n, 0, small.BlockSize))
	}
	if !errors.Is(err, ErrTooLarge) || n < BuilderWindow || n > 2*BuilderWindow {
		t.Errorf("refused at chunk %d with %v", n, err)
	}
	b = NewContentBuilder(small, 2)
	for n, err = 0, nil; err == nil && n < 10*BuilderPendingMax*4; n++ {
		_, err = b.Chunk(n, testRef(n, 0, small.BlockSize))
	}
	if !errors.Is(err, ErrTooLarge) || b.Pending() != BuilderPendingMax {
		t.Errorf("refused with %d pending and %v", b.Pending(), err)
	}
}

// TestContentBuilderTakesHugeHoles: a sparse file costs what is in it.
func TestContentBuilderTakesHugeHoles(t *testing.T) {
	p := small
	store := newBlockStore(t, p)
	b := NewContentBuilder(p, p.EntryChildrenMax())
	count := p.ChunkCount(FileSizeMax)
	var pending []PendingNode
	steps := []func() ([]PendingNode, error){
		func() ([]PendingNode, error) { return b.Holes(0, count/3) },
		func() ([]PendingNode, error) { return b.Chunk(count/3, testRef(1, 0, p.BlockSize)) },
		func() ([]PendingNode, error) { return b.Holes(count/3+1, count-count/3-1) },
		func() ([]PendingNode, error) { return b.Finish(FileSizeMax) },
	}
	for _, step := range steps {
		more, err := step()
		if err != nil {
			t.Fatal(err)
		}
		pending = append(pending, more...)
	}
	store.seal(b, pending, first)
	got, ok := b.Result()
	if !ok {
		t.Fatal("no result")
	}
	if nodes := len(store.blocks) / 3; nodes != int(got.Level) {
		t.Errorf("%d nodes for one chunk at level %d", nodes, got.Level)
	}
	child, rest := Locate(p, got.Level, count/3)
	ref := got.Children[child]
	for ref.Level > 0 {
		child, rest = Locate(p, ref.Level-1, rest)
		ref = store.node(ref).(*ContentNode).Child(child)
	}
	if ref != testRef(1, 0, p.BlockSize) {
		t.Error("the chunk is not found")
	}
}
