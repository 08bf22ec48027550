package blockstore_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/noisefs/noisefs/runtime/blockstore"
	"github.com/noisefs/noisefs/runtime/port"
	"github.com/noisefs/noisefs/runtime/port/porttest"
	"github.com/noisefs/noisefs/sim/disk"
)

// smallStore makes a store with living, deleted and moved blocks in several
// segments, closed or as a killed process leaves it.
func smallStore(t *testing.T, closed bool) (*disk.Disk, *model) {
	t.Helper()
	opts := smallOptions()
	d, m := disk.New(disk.Options{Seed: 1}), newModel(2, 14)
	e, err := blockstore.Open(d, opts)
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []func() error{
		func() error { return m.put(e, []int{0, 1, 2, 3}) },
		func() error { return m.put(e, []int{4, 5, 6}) },
		func() error { return m.remove(e, []int{0, 1}) },
		func() error { _, err := e.Compact(0.5, nil); return err },
		func() error { return m.put(e, []int{7, 8, 9}) },
		func() error { return m.remove(e, []int{5, 8}) },
		func() error { return m.put(e, []int{10}) },
	} {
		if err := step(); err != nil {
			t.Fatal(err)
		}
	}
	if closed {
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return d, m
}

// smallOptions are those of smallStore: blocks and segments as small as they
// can be, so that a test can change every byte.
func smallOptions() blockstore.Options {
	return blockstore.Options{
		BlockSize: testBlockSize, SegmentBytes: 64 + 4*(64+testBlockSize), Reserve: -1,
	}
}

// TestFlippedByteIsFound changes each byte of each file in turn, by several
// masks, and demands that the store then either is as good as before or
// tells what is wrong: never wrong bytes, never a block that is silently
// lost or silently back.
func TestFlippedByteIsFound(t *testing.T) {
	for _, closed := range []bool{true, false} {
		t.Run(fmt.Sprintf("Closed=%v", closed), func(t *testing.T) {
			d, m := smallStore(t, closed)
			names, err := d.List()
			if err != nil {
				t.Fatal(err)
			}
			outcomes := make(map[string]int)
			for _, name := range names {
				for offset := int64(0); ; offset++ {
					flipped := d.Clone()
					mask := byte(1) << (offset % 8)
					if offset%5 == 0 {
						mask = 0xff
					}
					if flipped.Corrupt(name, offset, mask) != nil {
						break // the end of the file
					}
					outcome, err := judge(flipped, m, name)
					if err != nil {
						t.Fatalf("%s, byte %d, mask %#02x: %v", name, offset, mask, err)
					}
					outcomes[outcome]++
				}
			}
			t.Logf("outcomes: %v", outcomes)
			for _, want := range []string{"harmless", "corrupt block", "damage"} {
				if outcomes[want] == 0 {
					t.Errorf("no flip was %q: the test does not look", want)
				}
			}
		})
	}
}

// judge opens a store in which a byte of the named file was changed.
func judge(d *disk.Disk, m *model, name string) (string, error) {
	e, err := blockstore.Open(d, smallOptions())
	if err != nil {
		if !strings.Contains(err.Error(), name) {
			return "", fmt.Errorf("the error names no file: %w", err)
		}
		return "cannot open", nil
	}
	defer e.Close()
	damage := e.Check()
	if damage != nil && !strings.Contains(damage.Error(), name+" offset ") {
		return "", fmt.Errorf("the damage report names no place: %w", damage)
	}
	outcome := "harmless"
	if damage != nil {
		outcome = "damage"
	}
	has := e.Has(porttest.CIDsOf(m.blocks))
	for n, b := range m.blocks {
		got, err := e.Get(b.CID, nil, true)
		switch {
		case err == nil && !bytes.Equal(got, b.Data):
			return "", fmt.Errorf("block %d: wrong bytes", n)
		case has[n] == (m.states[n] == present) && (err == nil) == has[n]:
		case errors.Is(err, port.ErrBlockCorrupt):
			place := name + " offset "
			if !strings.Contains(err.Error(), place) || !strings.Contains(err.Error(), b.CID.String()) {
				return "", fmt.Errorf("the error names no place or block: %w", err)
			}
			outcome = "corrupt block"
		case damage == nil:
			return "", fmt.Errorf("block %d: has %v, error %v, and no damage is reported",
				n, has[n], err)
		}
	}
	return outcome, nil
}

// TestTruncatedFileIsFound cuts each file of a closed store to each length.
func TestTruncatedFileIsFound(t *testing.T) {
	d, m := smallStore(t, true)
	names, err := d.List()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, ".dead") || strings.HasSuffix(name, ".index") {
			continue // shorter logs are what a power cut leaves
		}
		for size := int64(0); ; size++ {
			cut := d.Clone()
			f, err := cut.Open(name)
			if err != nil {
				t.Fatal(err)
			}
			whole, err := f.Size()
			if err != nil {
				t.Fatal(err)
			}
			if size == whole {
				break
			}
			if err := errors.Join(f.Truncate(size), f.Sync(), f.Close()); err != nil {
				t.Fatal(err)
			}
			if _, err := judge(cut, m, name); err != nil {
				t.Fatalf("%s cut to %d bytes: %v", name, size, err)
			}
		}
	}
}

// TestShortenedIndexFileIsHarmless cuts the index files to each length: they
// are proof and not data.
func TestShortenedIndexFileIsHarmless(t *testing.T) {
	d, m := smallStore(t, true)
	for _, name := range []string{"0000000002.index", "0000000003.index"} {
		for size := int64(0); ; size++ {
			cut, again := d.Clone(), *m
			again.states = append([]state(nil), m.states...)
			f, err := cut.Open(name)
			if err != nil {
				t.Fatal(err)
			}
			if whole, err := f.Size(); err != nil || size > whole {
				break
			}
			if err := errors.Join(f.Truncate(size), f.Close()); err != nil {
				t.Fatal(err)
			}
			if _, err := again.reopen(cut, smallOptions()); err != nil {
				t.Fatalf("%s cut to %d bytes: %v", name, size, err)
			}
		}
	}
}

// TestSwappedPacksAreFound gives two packs each other's names.
func TestSwappedPacksAreFound(t *testing.T) {
	d, m := smallStore(t, true)
	if err := errors.Join(d.Rename("0000000002.pack", "swap"),
		d.Rename("0000000003.pack", "0000000002.pack"),
		d.Rename("swap", "0000000003.pack")); err != nil {
		t.Fatal(err)
	}
	e, err := blockstore.Open(d, smallOptions())
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	found := 0
	for n, b := range m.blocks {
		got, err := e.Get(b.CID, nil, true)
		if err == nil && !bytes.Equal(got, b.Data) {
			t.Fatalf("block %d: wrong bytes", n)
		}
		if errors.Is(err, port.ErrBlockCorrupt) {
			found++
		}
	}
	if found == 0 && e.Check() == nil {
		t.Error("swapped packs are not noticed")
	}
}
