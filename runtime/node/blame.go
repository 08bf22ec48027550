package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path"
	"strconv"

	"github.com/noisefs/noisefs/messages"
)

// A collection stops when a part of what is named or kept cannot be read,
// since nobody knows what lies below. The collector knows the block, not whom
// it belongs to; who asked for the collection is told that.

var (
	_ error          = (*blamed)(nil)
	_ slog.LogValuer = (*blamed)(nil)
)

// blamed is why a collection stopped, and what is to blame. Its text has a
// name of the user: it is for who asked, and a log gets the cause alone.
type blamed struct {
	cause error
	what  string
}

// Error implements error.
func (b *blamed) Error() string { return b.cause.Error() + "; " + b.what }

// Unwrap returns the cause.
func (b *blamed) Unwrap() error { return b.cause }

// LogValue implements [slog.LogValuer].
func (b *blamed) LogValue() slog.Value { return slog.StringValue(b.cause.Error()) }

// blame finds which name or link a collection stopped at. It walks the drive
// once for each level down to it, so it takes a while on a large one. When
// nothing is found, it returns the cause as it is.
func (l *Local) blame(ctx context.Context, cause error) error {
	if !errors.Is(cause, &messages.Error{Code: messages.CodeCorrupt}) {
		return cause
	}
	if what := l.culprit(ctx); what != "" {
		return &blamed{cause, what}
	}
	return cause
}

// culprit says in words what cannot be read, and what to do; "" when nothing
// is found, or the search fails.
func (l *Local) culprit(ctx context.Context) string {
	drive, err := l.beginInspection(ctx, "/")
	if err == nil {
		defer drive.end()
		var broken bool
		if broken, err = drive.isBroken(ctx, nil); err == nil && !broken {
			return l.culpritLink(ctx, drive)
		}
	}
	info, found := l.brokenBelow(ctx, messages.Info{Type: messages.TypeDirectory}, "/")
	if !found {
		return ""
	}
	remove := "noisefs rm"
	if info.Type == messages.TypeDirectory {
		remove = "noisefs rm -r"
	}
	return fmt.Sprintf("to blame is %s: remove it with '%s PATH' if its blocks are lost",
		strconv.Quote(info.Name), remove)
}

// brokenBelow finds the deepest thing at or below a path that cannot be read.
// Its Name is the whole path.
func (l *Local) brokenBelow(
	ctx context.Context, info messages.Info, at string,
) (messages.Info, bool) {
	info.Name = at
	broken := false
	inspection, err := l.beginInspection(ctx, at)
	if err == nil {
		broken, err = inspection.isBroken(ctx, nil)
		inspection.end()
	}
	// Too much for one walk is looked through part by part.
	tooMuch := errors.Is(err, errOverload)
	if !tooMuch && (err != nil || !broken) || ctx.Err() != nil {
		return info, false
	}
	if info.Type != messages.TypeDirectory {
		return info, broken
	}
	after := ""
	for {
		page, more, err := l.List(ctx, messages.Target{Path: at}, after, treePage)
		if err != nil {
			return info, broken
		}
		for _, entry := range page {
			if found, ok := l.brokenBelow(ctx, entry, path.Join(at, entry.Name)); ok {
				return found, true
			}
			after = entry.Name
		}
		if !more || len(page) == 0 {
			return info, broken
		}
	}
}

// culpritLink finds the link that is kept and cannot be read. The drive was
// walked and is not to blame.
func (l *Local) culpritLink(ctx context.Context, drive *inspection) string {
	what := ""
	errFound := errors.New("found")
	_ = l.Shares(ctx, func(share messages.SharedLink) error {
		root := messages.NeededRef{Ref: share.Link.Root, Kind: messages.KindNode}
		broken, err := drive.isBroken(ctx, []messages.NeededRef{root})
		if err != nil || !broken {
			return err
		}
		of := "that is kept and has no path"
		switch {
		case share.Path != "":
			of = "shared of " + strconv.Quote(share.Path)
		case share.Name != "":
			of = "of " + strconv.Quote(share.Name) + ", stored without a path,"
		}
		what = fmt.Sprintf("to blame is the link %s ('noisefs share --list' shows it): "+
			"end it with 'noisefs unshare LINK' if its blocks are lost", of)
		return errFound
	})
	return what
}

// inspection is a walk that looks for what cannot be read.
type inspection struct {
	local *Local
	walk  messages.WalkID
}

// beginInspection begins a walk of one path. The caller ends it.
func (l *Local) beginInspection(ctx context.Context, at string) (*inspection, error) {
	begun, err := ask[messages.WalkBegun](ctx, l, roleDrive,
		func(call messages.Call) messages.Command {
			return messages.BeginWalk{Call: call, Only: at}
		})
	return &inspection{l, begun.Walk}, err
}

// isBroken goes on to the end of the walk, also below more roots.
func (i *inspection) isBroken(
	ctx context.Context, also []messages.NeededRef,
) (bool, error) {
	broken := false
	for {
		walked, err := ask[messages.WalkContinued](ctx, i.local, roleDrive,
			func(call messages.Call) messages.Command {
				return messages.ContinueWalk{Call: call, Walk: i.walk, Also: also}
			})
		if err != nil {
			return false, err
		}
		broken = broken || len(walked.Broken) > 0
		if walked.Done {
			return broken, nil
		}
		also = nil
	}
}

func (i *inspection) end() {
	i.local.tidy(roleDrive, func(call messages.Call) messages.Command {
		return messages.EndWalk{Call: call, Walk: i.walk}
	})
}
