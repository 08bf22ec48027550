//go:build darwin || dragonfly || freebsd || netbsd || openbsd

package vault

import "golang.org/x/sys/unix"

// The ioctl requests to get and set how a terminal behaves.
const (
	termiosGet = unix.TIOCGETA
	termiosSet = unix.TIOCSETA
)
