package vault

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"
)

// CommandTimeout is how long a passphrase command may take: long enough to
// unlock a password store by hand.
const CommandTimeout = 60 * time.Second

// PassphraseFromFile reads the first [PassphraseSizeMax] bytes of the file
// at path, which may be a pipe such as /dev/fd/3. One line ending at the end
// is not part of the passphrase. Empty or too long is [ErrPassphrase].
func PassphraseFromFile(path string) (Passphrase, error) {
	f, err := os.Open(path)
	if err != nil {
		return Passphrase{}, fmt.Errorf("%w: %w", ErrPassphrase, err)
	}
	passphrase, err := readPassphrase(f)
	return passphrase, errors.Join(err, f.Close())
}

// PassphraseFromCommand runs command with sh -c and takes what it prints, at
// most [PassphraseSizeMax] bytes beside one line ending. It inherits the
// environment but not standard input, which may be a file to store; what it
// says on standard error goes to stderr, which may be nil. It is killed after
// timeout, or when ctx ends.
//
// A command that fails, takes too long, or prints nothing or too much is
// [ErrPassphrase], and the error tells nothing of what it printed.
func PassphraseFromCommand(
	ctx context.Context, command string, timeout time.Duration, stderr io.Writer,
) (Passphrase, error) {
	limited, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	r, w, err := os.Pipe()
	if err != nil {
		return Passphrase{}, fmt.Errorf("%w: %w", ErrPassphrase, err)
	}
	defer func() { _ = r.Close() }()
	cmd := exec.CommandContext(limited, "sh", "-c", command)
	// The pipe is ours, so that the secret passes through no buffer of
	// os/exec that we could not wipe.
	cmd.Stdout, cmd.Stderr = w, stderr
	cmd.WaitDelay = time.Second // for a grandchild that keeps stderr open
	err = cmd.Start()
	_ = w.Close()
	if err != nil {
		return Passphrase{}, fmt.Errorf("%w: command: %w", ErrPassphrase, err)
	}
	// A grandchild that outlives sh may keep the pipe open: stop reading.
	stop := context.AfterFunc(limited, func() { _ = r.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()

	passphrase, err := readPassphrase(r)
	if err != nil {
		cancel() // it may be printing without end
	}
	waitErr := cmd.Wait()
	switch {
	case ctx.Err() != nil:
		err = fmt.Errorf("%w: %w", ErrPassphrase, ctx.Err())
	case errors.Is(limited.Err(), context.DeadlineExceeded):
		err = fmt.Errorf("%w: the command took longer than %v", ErrPassphrase, timeout)
	case err == nil && waitErr != nil:
		err = fmt.Errorf("%w: the command failed: %w", ErrPassphrase, waitErr)
	}
	if err != nil {
		passphrase.Wipe()
		return Passphrase{}, err
	}
	return passphrase, nil
}

// readPassphrase reads r to its end through one buffer, which becomes the
// passphrase, so that no stray copies are left in memory.
func readPassphrase(r io.Reader) (Passphrase, error) {
	buf := make([]byte, PassphraseSizeMax+len("\r\n")+1)
	n, err := io.ReadFull(r, buf)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		wipe(buf)
		return Passphrase{}, fmt.Errorf("%w: %w", ErrPassphrase, err)
	}
	return NewPassphrase(trimLine(buf[:n]))
}
