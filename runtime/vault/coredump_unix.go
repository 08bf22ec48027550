//go:build unix && !linux

package vault

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// DisableCoreDumps keeps the memory of this process, and so its keys, out of
// core files. Call it first thing in main. It cannot be undone, and children
// inherit it.
func DisableCoreDumps() error {
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}); err != nil {
		return fmt.Errorf("vault: core dumps off: setrlimit: %w", err)
	}
	return nil
}
