package fuse

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/node"
)

func TestErrnoOf(t *testing.T) {
	for _, c := range []struct {
		err  error
		what asked
		want syscall.Errno
	}{
		{nil, aboutName, 0},
		{errors.New("any"), aboutName, syscall.EIO},
		{messages.Errorf(messages.CodeNotFound, "a name"), aboutName, syscall.ENOENT},
		{messages.Errorf(messages.CodeNotFound, "a block"), aboutContent, syscall.EIO},
		{messages.Errorf(messages.CodeUnavailable, ""), aboutName, syscall.EIO},
		{messages.Errorf(messages.CodeQuota, ""), aboutName, syscall.EDQUOT},
		{
			fmt.Errorf("wrapped: %w", messages.Errorf(messages.CodeNotEmpty, "")),
			aboutName, syscall.ENOTEMPTY,
		},
		{
			&messages.Error{Code: messages.CodeCanceled, Err: context.DeadlineExceeded},
			aboutContent, syscall.EIO,
		},
		{
			&messages.Error{Code: messages.CodeCanceled, Err: context.Canceled},
			aboutContent, syscall.EINTR,
		},
	} {
		if got := errnoOf(c.err, c.what); got != c.want {
			t.Errorf("%v: got %v, want %v", c.err, got, c.want)
		}
	}
}

// unreachable is a file whose blocks nobody sends.
type unreachable struct{ node.File }

func (unreachable) ReadAt(ctx context.Context, _ []byte, _ int64) (int, error) {
	<-ctx.Done()
	return 0, &messages.Error{Code: messages.CodeCanceled, Err: ctx.Err()}
}

func TestReadsEndAfterTheirTime(t *testing.T) {
	m := &Mount{options: Options{ReadTimeout: time.Millisecond}}
	h := &fileHandle{file: &file{entry: entry{mount: m}}, reader: unreachable{}}
	interrupted, cancel := context.WithCancel(t.Context())
	cancel() // an interrupted call goes on, and ends like any other
	if _, errno := h.Read(interrupted, make([]byte, 10), 0); errno != syscall.EIO {
		t.Errorf("got %v, want EIO", errno)
	}
}

func TestParseOptions(t *testing.T) {
	var got Options
	list := "ro,noexec,allow_other,read_timeout=90s,x-systemd.automount,nofail,,nodev"
	if err := got.Parse(list); err != nil {
		t.Fatal(err)
	}
	if !got.AllowOther || got.NonEmpty || got.ReadTimeout != 90*time.Second ||
		!slices.Equal(got.Flags, []string{"noexec", "nodev"}) {
		t.Errorf("got %+v", got)
	}
	for _, bad := range []string{"fd=3", "read_timeout=0s", "read_timeout", "user_id=0"} {
		if err := new(Options).Parse(bad); !errors.Is(err, ErrOption) {
			t.Errorf("%s: got %v, want ErrOption", bad, err)
		}
	}
}
