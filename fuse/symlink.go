package fuse

import (
	"context"
	"syscall"
)

// symlink is a symbolic link. Its target cannot change.
type symlink struct{ entry }

// Readlink returns the target.
func (s *symlink) Readlink(context.Context) ([]byte, syscall.Errno) {
	return []byte(s.info.Target), 0
}
