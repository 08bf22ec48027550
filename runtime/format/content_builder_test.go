package format

import (
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
