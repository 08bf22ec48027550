package scenario

import (
	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/shell"
)

// At is the target of a path of the drive.
func At(path string) messages.Target { return messages.Target{Path: path} }

// Below is the target of a path below a link.
func Below(link messages.Link, path string) messages.Target {
	return messages.Target{Link: &link, Path: path}
}

func (s *Session) change(build shell.Make) *messages.Error {
	_, err := ask[messages.NamespaceChanged](s, roleDrive, build)
	return err
}

// MakeDirectory makes a directory.
func (s *Session) MakeDirectory(path string, parents bool) *messages.Error {
	return s.change(func(call messages.Call) messages.Command {
		return messages.MakeDirectory{Call: call, Path: path, Parents: parents}
	})
}

// Rename moves what is at a path.
func (s *Session) Rename(from, to string, replace bool) *messages.Error {
	return s.change(func(call messages.Call) messages.Command {
		return messages.Rename{Call: call, From: from, To: to, Replace: replace}
	})
}

// Remove removes a name.
func (s *Session) Remove(path string, recursive bool) *messages.Error {
	return s.change(func(call messages.Call) messages.Command {
		return messages.Remove{Call: call, Path: path, Recursive: recursive}
	})
}

// Share makes a link to what is at a path.
func (s *Session) Share(path string) (messages.Link, *messages.Error) {
	shared, err := ask[messages.Shared](s, roleDrive, func(call messages.Call) messages.Command {
		return messages.Share{Call: call, Path: path}
	})
	return shared.Link, err
}

// Unshare ends the keeping of a link.
func (s *Session) Unshare(link messages.Link) *messages.Error {
	return s.change(func(call messages.Call) messages.Command {
		return messages.Unshare{Call: call, Link: link}
	})
}

// Import gives a link a name.
func (s *Session) Import(link messages.Link, path string) *messages.Error {
	return s.change(func(call messages.Call) messages.Command {
		return messages.Import{Call: call, Link: link, Path: path}
	})
}

// sharesPage is how many links are listed at once.
const sharesPage = 7

// Shares lists the links that are kept.
func (s *Session) Shares() ([]messages.SharedLink, *messages.Error) {
	var all []messages.SharedLink
	var after []byte
	for {
		listed, err := ask[messages.SharesListed](s, roleDrive,
			func(call messages.Call) messages.Command {
				return messages.ListShares{Call: call, After: after, Limit: sharesPage}
			})
		if err != nil {
			return nil, err
		}
		all = append(all, listed.Shares...)
		if after = listed.Next; after == nil {
			return all, nil
		}
	}
}

// Stat describes a target.
func (s *Session) Stat(target messages.Target) (messages.Statted, *messages.Error) {
	return ask[messages.Statted](s, roleDrive, func(call messages.Call) messages.Command {
		return messages.Stat{Call: call, Target: target}
	})
}

// List lists a whole directory, page entries at a time.
func (s *Session) List(target messages.Target, page int) ([]messages.Info, *messages.Error) {
	var all []messages.Info
	after := ""
	for {
		listed, err := ask[messages.Listed](s, roleDrive,
			func(call messages.Call) messages.Command {
				return messages.List{Call: call, Target: target, After: after, Limit: page}
			})
		if err != nil {
			return nil, err
		}
		if len(listed.Entries) > page || listed.More && len(listed.Entries) == 0 {
			s.Broken("a page of %d entries, limit %d", len(listed.Entries), page)
		}
		for _, entry := range listed.Entries {
			if entry.Name <= after {
				s.Broken("names are listed out of order")
			}
			after = entry.Name
		}
		all = append(all, listed.Entries...)
		if !listed.More {
			return all, nil
		}
	}
}

// Read reads length bytes from offset of content that Stat described.
func (s *Session) Read(
	content messages.Content, offset, length int,
) ([]byte, *messages.Error) {
	opened, err := ask[messages.ContentOpened](s, roleReader,
		func(call messages.Call) messages.Command {
			return messages.OpenContent{Call: call, Content: content}
		})
	if err != nil {
		return nil, err
	}
	read, err := ask[messages.RangeRead](s, roleReader,
		func(call messages.Call) messages.Command {
			return messages.ReadRange{
				Call: call, Handle: opened.Handle, Offset: uint64(offset), Length: length,
			}
		})
	s.Send(roleReader, func(call messages.Call) messages.Command {
		return messages.CloseContent{Call: call, Handle: opened.Handle}
	})
	if err != nil {
		return nil, err
	}
	all := []byte{}
	for _, part := range read.Parts {
		if part.Data == nil {
			all = append(all, make([]byte, part.Zeros)...)
		}
		all = append(all, part.Data...)
	}
	return all, nil
}

// Collect frees what nothing needs.
func (s *Session) Collect() (messages.Collected, *messages.Error) {
	return ask[messages.Collected](s, roleStore, func(call messages.Call) messages.Command {
		return messages.Collect{Call: call}
	})
}

// Verify checks everything.
func (s *Session) Verify() (messages.StoreVerified, *messages.Error) {
	return ask[messages.StoreVerified](s, roleStore, func(call messages.Call) messages.Command {
		return messages.VerifyStore{Call: call}
	})
}

// Needed walks everything that is named or kept, and returns the blocks.
func (s *Session) Needed() (map[messages.CID]bool, *messages.Error) {
	begun, err := ask[messages.WalkBegun](s, roleDrive,
		func(call messages.Call) messages.Command { return messages.BeginWalk{Call: call} })
	if err != nil {
		return nil, err
	}
	needed := make(map[messages.CID]bool)
	for done := false; !done; {
		batch, err := ask[messages.WalkContinued](s, roleDrive,
			func(call messages.Call) messages.Command {
				return messages.ContinueWalk{Call: call, Walk: begun.Walk}
			})
		if err != nil {
			return nil, err
		}
		if len(batch.Broken) > 0 {
			s.Broken("a walk found: %s", batch.Broken[0].Reason)
		}
		for _, r := range batch.Refs {
			for _, cid := range r.Ref.Tuple() {
				needed[cid] = true
			}
		}
		done = batch.Done
	}
	_, err = s.Ask(roleDrive, func(call messages.Call) messages.Command {
		return messages.EndWalk{Call: call, Walk: begun.Walk}
	})
	return needed, err
}
