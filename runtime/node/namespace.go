package node

import (
	"context"

	"github.com/noisefs/noisefs/messages"
)

func (l *Local) stat(ctx context.Context, m messages.Stat) (messages.Statted, error) {
	return ask[messages.Statted](ctx, l, roleDrive, func(call messages.Call) messages.Command {
		m.Call = call
		return m
	})
}

// Stat implements [Client].
func (l *Local) Stat(ctx context.Context, target messages.Target) (messages.Info, error) {
	statted, err := l.stat(ctx, messages.Stat{Target: target, InfoOnly: true})
	return statted.Info, err
}

// List implements [Client].
func (l *Local) List(
	ctx context.Context, target messages.Target, after string, limit int,
) ([]messages.Info, bool, error) {
	listed, err := ask[messages.Listed](ctx, l, roleDrive,
		func(call messages.Call) messages.Command {
			return messages.List{
				Call: call, Target: target, After: after, Limit: min(limit, messages.ListMax),
			}
		})
	return listed.Entries, listed.More, err
}

// change sends a command that changes what is at paths.
func (l *Local) change(
	ctx context.Context, make func(messages.Call) messages.Command, paths ...string,
) error {
	_, err := askToChange[messages.NamespaceChanged](ctx, l, paths, make)
	return err
}

// MakeDirectory implements [Client].
func (l *Local) MakeDirectory(ctx context.Context, path string, parents bool) error {
	return l.change(ctx, func(call messages.Call) messages.Command {
		return messages.MakeDirectory{Call: call, Path: path, Parents: parents}
	}, path)
}

// MakeEntry makes an empty file, a directory or a symlink.
func (l *Local) MakeEntry(ctx context.Context, m messages.MakeEntry) error {
	return l.change(ctx, func(call messages.Call) messages.Command {
		m.Call = call
		return m
	}, m.Path)
}

// SetAttributes changes attributes of the entry of a number.
func (l *Local) SetAttributes(ctx context.Context, m messages.SetAttributes) error {
	return l.change(ctx, func(call messages.Call) messages.Command {
		m.Call = call
		return m
	}, m.Path)
}

// RemoveOpen removes a name of a file that the caller has open. When it was the last
// one, the file is kept under the row that is returned, until ReleaseFile.
func (l *Local) RemoveOpen(ctx context.Context, path string) (row uint64, err error) {
	changed, err := askToChange[messages.NamespaceChanged](ctx, l, []string{path},
		func(call messages.Call) messages.Command {
			return messages.Remove{Call: call, Path: path, KeepOpen: true}
		})
	return changed.Kept, err
}

// RenameOverOpen is Rename over a file that the caller has open; see RemoveOpen.
func (l *Local) RenameOverOpen(ctx context.Context, from, to string) (row uint64, err error) {
	changed, err := askToChange[messages.NamespaceChanged](ctx, l, []string{from, to},
		func(call messages.Call) messages.Command {
			return messages.Rename{
				Call: call, From: from, To: to, Replace: true, KeepOpen: true,
			}
		})
	return changed.Kept, err
}

// ReleaseFile lets go of a file that was kept without a name.
func (l *Local) ReleaseFile(row uint64) {
	l.tidy(roleDrive, func(call messages.Call) messages.Command {
		return messages.ReleaseFile{Call: call, Row: row}
	})
}

// StatOpen describes a file that is kept without a name.
func (l *Local) StatOpen(ctx context.Context, row uint64) (messages.Info, error) {
	claimed, err := ask[messages.FileClaimed](ctx, l, roleDrive,
		func(call messages.Call) messages.Command {
			return messages.ClaimFile{Call: call, Row: row}
		})
	return claimed.Info, err
}

// Xattrs returns the extended attributes of an entry.
func (l *Local) Xattrs(ctx context.Context, m messages.ReadXattrs) ([]messages.Xattr, error) {
	read, err := ask[messages.XattrsRead](ctx, l, roleDrive,
		func(call messages.Call) messages.Command {
			m.Call = call
			return m
		})
	return read.Xattrs, err
}

// SetXattr sets or removes an extended attribute.
func (l *Local) SetXattr(ctx context.Context, m messages.SetXattr) error {
	return l.change(ctx, func(call messages.Call) messages.Command {
		m.Call = call
		return m
	}, m.Path)
}

// HardLink gives a file one more name.
func (l *Local) HardLink(ctx context.Context, m messages.HardLink) error {
	return l.change(ctx, func(call messages.Call) messages.Command {
		m.Call = call
		return m
	}, m.Path, m.To)
}

// Exchange lets what is at two paths change places.
func (l *Local) Exchange(ctx context.Context, from, to string) error {
	return l.change(ctx, func(call messages.Call) messages.Command {
		return messages.Rename{Call: call, From: from, To: to, Exchange: true}
	}, from, to)
}

// Rename implements [Client].
func (l *Local) Rename(ctx context.Context, from, to string, replace bool) error {
	return l.change(ctx, func(call messages.Call) messages.Command {
		return messages.Rename{Call: call, From: from, To: to, Replace: replace}
	}, from, to)
}

// Remove implements [Client].
func (l *Local) Remove(ctx context.Context, path string, recursive bool) error {
	return l.change(ctx, func(call messages.Call) messages.Command {
		return messages.Remove{Call: call, Path: path, Recursive: recursive}
	}, path)
}

// Share implements [Client].
func (l *Local) Share(ctx context.Context, path string) (messages.Link, error) {
	shared, err := ask[messages.Shared](ctx, l, roleDrive,
		func(call messages.Call) messages.Command {
			return messages.Share{Call: call, Path: path}
		})
	return shared.Link, err
}

// Shares implements [Client].
func (l *Local) Shares(ctx context.Context, each func(messages.SharedLink) error) error {
	var after []byte
	for {
		listed, err := ask[messages.SharesListed](ctx, l, roleDrive,
			func(call messages.Call) messages.Command {
				return messages.ListShares{Call: call, After: after, Limit: messages.ListMax}
			})
		if err != nil {
			return err
		}
		for _, share := range listed.Shares {
			if err := each(share); err != nil {
				return err
			}
		}
		if after = listed.Next; after == nil {
			return nil
		}
	}
}

// Unshare implements [Client].
func (l *Local) Unshare(ctx context.Context, link messages.Link) error {
	return l.change(ctx, func(call messages.Call) messages.Command {
		return messages.Unshare{Call: call, Link: link}
	})
}

// Import implements [Client].
func (l *Local) Import(ctx context.Context, link messages.Link, path string) error {
	return l.change(ctx, func(call messages.Call) messages.Command {
		return messages.Import{Call: call, Link: link, Path: path}
	}, path)
}
