package repo

import (
	"context"
	"errors"
	"testing"
	"time"
)

// On a machine that is so busy that the time to wait is over before the first
// look, a lock that is free is taken, and one that is not is not.
func TestLockThatIsFreeIsTaken(t *testing.T) {
	late, cancel := context.WithDeadline(t.Context(), time.Unix(0, 0))
	defer cancel()
	dir := t.TempDir()
	held, err := takeLock(late, dir, "a test", 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := takeLock(late, dir, "another", 0); !errors.Is(err, ErrLocked) {
		t.Errorf("got %v, want ErrLocked", err)
	}
	if err := held.release(); err != nil {
		t.Fatal(err)
	}
}
