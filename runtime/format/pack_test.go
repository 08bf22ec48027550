package format

import (
	"bytes"
	"errors"
	"testing"

	"pgregory.net/rapid"

	"github.com/noisefs/noisefs/messages"
)

func packRef(key messages.Secret, packed Packed) messages.PackRef {
	return messages.PackRef{
		Chunks: []messages.BlockRef{testRef(1, 0, BlockSizeMax)},
		Length: uint32(len(packed.Sealed)), Key: key, Tag: packed.Tag, Packed: packed.Packed,
	}
}

func TestPackedRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := Params{BlockSize: 1 << rapid.IntRange(10, 17).Draw(t, "size")}
		n := rapid.IntRange(1, p.PackMax()).Draw(t, "n")
		file := testBytes(rapid.Uint64().Draw(t, "seed"), n)
		zeros := rapid.IntRange(0, n).Draw(t, "zeros")
		clear(file[:zeros])
		want := bytes.Clone(file)
		packed, err := SealPacked(p, testSecret(1), file)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(file, want) {
			t.Fatal("SealPacked changed its input")
		}
		if len(packed.Sealed) > n || packed.Packed != (len(packed.Sealed) < n) {
			t.Fatalf("%d bytes became %d, packed %v", n, len(packed.Sealed), packed.Packed)
		}
		if n > 100 && zeros > n/2 && !packed.Packed {
			t.Fatal("not compressed where that saves")
		}
		sealed := bytes.Clone(packed.Sealed)
		got, err := OpenPacked(p, packRef(testSecret(1), packed), uint64(n), sealed)
		if err != nil || !bytes.Equal(got, want) {
			t.Fatalf("other bytes came back: %v", err)
		}
		if !bytes.Equal(sealed, packed.Sealed) {
			t.Fatal("OpenPacked changed its input")
		}
	})
}

func TestOpenPackedRefuses(t *testing.T) {
	p := small
	file := append(make([]byte, 300), testBytes(1, 100)...)
	key := testSecret(1)
	packed, err := SealPacked(p, key, file)
	if err != nil || !packed.Packed {
		t.Fatalf("packed %v, %v", packed.Packed, err)
	}
	bomb := sealRaw(t, key, deflate(nil, make([]byte, 1<<20)), 400)
	short := sealRaw(t, key, deflate(nil, make([]byte, 399)), 400)
	garbage := sealRaw(t, key, testBytes(2, 50), 400)
	tests := []struct {
		name   string
		packed Packed
		size   uint64
		change func(ref *messages.PackRef, sealed []byte)
		want   error
	}{
		{"Byte", packed, 400, func(_ *messages.PackRef, s []byte) { s[7] ^= 1 }, ErrTag},
		{"Tag", packed, 400, func(r *messages.PackRef, _ []byte) { r.Tag[3] ^= 1 }, ErrTag},
		{"Key", packed, 400, func(r *messages.PackRef, _ []byte) { r.Key[3] ^= 1 }, ErrTag},
		{"NotPacked", packed, 400, func(r *messages.PackRef, _ []byte) { r.Packed = false }, ErrTag},
		{"OtherSize", packed, 401, func(*messages.PackRef, []byte) {}, ErrTag},
		{"SizeZero", packed, 0, func(*messages.PackRef, []byte) {}, ErrTooLarge},
		{"SizeBeyondLimit", packed, 513, func(*messages.PackRef, []byte) {}, ErrTooLarge},
		{"SizeBelowSealed", packed, 10, func(*messages.PackRef, []byte) {}, ErrMalformed},
		{"OtherLength", packed, 400, func(r *messages.PackRef, _ []byte) { r.Length-- }, ErrMalformed},
		{"Bomb", bomb, 400, func(*messages.PackRef, []byte) {}, ErrTooLarge},
		{"InflatesToLess", short, 400, func(*messages.PackRef, []byte) {}, ErrMalformed},
		{"NoFrame", garbage, 400, func(*messages.PackRef, []byte) {}, ErrMalformed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ref, sealed := packRef(key, tt.packed), bytes.Clone(tt.packed.Sealed)
			tt.change(&ref, sealed)
			got, err := OpenPacked(p, ref, tt.size, sealed)
			if !errors.Is(err, tt.want) || got != nil {
				t.Errorf("got %d bytes, error %v; want none and %v", len(got), err, tt.want)
			}
		})
	}
}

// sealRaw seals bytes as if they were the compressed form of size bytes, as
// a hostile writer can.
func sealRaw(t tester, key messages.Secret, frame []byte, size uint64) Packed {
	t.Helper()
	gcm, err := newGCM(&key)
	if err != nil {
		t.Fatalf("newGCM: %v", err)
	}
	data := packedData(true, size)
	sealed := gcm.Seal(nil, make([]byte, gcmNonceSize), frame, data[:])
	packed := Packed{Sealed: sealed[:len(frame)], Packed: true}
	copy(packed.Tag[:], sealed[len(frame):])
	return packed
}

func TestSealPackedRefuses(t *testing.T) {
	if _, err := SealPacked(small, testSecret(1), nil); !errors.Is(err, ErrMalformed) {
		t.Errorf("empty: got %v, want %v", err, ErrMalformed)
	}
	if _, err := SealPacked(small, testSecret(1), make([]byte, 513)); !errors.Is(err, ErrTooLarge) {
		t.Errorf("large: got %v, want %v", err, ErrTooLarge)
	}
	if _, err := SealPacked(small, messages.Secret{}, make([]byte, 5)); !errors.Is(err, ErrBadRef) {
		t.Errorf("no key: got %v, want %v", err, ErrBadRef)
	}
}

func TestSlicePacked(t *testing.T) {
	x, y := testBytes(1, 100), testBytes(2, 60)
	both := append(bytes.Clone(x), y...)
	one, two := make([]messages.BlockRef, 1), make([]messages.BlockRef, 2)
	tests := []struct {
		name           string
		offset, length uint32
		refs           []messages.BlockRef
		chunks         [][]byte
		ok             bool
	}{
		{"Start", 0, 10, one, [][]byte{x}, true},
		{"End", 90, 10, one, [][]byte{x}, true},
		{"PastEnd", 91, 10, one, [][]byte{x}, false},
		{"OffsetPastEnd", 101, 1, one, [][]byte{x}, false},
		{"Crossing", 95, 10, two, [][]byte{x, y}, true},
		{"CrossingToEnd", 99, 61, two, [][]byte{x, y}, true},
		{"CrossingPastEnd", 99, 62, two, [][]byte{x, y}, false},
		{"StartsInSecond", 101, 5, two, [][]byte{x, y}, false},
		{"EndsInFirst", 10, 5, two, [][]byte{x, y}, false},
		{"Overflow", 1<<32 - 1, 1<<32 - 1, two, [][]byte{x, y}, false},
		{"OneOfTwo", 95, 10, two, [][]byte{x}, false},
		{"NoChunk", 0, 1, nil, nil, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ref := messages.PackRef{Chunks: tt.refs, Offset: tt.offset, Length: tt.length}
			got, err := SlicePacked(ref, tt.chunks...)
			if !tt.ok {
				if !errors.Is(err, ErrMalformed) {
					t.Fatalf("got %v, want %v", err, ErrMalformed)
				}
				return
			}
			if err != nil || !bytes.Equal(got, both[tt.offset:tt.offset+tt.length]) {
				t.Fatalf("other bytes: %v", err)
			}
		})
	}
}
