package vault

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// DisableCoreDumps keeps the memory of this process, and so its keys, out of
// core files, and out of reach of other processes of the same user (ptrace,
// /proc/PID/mem). Call it first thing in main. It cannot be undone for the
// limit, and children inherit the limit but not the rest.
func DisableCoreDumps() error {
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}); err != nil {
		return fmt.Errorf("vault: core dumps off: setrlimit: %w", err)
	}
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("vault: core dumps off: prctl: %w", err)
	}
	return nil
}
