package format

import (
	"bytes"
	"errors"
	"testing"

	"github.com/klauspost/compress/zstd"
	"pgregory.net/rapid"
)

// TestDeflateIsDeterministic holds a coder that has done much against a
// fresh one: the simulation needs one output for one input.
func TestDeflateIsDeterministic(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		words := rapid.SliceOfN(rapid.StringMatching(`[a-e]{1,9} `), 1, 2000).Draw(t, "words")
		var src []byte
		for _, word := range words {
			src = append(src, word...)
		}
		fresh := newCompressor()
		want := fresh.EncodeAll(src, nil)
		if err := fresh.Close(); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(deflate(nil, src), want) {
			t.Fatal("a used coder compresses otherwise than a fresh one")
		}
		got, err := inflate(want, len(src))
		if err != nil || !bytes.Equal(got, src) {
			t.Fatalf("other bytes came back: %v", err)
		}
	})
}

func TestInflateRefuses(t *testing.T) {
	frame := deflate(nil, bytes.Repeat([]byte("noise"), 1000))
	encode := func(src []byte, options ...zstd.EOption) []byte {
		encoder, err := zstd.NewWriter(nil, options...)
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := encoder.Close(); err != nil {
				t.Fatal(err)
			}
		}()
		return encoder.EncodeAll(src, nil)
	}
	var stream bytes.Buffer
	writer, err := zstd.NewWriter(&stream)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if _, err := writer.Write(bytes.Repeat([]byte("noise"), 100_000)); err != nil {
			t.Fatal(err)
		}
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	skippable := []byte{0x50, 0x2A, 0x4D, 0x18, 1, 0, 0, 0, 0}
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	tests := []struct {
		name  string
		frame []byte
		want  error
	}{
		{"Empty", nil, ErrMalformed},
		{"Garbage", testBytes(1, 100), ErrMalformed},
		{"OneAboveLimit", deflate(nil, make([]byte, 5001)), ErrTooLarge},
		{"NoSize", stream.Bytes(), ErrMalformed},
		{"Checksum", encode(make([]byte, 99), zstd.WithEncoderCRC(true)), ErrMalformed},
		{"CutOff", frame[:len(frame)-1], ErrMalformed},
		{"TrailingByte", join(frame, []byte{0}), ErrMalformed},
		{"TwoFrames", join(frame, frame), ErrMalformed},
		{"SkippableBehind", join(frame, skippable), ErrMalformed},
		{"SkippableBefore", join(skippable, frame), ErrMalformed},
		{"EmptyFrameBehind", join(frame, encode(nil, zstd.WithZeroFrames(true))), ErrMalformed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := inflate(tt.frame, 5000); !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}
	if got, err := inflate(frame, 5000); err != nil || len(got) != 5000 {
		t.Errorf("a good frame: %d bytes, %v", len(got), err)
	}
}

// TestInflateSurvivesFlippedBits: a damaged frame is an error or inflates
// to what its size says, and never panics.
func TestInflateSurvivesFlippedBits(t *testing.T) {
	frame := deflate(nil, append(bytes.Repeat([]byte("noise"), 300), testBytes(1, 300)...))
	for i := range len(frame) * 8 {
		damaged := bytes.Clone(frame)
		damaged[i/8] ^= 1 << (i % 8)
		got, err := inflate(damaged, 4000)
		if err == nil && len(got) > 4000 || err != nil && got != nil {
			t.Fatalf("bit %d: %d bytes, %v", i, len(got), err)
		}
	}
}
