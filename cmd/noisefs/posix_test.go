package main

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/hanwen/go-fuse/v2/posixtest"
)

// posixLeft are the tests of go-fuse's suite that a drive does not pass, and why.
var posixLeft = map[string]string{
	"FcntlFlockLocksFile": "a kernel-local lock of flock(2) and one of fcntl(2) do not meet on ext4 either",
}

// TestMountPassesPosixTests runs the suite that go-fuse has for file systems.
func TestMountPassesPosixTests(t *testing.T) {
	dir := newMountPoint(t)
	mountWritable(t, newRepository(t), dir)
	for _, name := range slices.Sorted(maps.Keys(posixtest.All)) {
		t.Run(name, func(t *testing.T) {
			if why := posixLeft[name]; why != "" {
				t.Skip(why)
			}
			own := filepath.Join(dir, name)
			if err := os.Mkdir(own, 0o755); err != nil {
				t.Fatal(err)
			}
			posixtest.All[name](t, own)
		})
	}
}
