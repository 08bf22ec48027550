package splitter_test

import (
	"strings"
	"testing"

	"github.com/noisefs/noisefs/messages"
)

// A randomizer that rotted on the disk must not go into a tuple: the file
// could be read only as long as the rot stays as it is.
func TestRottenRandomizersFailTheStream(t *testing.T) {
	h := newHouse(t, newSettings(17))
	h.store(text(100_000))
	h.node.Crash() // nothing is left in memory
	if err := h.node.Boot(); err != nil {
		t.Fatal(err)
	}
	names, err := h.disk.List()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if !strings.HasSuffix(name, ".pack") {
			continue
		}
		file, err := h.disk.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		size, err := file.Size()
		if err != nil {
			t.Fatal(err)
		}
		if err := file.Close(); err != nil {
			t.Fatal(err)
		}
		every := int64(h.params.BlockSize / 2) // at least one byte of each block
		for at := every; at < size; at += every {
			if err := h.disk.Corrupt(name, at, 1); err != nil {
				t.Fatal(err)
			}
		}
	}
	w := h.open()
	w.write(text(100_000))
	failed, ok := w.finish().(messages.Failed)
	if !ok || failed.Err.Code != messages.CodeCorrupt {
		t.Errorf("a file over rotten randomizers: %T, %v; want CodeCorrupt", failed, failed.Err)
	}
	w.close()
	h.stop()
}
