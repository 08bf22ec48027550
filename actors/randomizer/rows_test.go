package randomizer

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"

	"github.com/noisefs/noisefs/messages"
)

func TestRowsRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := candidate{
			cid:    fakeCID(rapid.Uint64().Draw(t, "cid")),
			stream: messages.StreamID(rapid.Uint64().Draw(t, "stream")),
			origin: messages.NodeID{rapid.Byte().Draw(t, "origin")},
		}
		change := putCandidate(want)
		got, err := decodeCandidate(messages.Row{Key: change.Row.Key, Value: change.Value})
		if err != nil || got != want {
			t.Fatalf("got %v, %v, want %v", got, err, want)
		}
		uses := rapid.IntRange(0, 1<<16).Draw(t, "uses")
		change = putReusable(&reusable{
			block: block{cid: want.cid, origin: want.origin}, leased: uses,
		})
		r, err := decodeReusable(messages.Row{Key: change.Row.Key, Value: change.Value})
		if err != nil || r.cid != want.cid || r.origin != want.origin || r.uses != uses {
			t.Fatalf("got %v, %v", r, err)
		}
		generated, reused := rapid.Uint64().Draw(t, "generated"), rapid.Uint64().Draw(t, "reused")
		g, u, err := decodeCounters(putCounters(generated, reused).Value)
		if err != nil || g != generated || u != reused {
			t.Fatalf("got %d, %d, %v", g, u, err)
		}
	})
}

func TestPairIsUnordered(t *testing.T) {
	a, b := fakeCID(1), fakeCID(2)
	if x, y := pairRow(a, b), pairRow(b, a); !bytes.Equal(x.Key, y.Key) {
		t.Error("(a, b) and (b, a) have two rows")
	}
	if x, y := pairRow(a, b), pairRow(a, fakeCID(3)); bytes.Equal(x.Key, y.Key) {
		t.Error("two pairs have one row")
	}
}

// FuzzRows feeds the decoders what no encoder wrote: what they take, they
// write again byte by byte.
func FuzzRows(f *testing.F) {
	c := putCandidate(candidate{cid: fakeCID(1), stream: 5})
	f.Add(c.Row.Key, c.Value)
	r := putReusable(&reusable{block: block{cid: fakeCID(2)}, leased: 9})
	f.Add(r.Row.Key, r.Value)
	f.Add([]byte{}, putCounters(1, 2).Value)
	f.Add([]byte{1}, []byte{})
	f.Fuzz(func(t *testing.T, key, value []byte) {
		row := messages.Row{Key: key, Value: value}
		if c, err := decodeCandidate(row); err == nil {
			again := putCandidate(c)
			if !bytes.Equal(again.Row.Key, key) || !bytes.Equal(again.Value, value) {
				t.Error("a candidate row changes when it is written again")
			}
		}
		if r, err := decodeReusable(row); err == nil {
			again := putReusable(r)
			if !bytes.Equal(again.Row.Key, key) || !bytes.Equal(again.Value, value) {
				t.Error("a reusable row changes when it is written again")
			}
		}
		if g, u, err := decodeCounters(value); err == nil && value != nil {
			if again := putCounters(g, u); !bytes.Equal(again.Value, value) {
				t.Error("a counter row changes when it is written again")
			}
		}
	})
}
