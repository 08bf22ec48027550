package vault

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"
)

// newTerminal returns the two ends of a pseudo terminal: what a person types
// is written to keyboard, what Prompt reads is tty.
func newTerminal(t *testing.T) (keyboard, tty *os.File) {
	t.Helper()
	keyboard, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("this system has no pseudo terminals: %v", err)
	}
	t.Cleanup(func() { _ = keyboard.Close() })
	fd := int(keyboard.Fd())
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Skipf("this system has no pseudo terminals: %v", err)
	}
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Skipf("this system has no pseudo terminals: %v", err)
	}
	tty, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("this system has no pseudo terminals: %v", err)
	}
	t.Cleanup(func() { _ = tty.Close() })
	return keyboard, tty
}

// typist answers each question with the next line.
type typist struct {
	t             *testing.T
	keyboard, tty *os.File
	lines         []string
	asked         bytes.Buffer
}

func (p *typist) Write(question []byte) (int, error) {
	p.asked.Write(question)
	if bytes.HasSuffix(question, []byte(": ")) && len(p.lines) > 0 {
		if echoes(p.t, p.tty) {
			p.t.Error("asked while the terminal still echoes")
		}
		_, err := p.keyboard.WriteString(p.lines[0] + "\n")
		p.lines = p.lines[1:]
		return len(question), err
	}
	return len(question), nil
}

func echoes(t *testing.T, tty *os.File) bool {
	t.Helper()
	state, err := unix.IoctlGetTermios(int(tty.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	return state.Lflag&unix.ECHO != 0
}

func TestPrompt(t *testing.T) {
	defer goleak.VerifyNone(t)
	keyboard, tty := newTerminal(t)
	person := &typist{t: t, keyboard: keyboard, tty: tty, lines: []string{"my secret ", ""}}
	ctx := context.Background()
	p, err := Prompt(ctx, tty, person, "Passphrase: ")
	if err != nil || string(p.Bytes()) != "my secret " {
		t.Errorf("got another passphrase, %v", err)
	}
	if got := person.asked.String(); got != "Passphrase: \n" {
		t.Errorf("asked %q", got)
	}
	if _, err := Prompt(ctx, tty, person, "Again: "); !errors.Is(err, ErrPassphrase) {
		t.Errorf("an empty line: got %v, want ErrPassphrase", err)
	}
	if !echoes(t, tty) {
		t.Error("the terminal was left without echo")
	}
}

func TestPromptNew(t *testing.T) {
	for _, test := range []struct {
		name  string
		lines []string
		want  error
	}{
		{"Same", []string{"one", "one"}, nil},
		{"Differ", []string{"one", "two"}, ErrMismatch},
		{"EmptyFirst", []string{"", "two"}, ErrPassphrase},
		{"EmptySecond", []string{"one", ""}, ErrPassphrase},
	} {
		t.Run(test.name, func(t *testing.T) {
			keyboard, tty := newTerminal(t)
			person := &typist{t: t, keyboard: keyboard, tty: tty, lines: test.lines}
			p, err := PromptNew(context.Background(), tty, person)
			if !errors.Is(err, test.want) || p.IsEmpty() != (test.want != nil) {
				t.Errorf("got %v, want %v", err, test.want)
			}
			if err == nil && string(p.Bytes()) != test.lines[0] {
				t.Error("got another passphrase")
			}
		})
	}
}

// cancelOnQuestion ends the context once the question is on the screen.
type cancelOnQuestion struct{ cancel func() }

func (c cancelOnQuestion) Write(p []byte) (int, error) {
	c.cancel()
	return len(p), nil
}

func TestPromptPutsTheTerminalRightWhenCanceled(t *testing.T) {
	_, tty := newTerminal(t)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	_, err := Prompt(ctx, tty, cancelOnQuestion{cancel}, "Passphrase: ")
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
	goleak.VerifyNone(t)
	if !echoes(t, tty) {
		t.Error("the terminal was left without echo")
	}
}

func TestPromptNeedsATerminal(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _, _ = r.Close(), w.Close() }()
	out := bufio.NewWriter(&bytes.Buffer{})
	if _, err := Prompt(context.Background(), r, out, "?"); !errors.Is(err, ErrPassphrase) {
		t.Errorf("got %v, want ErrPassphrase", err)
	}
	if out.Buffered() != 0 {
		t.Error("asked a question that nobody can answer")
	}
}
