package node

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/draft"
)

const (
	// editBytesMax bounds the bytes of all files being changed that are in
	// memory and in no block yet.
	editBytesMax = 32 << 20
	// editSealsMax is how many blocks of them are being sealed at one time on
	// one stream, less than the splitter takes.
	editSealsMax = 12
	// editStreamMax is how many blocks one stream gets before the next file
	// begins another: the splitter bounds how many of a stream nothing names.
	editStreamMax = 1 << 14
	// editSyncsMax is how many wait for one stream's blocks to be durable at one
	// time, less than the splitter takes.
	editSyncsMax = 8
)

// EditFile opens a file of the drive for writing. What
// is written is durable after Commit. pathNow tells the file's path at any later
// time, for those who watch it. The draft is to be closed before the node is.
func (l *Local) EditFile(
	ctx context.Context, claim messages.ClaimFile, pathNow func() string,
) (*draft.Draft, error) {
	claimed, err := ask[messages.FileClaimed](ctx, l, roleDrive,
		func(call messages.Call) messages.Command {
			claim.Call = call
			return claim
		})
	if err != nil {
		return nil, err
	}
	store := &editStore{local: l, row: claimed.Row, pathNow: pathNow}
	return draft.New(l.params, store, &l.edits.budget, claimed.Content, claimed.Info.ModTime), nil
}

// editStore is where the blocks and the content of one file go.
type editStore struct {
	local *Local
	row   uint64
	// pathNow is for those who watch.
	pathNow func() string
	// stream keeps from the collector what was sealed and is in no content.
	stream *editStream
}

var _ draft.Store = (*editStore)(nil)

// OpenContent implements [draft.Store].
func (s *editStore) OpenContent(
	ctx context.Context, content messages.Content,
) (draft.Reader, error) {
	return s.local.openContent(ctx, messages.Info{Size: content.Size}, content)
}

// Seal implements [draft.Store].
func (s *editStore) Seal(
	ctx context.Context, kind messages.BlockKind, level uint8, data []byte,
) (draft.Sealing, error) {
	if s.stream == nil {
		stream, err := s.local.edits.join(ctx, s.local)
		if err != nil {
			return nil, err
		}
		s.stream = stream
	}
	stream := s.stream
	if err := take(ctx, stream.seals); err != nil {
		return nil, err
	}
	sealing := &sealing{done: make(chan struct{})}
	err := s.local.send(ctx, roleSplitter, func(call messages.Call) messages.Command {
		return messages.SealBlock{
			Call: call, Stream: stream.id, Kind: kind, Level: level, Data: data,
		}
	}, func(reply messages.Reply) {
		<-stream.seals
		sealed, err := factOf[messages.BlockSealed](reply)
		sealing.ref, sealing.err = sealed.Ref, err
		stream.failed.CompareAndSwap(false, err != nil)
		close(sealing.done)
	})
	if err != nil {
		<-stream.seals
		return nil, err
	}
	s.local.edits.count(stream)
	return sealing, nil
}

// take waits for a place.
func take(ctx context.Context, places chan struct{}) error {
	select {
	case places <- struct{}{}:
		return nil
	case <-ctx.Done():
		return canceled(ctx)
	}
}

// sealing is a block that the splitter has.
type sealing struct {
	done chan struct{} // closed when the others are set
	ref  messages.BlockRef
	err  error
}

// Wait implements [draft.Sealing].
func (s *sealing) Wait(ctx context.Context) (messages.BlockRef, error) {
	select {
	case <-s.done:
		return s.ref, s.err
	case <-ctx.Done():
		return messages.BlockRef{}, canceled(ctx)
	}
}

// Sync implements [draft.Store].
func (s *editStore) Sync(ctx context.Context) error {
	if s.stream == nil {
		return nil
	}
	if err := take(ctx, s.stream.syncs); err != nil {
		return err
	}
	defer func() { <-s.stream.syncs }()
	_, err := ask[messages.StreamSynced](ctx, s.local, roleSplitter,
		func(call messages.Call) messages.Command {
			return messages.SyncStream{Call: call, Stream: s.stream.id}
		})
	s.stream.failed.CompareAndSwap(false, err != nil && ctx.Err() == nil)
	return err
}

// Unseal implements [draft.Store].
func (s *editStore) Unseal(
	ctx context.Context, ref messages.BlockRef, kind messages.BlockKind,
) ([]byte, error) {
	unsealed, err := ask[messages.BlockUnsealed](ctx, s.local, roleReader,
		func(call messages.Call) messages.Command {
			return messages.UnsealBlock{Call: call, Ref: ref, Kind: kind}
		})
	return unsealed.Data, err
}

// Commit implements [draft.Store]. It does not end with ctx: the stream must not be
// closed while the command is under way.
func (s *editStore) Commit(
	ctx context.Context, content messages.Content, modTime time.Time,
) error {
	_, err := askToChange[messages.NamespaceChanged](context.WithoutCancel(ctx), s.local,
		[]string{s.pathNow()}, func(call messages.Call) messages.Command {
			return messages.SetContent{
				Call: call, Row: s.row, Content: content, ModTime: modTime,
			}
		})
	return err
}

// Release implements [draft.Store].
func (s *editStore) Release() {
	if s.stream != nil {
		s.local.edits.leave(s.local, s.stream)
		s.stream = nil
	}
}

// edits is what the files being changed share: the memory for their bytes, and
// the stream of the splitter that their blocks go through. A stream is closed when
// no file has blocks on it any more that are in no content.
type edits struct {
	budget draft.Budget

	mu      sync.Mutex
	current *editStream // nil: the next file opens one
}

// editStream is a stream of the splitter.
type editStream struct {
	id    messages.StreamID
	seals chan struct{} // one taken for each block being sealed
	syncs chan struct{} // one for each SyncStream under way
	// failed: no more files may join. It is not guarded by the lock, which
	// whoever waits for a reply may hold.
	failed atomic.Bool

	files  int // that have blocks on it
	blocks int // so far
}

// join returns the stream that blocks of one more file go through.
func (e *edits) join(ctx context.Context, l *Local) (*editStream, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.current == nil || e.current.failed.Load() {
		opened, err := l.openStream(ctx, l.params.EntryChildrenMax())
		if err != nil {
			return nil, err
		}
		e.current = &editStream{
			id:    opened.id,
			seals: make(chan struct{}, editSealsMax),
			syncs: make(chan struct{}, editSyncsMax),
		}
	}
	e.current.files++
	return e.current, nil
}

// count notes a block. A stream that has had its share takes no more files.
func (e *edits) count(s *editStream) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if s.blocks++; s.blocks >= editStreamMax && e.current == s {
		e.current = nil
	}
}

// leave says that all blocks of a file on a stream are in its content, or of no
// use.
func (e *edits) leave(l *Local, s *editStream) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if s.files--; s.files > 0 {
		return
	}
	if e.current == s {
		e.current = nil
	}
	(&stream{local: l, id: s.id}).close()
}
