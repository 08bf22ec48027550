package drive

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/format"
)

var testParams = format.Params{BlockSize: 1024}

// drawRef draws a ref of a level that passes all checks.
func drawRef(t *rapid.T, level uint8) messages.BlockRef {
	ref := messages.BlockRef{Level: level, Length: uint32(rapid.IntRange(1, 1024).Draw(t, "length"))}
	fill := func(b []byte, label string) {
		copy(b, rapid.SliceOfN(rapid.Byte(), len(b), len(b)).Draw(t, label))
		b[0] |= 1
	}
	fill(ref.D[:], "D")
	fill(ref.A[:], "A")
	fill(ref.B[:], "B")
	ref.D[1], ref.A[1], ref.B[1] = 1, 2, 3
	fill(ref.Key[:], "key")
	fill(ref.Tag[:], "tag")
	return ref
}

func drawInode(t *rapid.T) inode {
	i := inode{kind: messages.FileType(rapid.IntRange(1, 3).Draw(t, "type"))}
	i.Mode = uint32(rapid.IntRange(0, format.ModeMax).Draw(t, "mode"))
	i.ModTime = time.Unix(rapid.Int64Range(-format.ModTimeSecondsMax, format.ModTimeSecondsMax).
		Draw(t, "seconds"), int64(rapid.IntRange(0, 999_999_999).Draw(t, "nanos"))).UTC()
	drawPosix(t, &i)
	switch i.kind {
	case messages.TypeSymlink:
		i.target = rapid.StringN(1, 10, 40).Draw(t, "target")
	case messages.TypeFile:
		switch rapid.IntRange(0, 4).Draw(t, "where") {
		case 3:
			i.inline = rapid.Uint64Range(1, uint64(testParams.PackMax())).Draw(t, "inline row")
		case 4:
			i.Special, i.Device = 0o020000, rapid.Uint32().Draw(t, "device")
		case 0:
			ref := drawRef(t, 1)
			i.root, i.size = &ref, rapid.Uint64Range(0, format.FileSizeMax).Draw(t, "size")
		case 1:
			i.content.Inline = rapid.SliceOfN(rapid.Byte(), 1, 64).Draw(t, "inline")
			i.content.Size = uint64(len(i.content.Inline))
		}
	case messages.TypeDirectory:
		i.overlaid = rapid.Bool().Draw(t, "overlaid")
		if rapid.Bool().Draw(t, "has base") {
			ref := drawRef(t, uint8(rapid.IntRange(1, 5).Draw(t, "level")))
			i.base.ref = &ref
			for range rapid.IntRange(0, rowBelowMax).Draw(t, "below") {
				i.base.below = append(i.base.below, rapid.StringMatching(`[a-z]{1,9}`).Draw(t, "name"))
			}
		}
	}
	return i
}

// drawPosix draws what a mount keeps.
func drawPosix(t *rapid.T, i *inode) {
	if rapid.Bool().Draw(t, "owned") {
		i.Owner = &messages.Owner{
			UID: rapid.Uint32().Draw(t, "uid"), GID: rapid.Uint32().Draw(t, "gid"),
		}
	}
	for _, at := range []*time.Time{&i.ChangeTime, &i.AccessTime} {
		if rapid.Bool().Draw(t, "a time") {
			*at = time.Unix(rapid.Int64Range(-10, 10).Draw(t, "seconds"),
				rapid.Int64Range(0, 999_999_999).Draw(t, "nanos")).UTC()
		}
	}
	i.xattrs = rapid.Uint64Range(0, messages.XattrsMax).Draw(t, "xattrs")
	if i.kind != messages.TypeDirectory {
		i.Links = uint32(rapid.IntRange(0, linksMax).Draw(t, "links"))
	}
}

func TestInodeRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := drawInode(t)
		row, err := encodeInode(testParams, want)
		if err != nil {
			t.Fatalf("encode: %v", err)
		}
		got, err := decodeInode(testParams, row)
		if err != nil {
			t.Fatalf("decode: %v", err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatal("an inode comes back different")
		}
		// A flipped bit is refused, or is another inode of one spelling.
		at := rapid.IntRange(0, len(row)*8-1).Draw(t, "bit")
		row[at/8] ^= 1 << (at % 8)
		if got, err = decodeInode(testParams, row); err == nil {
			again, err := encodeInode(testParams, got)
			if err != nil || !bytes.Equal(again, row) {
				t.Fatalf("what decodes does not encode to the same: %v", err)
			}
		} else if !errors.Is(err, errRow) {
			t.Fatalf("the error does not say that a row is bad: %v", err)
		}
	})
}

func TestSmallRowsRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ino := rapid.Uint64().Draw(t, "inode")
		if got, err := decodeDentry(encodeDentry(ino)); err != nil || got != ino {
			t.Errorf("dentry %d comes back as %d, %v", ino, got, err)
		}
		next := rapid.Uint64Range(rootInode+1, 1<<64-1).Draw(t, "lease")
		if got, err := decodeLease(encodeLease(next)); err != nil || got != next {
			t.Errorf("lease %d comes back as %d, %v", next, got, err)
		}
		k := kept{
			path:  rapid.SampledFrom([]string{"", "/", "/a/b"}).Draw(t, "path"),
			name:  rapid.SampledFrom([]string{"", "x"}).Draw(t, "name"),
			alone: rapid.Bool().Draw(t, "alone"),
		}
		got, err := decodeKept(encodeKept(k))
		if reasonable := k.alone || k.path != ""; (err == nil) != reasonable ||
			reasonable && got != k {
			t.Errorf("%v comes back as %v, %v", k, got, err)
		}
	})
}

func TestBadInodes(t *testing.T) {
	ref := messages.BlockRef{
		D: messages.CID{1}, A: messages.CID{2}, B: messages.CID{3},
		Key: messages.Secret{4}, Level: 1, Length: 1,
	}
	chunk := ref
	chunk.Level = 0
	tests := map[string]inode{
		"NoType":           {},
		"TargetOfAFile":    {kind: messages.TypeFile, target: "x"},
		"NoTarget":         {kind: messages.TypeSymlink},
		"LongTarget":       {kind: messages.TypeSymlink, target: strings.Repeat("x", 513)},
		"SizeWithoutRoot":  {kind: messages.TypeFile, size: 1},
		"RootOfADirectory": {kind: messages.TypeDirectory, root: &ref},
		"RootIsAChunk":     {kind: messages.TypeFile, root: &chunk},
		"BaseOfAFile":      {kind: messages.TypeFile, base: snapshot{ref: &ref}},
		"BaseIsAChunk":     {kind: messages.TypeDirectory, base: snapshot{ref: &chunk}},
		"BelowNothing":     {kind: messages.TypeDirectory, base: snapshot{below: []string{"a"}}},
		"BelowNoName":      {kind: messages.TypeDirectory, base: snapshot{&ref, []string{".."}}},
		"TooFarBelow": {
			kind: messages.TypeDirectory,
			base: snapshot{&ref, strings.Split(strings.Repeat("a", rowBelowMax+1), "")},
		},
		"OverlaidFile": {kind: messages.TypeFile, overlaid: true},
		"TwoContents": {
			kind: messages.TypeFile, root: &ref, size: 1,
			content: messages.Content{Size: 1, Inline: []byte{1}},
		},
		"Mode": {
			kind:       messages.TypeFile,
			Attributes: messages.Attributes{Mode: format.ModeMax + 1},
		},
	}
	for name, bad := range tests {
		t.Run(name, func(t *testing.T) {
			if _, err := encodeInode(testParams, bad); !errors.Is(err, errRow) {
				t.Errorf("encode: got %v, want errRow", err)
			}
		})
	}
}

func fuzzRow[T any](f *testing.F, decode func([]byte) (T, error), encode func(T) ([]byte, error)) {
	f.Fuzz(func(t *testing.T, row []byte) {
		value, err := decode(row)
		if err != nil {
			if !errors.Is(err, errRow) {
				t.Fatalf("got %v, want errRow", err)
			}
			return
		}
		again, err := encode(value)
		if err != nil || !bytes.Equal(again, row) {
			t.Fatalf("what decodes does not encode to the same: %v", err)
		}
	})
}

func FuzzInodeRow(f *testing.F) {
	ref := messages.BlockRef{
		D: messages.CID{1}, A: messages.CID{2}, B: messages.CID{3},
		Key: messages.Secret{4}, Level: 1, Length: 1,
	}
	epoch := messages.Attributes{Mode: 0o644, ModTime: time.Unix(1, 2)}
	for _, i := range []inode{
		{kind: messages.TypeFile, Attributes: epoch, root: &ref, size: 9},
		{kind: messages.TypeFile, content: messages.Content{Size: 1, Inline: []byte{1}}},
		{kind: messages.TypeDirectory, base: snapshot{&ref, []string{"a", "b"}}, overlaid: true},
		{kind: messages.TypeSymlink, target: "x", Attributes: epoch},
		{kind: messages.TypeFile, inline: 7, xattrs: 9, Posix: messages.Posix{
			Owner: &messages.Owner{UID: 1}, ChangeTime: time.Unix(1, 2), Links: 3,
		}},
	} {
		row, err := encodeInode(testParams, i)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(row)
	}
	fuzzRow(f,
		func(b []byte) (inode, error) { return decodeInode(testParams, b) },
		func(i inode) ([]byte, error) { return encodeInode(testParams, i) })
}

func FuzzDentryRow(f *testing.F) {
	f.Add(encodeDentry(0))
	f.Add(encodeDentry(77))
	fuzzRow(f, decodeDentry, func(ino uint64) ([]byte, error) { return encodeDentry(ino), nil })
}

func FuzzKeptRow(f *testing.F) {
	f.Add(encodeKept(kept{path: "/a", name: "b", alone: true}))
	fuzzRow(f, decodeKept, func(k kept) ([]byte, error) { return encodeKept(k), nil })
}

func FuzzXattrsRow(f *testing.F) {
	f.Add(encodeXattrs([]messages.Xattr{{Name: "user.a"}, {Name: "user.b", Value: []byte("x")}}))
	fuzzRow(f, decodeXattrs, func(x []messages.Xattr) ([]byte, error) { return encodeXattrs(x), nil })
}

func FuzzLeaseRow(f *testing.F) {
	f.Add(encodeLease(2))
	fuzzRow(f, decodeLease, func(next uint64) ([]byte, error) { return encodeLease(next), nil })
}

func TestSplitPath(t *testing.T) {
	tests := []struct {
		path string
		want []string
		ok   bool
	}{
		{"", nil, true},
		{"/", nil, true},
		{"//", nil, true},
		{"/a", []string{"a"}, true},
		{"a/", []string{"a"}, true},
		{"//a///b/", []string{"a", "b"}, true},
		{"/a/..", nil, false},
		{"/./a", nil, false},
		{"/a\x00b", nil, false},
		{"/" + strings.Repeat("n", 255), []string{strings.Repeat("n", 255)}, true},
		{"/" + strings.Repeat("n", 256), nil, false},
		{strings.Repeat("/a", 8), strings.Split(strings.Repeat("a", 8), ""), true},
		{strings.Repeat("/a", 9), nil, false},
		{strings.Repeat("/", pathBytesMax+1), nil, false},
	}
	for _, test := range tests {
		got, err := splitPath(test.path, 8)
		if (err == nil) != test.ok || test.ok && !reflect.DeepEqual(got, test.want) {
			t.Errorf("%.20q: got %d names, %v", test.path, len(got), err)
		}
		if err != nil && err.Code != messages.CodeInvalid {
			t.Errorf("%.20q: code %v", test.path, err.Code)
		}
	}
}

func TestConfigValidate(t *testing.T) {
	if err := DefaultConfig().Validate(); err != nil {
		t.Fatalf("the default: %v", err)
	}
	fields := reflect.TypeFor[Config]()
	for i := range fields.NumField() {
		cfg := DefaultConfig()
		reflect.ValueOf(&cfg).Elem().Field(i).SetZero()
		if err := cfg.Validate(); !errors.Is(err, ErrConfig) {
			t.Errorf("%s = 0 is accepted", fields.Field(i).Name)
		}
	}
}

func TestLRU(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.IntRange(1, 5).Draw(t, "limit")
		l := newLRU[int, string](limit)
		var order []int // used last at the end
		use := func(key int) {
			for i, k := range order {
				if k == key {
					order = append(order[:i:i], order[i+1:]...)
				}
			}
			order = append(order, key)
			order = order[max(0, len(order)-limit):]
		}
		for step := range rapid.IntRange(1, 40).Draw(t, "steps") {
			key := rapid.IntRange(0, 7).Draw(t, "key")
			held := false
			for _, k := range order {
				held = held || k == key
			}
			if rapid.Bool().Draw(t, "put") {
				l.put(key, fmt.Sprint(key, step))
				use(key)
			} else if _, ok := l.get(key); ok != held {
				t.Fatalf("key %d: got %v, want %v", key, ok, held)
			} else if ok {
				use(key)
			}
		}
	})
}
