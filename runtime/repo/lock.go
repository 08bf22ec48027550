package repo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/gofrs/flock"
)

// ErrLocked reports that another process has the repository open.
var ErrLocked = errors.New("repo: in use by another process")

const (
	lockName = "lock"
	// lockPoll is how often a waiting process tries again.
	lockPoll = 50 * time.Millisecond
)

// lock is held while a repository is open. The file stays behind: removing
// it would let two processes hold locks on two files of one name.
type lock struct{ file *flock.Flock }

// takeLock takes the repository's lock, waiting up to wait for whoever has
// it. who tells others, in words, what this process is. The error wraps
// ErrLocked and says who holds it.
func takeLock(ctx context.Context, dir, who string, wait time.Duration) (*lock, error) {
	path := filepath.Join(dir, lockName)
	file := flock.New(path, flock.SetPermissions(0o600))
	// However long it took to come here: a lock that is free is taken.
	taken, err := file.TryLock()
	if err == nil && !taken {
		ctx, cancel := context.WithTimeout(ctx, max(wait, lockPoll))
		defer cancel()
		taken, err = file.TryLockContext(ctx, lockPoll)
	}
	if err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return nil, fmt.Errorf("repo: lock: %w", err)
	}
	if !taken {
		return nil, fmt.Errorf("%w: %s", ErrLocked, lockHolder(path))
	}
	// Who holds it is a courtesy: a full or read-only disk, which can still
	// be read, must not prevent it.
	holder := strconv.Itoa(os.Getpid()) + " " + who + "\n"
	_ = os.WriteFile(path, []byte(holder), 0o600)
	return &lock{file}, nil
}

// lockHolder reads who wrote the lock file last.
func lockHolder(path string) string {
	text, err := os.ReadFile(path)
	pid, who, ok := strings.Cut(strings.TrimSpace(string(text)), " ")
	if err != nil || !ok {
		return "an unknown process"
	}
	return fmt.Sprintf("%s, process %s", who, pid)
}

func (l *lock) release() error {
	// An empty file says that nobody holds it, even before the lock is off.
	_ = os.Truncate(l.file.Path(), 0)
	return l.file.Close()
}
