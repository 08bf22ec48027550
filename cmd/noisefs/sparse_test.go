package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
)

// Files with holes anywhere, of any length, come back as they are, alone and
// in a tree.
func TestSparseFiles(t *testing.T) {
	newRepository(t)
	folder := t.TempDir()
	source := filepath.Join(folder, "source")
	if err := os.Mkdir(source, 0o755); err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(7, 7))
	for i := range 16 {
		makeIslands(t, rng, filepath.Join(source, fmt.Sprint(i)))
	}
	must(t, "", "put", "-r", source, "--to", "/tree")
	must(t, "", "get", "/tree", "-o", filepath.Join(folder, "tree"))
	args := []string{"put", "--to", "/files/"}
	for i := range 16 {
		args = append(args, filepath.Join(source, fmt.Sprint(i)))
	}
	must(t, "", args...)
	must(t, "", "get", "/files", "-o", filepath.Join(folder, "files"))
	for i := range 16 {
		want := read(t, filepath.Join(source, fmt.Sprint(i)))
		for _, copied := range []string{"tree", "files"} {
			if got := read(t, filepath.Join(folder, copied, fmt.Sprint(i))); got != want {
				t.Errorf("%s: file %d, of %d bytes, comes back as another of %d", copied, i, len(want),
					len(got))
			}
		}
	}
}

// makeIslands makes a file of holes with some data in between, which may
// begin or end it, and may be zeros.
func makeIslands(t *testing.T, rng *rand.Rand, name string) {
	t.Helper()
	file, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	size := rng.Int64N(3 << 20)
	if err := file.Truncate(size); err != nil {
		t.Fatal(err)
	}
	for range rng.IntN(5) {
		data := randomBytes(rng.Uint64(), rng.IntN(200_000))
		if rng.IntN(4) == 0 {
			clear(data)
		}
		at := rng.Int64N(size + 1)
		if rng.IntN(2) == 0 {
			at &^= 4095 // as programs write
		}
		if _, err := file.WriteAt(data, at); err != nil {
			t.Fatal(err)
		}
	}
}

// What is a hole is not read.
func TestHolesAreSkipped(t *testing.T) {
	name := filepath.Join(t.TempDir(), "file")
	if err := makeHoles(name, 16<<20); err != nil {
		t.Fatal(err)
	}
	file, err := openSteady(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	const unit = 128 << 10
	skipped, err := file.SkipHole(unit)
	if err != nil {
		t.Fatal(err)
	}
	if skipped == 0 {
		t.Skip("this file system does not tell where holes are")
	}
	if skipped != 1<<20 {
		t.Errorf("skipped %d bytes, want those before the island", skipped)
	}
	if again, err := file.SkipHole(unit); again != 0 || err != nil {
		t.Errorf("at the island: skipped %d bytes, %v", again, err)
	}
	island := make([]byte, unit)
	if n, err := file.Read(island); n != unit || err != nil || string(island[:9]) != "an island" {
		t.Errorf("read %d bytes, %v", n, err)
	}
	if rest, err := file.SkipHole(unit); rest != 16<<20-1<<20-unit || err != nil {
		t.Errorf("after the island: skipped %d bytes, %v", rest, err)
	}
	if n, err := file.Read(island); n != 0 || err == nil {
		t.Errorf("at the end: read %d bytes, %v", n, err)
	}
}
