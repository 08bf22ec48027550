package blockstore_test

import (
	"bytes"
	"errors"
	"testing"

	"pgregory.net/rapid"

	"github.com/noisefs/noisefs/runtime/blockstore"
	"github.com/noisefs/noisefs/runtime/port"
	"github.com/noisefs/noisefs/sim/disk"
)

// TestEngineIsASetOfBlocks drives an engine by drawn steps and compares it
// with a model after each: a closed, killed or power-cut store comes back as
// it was, and marks tell what was put after them.
func TestEngineIsASetOfBlocks(t *testing.T) {
	const blocks = 30
	shared := newModel(5, blocks)
	rapid.Check(t, func(t *rapid.T) {
		d := disk.New(disk.Options{Seed: rapid.Uint64().Draw(t, "seed")})
		m := &model{blocks: shared.blocks, states: make([]state, blocks)}
		opts := testOptions()
		e, err := m.reopen(d, opts)
		check(t, err)
		since := make(map[int]bool) // put after mark
		mark := e.Position()
		some := rapid.SliceOfN(rapid.IntRange(0, blocks-1), 0, 12)
		restart := func(next *disk.Disk) {
			d = next
			e, err = m.reopen(d, opts)
			check(t, err)
			clear(since)
			mark = e.Position()
		}
		t.Repeat(map[string]func(*rapid.T){
			"put": func(t *rapid.T) {
				which := some.Draw(t, "blocks")
				check(t, m.put(e, which))
				for _, n := range which {
					since[n] = true
				}
			},
			"delete": func(t *rapid.T) {
				which := some.Draw(t, "blocks")
				check(t, m.remove(e, which))
				for _, n := range which {
					delete(since, n)
				}
			},
			"compact": func(t *rapid.T) {
				left := rapid.IntRange(0, 3).Draw(t, "segments")
				_, err := e.Compact(rapid.Float64Range(0, 1).Draw(t, "share"), func() bool {
					left--
					return left < 0
				})
				check(t, err)
			},
			"mark":  func(*rapid.T) { clear(since); mark = e.Position() },
			"close": func(t *rapid.T) { check(t, e.Close()); restart(d) },
			"kill":  func(*rapid.T) { restart(d.Clone()) },
			"power": func(*rapid.T) { restart(d.Restart()) },
			"": func(t *rapid.T) {
				check(t, m.check(e))
				for n, b := range m.blocks {
					if got := e.WrittenSince(b.CID, mark); got != since[n] {
						t.Fatalf("block %d: WrittenSince %v, want %v", n, got, since[n])
					}
				}
			},
		})
		check(t, e.Close())
	})
}

func check(t *rapid.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%v", err)
	}
}

// FuzzOpen replaces a part of a file of a sound store by other bytes: opening
// and reading must not panic, and never gives wrong bytes.
func FuzzOpen(f *testing.F) {
	d, m := disk.New(disk.Options{Seed: 1}), newModel(2, 14)
	e, err := blockstore.Open(d, smallOptions())
	if err == nil {
		err = errors.Join(m.put(e, upTo(9)), m.remove(e, []int{0, 1, 5}), m.put(e, []int{9, 10}))
	}
	if err != nil {
		f.Fatal(err)
	}
	names, err := d.List()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(uint8(0), uint16(0), []byte("NOISEBLK\xff\xff"))
	f.Add(uint8(1), uint16(100), []byte{})
	f.Add(uint8(2), uint16(32), bytes.Repeat([]byte{0}, 400))
	f.Add(uint8(3), uint16(40), []byte("MARK"))
	f.Fuzz(func(t *testing.T, which uint8, offset uint16, replacement []byte) {
		broken := d.Clone()
		overwrite(t, broken, names[int(which)%len(names)], int64(offset), replacement)
		e, err := blockstore.Open(broken, smallOptions())
		if err != nil {
			return
		}
		defer e.Close()
		_ = e.Check()
		for n, b := range m.blocks {
			got, err := e.Get(b.CID, nil, true)
			if err == nil && !bytes.Equal(got, b.Data) {
				t.Fatalf("block %d: wrong bytes", n)
			}
		}
		_, err = e.Compact(0, nil)
		if err != nil && !errors.Is(err, port.ErrBlockCorrupt) {
			t.Fatalf("Compact: %v", err)
		}
		if err := e.Put(m.pick([]int{11, 12})); err != nil {
			t.Fatalf("Put: %v", err)
		}
	})
}

// overwrite changes the middle of a file; nothing at all means that the file
// ends there.
func overwrite(t *testing.T, d *disk.Disk, name string, offset int64, replacement []byte) {
	t.Helper()
	f, err := d.Open(name)
	must(t, err)
	defer f.Close()
	size, err := f.Size()
	must(t, err)
	offset = min(offset, size)
	tail := make([]byte, max(0, size-offset-int64(len(replacement))))
	if len(tail) > 0 {
		_, err = f.ReadAt(tail, size-int64(len(tail)))
		must(t, err)
	}
	must(t, f.Truncate(offset))
	if len(replacement) > 0 {
		_, err = f.Append(replacement, tail)
		must(t, err)
	}
	must(t, f.Sync())
}
