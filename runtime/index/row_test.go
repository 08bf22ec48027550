package index

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/port"
)

func TestRowRoundTrip(t *testing.T) {
	s, err := newSealer(&testKeys.Values, generation{1})
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(rt *rapid.T) {
		group := rapid.SliceOfN(rapid.Byte(), 0, port.IndexGroupBytesMax).Draw(rt, "group")
		key := rapid.SliceOfN(rapid.Byte(), 0, port.IndexKeyBytesMax).Draw(rt, "key")
		value := rapid.SliceOfN(rapid.Byte(), 0, 5000).Draw(rt, "value")
		at := storedKey(rapid.SliceOfN(rapid.Byte(), storedKeySize, storedKeySize).Draw(rt, "at"))
		sealed, _, err := s.seal(nil, nil, newNonce(), &at, &plainRow{group, key, value})
		if err != nil {
			rt.Fatal(err)
		}
		got, err := s.open(&at, sealed)
		if err != nil || !bytes.Equal(got.group, group) || !bytes.Equal(got.key, key) ||
			!bytes.Equal(got.value, value) {
			rt.Fatalf("got %v, %v", got, err)
		}
		at[rapid.IntRange(0, storedKeySize-1).Draw(rt, "byte")]++
		if _, err := s.open(&at, sealed); !errors.Is(err, port.ErrIndexCorrupt) {
			rt.Fatalf("at another place: %v", err)
		}
	})
}

func TestNames(t *testing.T) {
	newTestNamer := func(key messages.Secret) *namer {
		n, err := newNamer(&key)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	n, other := newTestNamer(messages.Secret{1}), newTestNamer(messages.Secret{2})
	row := func(table port.Table, group, key string) port.RowKey {
		return port.RowKey{Table: table, Group: []byte(group), Key: []byte(key)}
	}
	// Different rows that a careless encoding would confuse, twice each, to
	// see that remembering the last group changes nothing.
	rows := []port.RowKey{
		row(1, "", ""), row(2, "", ""), row(1, "a", ""), row(1, "", "a"), row(1, "a", "b"),
		row(1, "ab", ""), row(1, "", "ab"), row(2, "a", "b"), row(1, "a\x00", "b"),
		row(1, "a", "\x00b"), row(1, strings.Repeat("g", 64), strings.Repeat("k", 512)),
	}
	seen := map[storedKey]int{}
	for i, r := range append(rows, rows...) {
		at := n.key(r)
		if before, ok := seen[at]; ok != (i >= len(rows)) || ok && before != i%len(rows) {
			t.Errorf("row %d stands where row %d does", i, before)
		}
		seen[at] = i % len(rows)
		if at == other.key(r) {
			t.Errorf("row %d: the key makes no difference", i)
		}
		prefix := n.groupPrefix(r.Table, r.Group)
		if !bytes.HasPrefix(at[:], prefix[:]) || at.table() != r.Table {
			t.Errorf("row %d does not stand with its group", i)
		}
	}
	if bytes.Equal(n.check(), other.check()) {
		t.Error("the check does not depend on the key")
	}
}

// FuzzDecodeRow: what decodes, encodes to the same bytes; all else is an
// error, and nothing panics or allocates by a length it was told.
func FuzzDecodeRow(f *testing.F) {
	f.Add(encodeRow(nil, []byte("group"), []byte("key"), []byte("value")))
	f.Add(encodeRow(nil, nil, nil, nil))
	f.Add(encodeRow(nil, nil, nil, make([]byte, 2000)))
	f.Add([]byte{})
	f.Add([]byte{255, 255, 255, 255, 255, 255, 255})
	f.Fuzz(func(t *testing.T, plaintext []byte) {
		row, err := decodeRow(plaintext)
		if err != nil {
			if !errors.Is(err, port.ErrIndexCorrupt) {
				t.Errorf("got %v, want ErrIndexCorrupt", err)
			}
			return
		}
		if again := encodeRow(nil, row.group, row.key, row.value); !bytes.Equal(again, plaintext) {
			t.Errorf("%x decodes, but encodes as %x", plaintext, again)
		}
	})
}

// FuzzOpenRow: nothing opens but what was sealed, where it was sealed.
func FuzzOpenRow(f *testing.F) {
	s, err := newSealer(&testKeys.Values, generation{1})
	if err != nil {
		f.Fatal(err)
	}
	home := storedKey{byte(port.TableInodes), 1, 2, 3}
	sealed, _, err := s.seal(
		nil, nil, make([]byte, nonceSize), &home, &plainRow{group: []byte("g"), key: []byte("k")})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(home[:], sealed)
	f.Add(home[:], sealed[:20])
	f.Add([]byte{}, []byte{})
	f.Fuzz(func(t *testing.T, place, value []byte) {
		var at storedKey
		copy(at[:], place)
		_, err := s.open(&at, value)
		if same := at == home && bytes.Equal(value, sealed); same != (err == nil) {
			t.Errorf("open: %v, the sealed row: %v", err, same)
		}
		if err != nil && !errors.Is(err, port.ErrIndexCorrupt) {
			t.Errorf("got %v, want ErrIndexCorrupt", err)
		}
	})
}

// FuzzPointer: whatever the file says, it is a generation or an error.
func FuzzPointer(f *testing.F) {
	f.Add([]byte("noisefs-index 1\n000102030405060708090a0b0c0d0e0f\n"))
	f.Add([]byte("noisefs-index 2\n"))
	f.Add([]byte("noisefs-index"))
	f.Fuzz(func(t *testing.T, text []byte) {
		g, err := parsePointer(text)
		switch {
		case err == nil:
			if want := "noisefs-index 1\n" + g.dirName()[len(dirPrefix):] + "\n"; want != string(text) {
				t.Errorf("%q was read as %q", text, want)
			}
		case !errors.Is(err, port.ErrIndexCorrupt) && !errors.Is(err, port.ErrIndexNewer):
			t.Errorf("got %v", err)
		}
	})
}
