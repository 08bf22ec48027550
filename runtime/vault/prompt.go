//go:build unix

package vault

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// promptPoll is how soon a prompt notices that its context ended.
const promptPoll = 100 * time.Millisecond

// Prompt asks for a passphrase on a terminal, without echo. The question,
// such as "Passphrase: ", and the line ending that was not echoed go to out.
// A file that is no terminal, or an empty line, is [ErrPassphrase].
//
// When ctx ends first, its error is returned, within 0.1 s. Callers end ctx
// on SIGINT and SIGTERM: a process that just dies here leaves the terminal
// without echo. In all other cases it is left as it was.
func Prompt(
	ctx context.Context, terminal *os.File, out io.Writer, question string,
) (passphrase Passphrase, err error) {
	fd := int(terminal.Fd())
	restore, err := echoOff(fd)
	if err != nil {
		return Passphrase{}, fmt.Errorf("%w: cannot ask: not a terminal", ErrPassphrase)
	}
	defer func() { err = errors.Join(err, restore()) }()
	// The question comes AFTER echo is off: who sees it may type.
	if _, err := io.WriteString(out, question); err != nil {
		return Passphrase{}, fmt.Errorf("%w: cannot ask: %w", ErrPassphrase, err)
	}
	line, err := readLine(ctx, fd)
	_, _ = io.WriteString(out, "\n")
	if err != nil {
		return Passphrase{}, fmt.Errorf("%w: %w", ErrPassphrase, err)
	}
	return NewPassphrase(line)
}

// PromptNew asks twice for a new passphrase. Different answers are
// [ErrMismatch]. The rest is as with [Prompt].
func PromptNew(ctx context.Context, terminal *os.File, out io.Writer) (Passphrase, error) {
	first, err := Prompt(ctx, terminal, out, "New passphrase: ")
	if err != nil {
		return Passphrase{}, err
	}
	second, err := Prompt(ctx, terminal, out, "The same again: ")
	defer second.Wipe()
	if err == nil && !first.Equal(second) {
		err = ErrMismatch
	}
	if err != nil {
		first.Wipe()
		return Passphrase{}, err
	}
	return first, nil
}

// echoOff makes the terminal keep what is typed to itself, in whole lines,
// with its editing and signal keys on. It returns how to undo that.
func echoOff(fd int) (restore func() error, err error) {
	before, err := unix.IoctlGetTermios(fd, termiosGet)
	if err != nil {
		return nil, err
	}
	quiet := *before
	quiet.Lflag &^= unix.ECHO
	quiet.Lflag |= unix.ICANON | unix.ISIG
	quiet.Iflag |= unix.ICRNL
	if err := unix.IoctlSetTermios(fd, termiosSet, &quiet); err != nil {
		return nil, err
	}
	return func() error {
		if err := unix.IoctlSetTermios(fd, termiosSet, before); err != nil {
			return fmt.Errorf("vault: restore terminal: %w", err)
		}
		return nil
	}, nil
}

// readLine reads one line of a terminal that gives whole lines, without its
// end. It polls, since a read under way could not be called off.
func readLine(ctx context.Context, fd int) ([]byte, error) {
	buf := make([]byte, PassphraseSizeMax+1)
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		ready, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}},
			int(promptPoll.Milliseconds()))
		if err == nil && ready > 0 {
			var n int
			if n, err = unix.Read(fd, buf); err == nil {
				return trimLine(buf[:n]), nil
			}
		}
		if err != nil && !errors.Is(err, unix.EINTR) && !errors.Is(err, unix.EAGAIN) {
			return nil, err
		}
	}
}
