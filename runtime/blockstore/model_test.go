package blockstore_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/blockstore"
	"github.com/noisefs/noisefs/runtime/port"
	"github.com/noisefs/noisefs/runtime/port/porttest"
	"github.com/noisefs/noisefs/sim/disk"
)

// state is what is known of a block.
type state int

const (
	absent  state = iota // never put, or its deletion was acknowledged
	present              // its Put was acknowledged
	unknown              // a Put or Delete of it failed
)

// model is what a store must hold, by what it has acknowledged.
type model struct {
	blocks []messages.Block
	states []state
}

func newModel(seed uint64, n int) *model {
	return &model{
		blocks: porttest.RandomBlocks(seed, n, testBlockSize),
		states: make([]state, n),
	}
}

func (m *model) pick(which []int) []messages.Block {
	picked := make([]messages.Block, len(which))
	for i, n := range which {
		picked[i] = m.blocks[n]
	}
	return picked
}

// put puts blocks and notes the outcome. It returns the engine's error.
func (m *model) put(e port.BlockEngine, which []int) error {
	err := e.Put(m.pick(which))
	for _, n := range which {
		switch {
		case err == nil:
			m.states[n] = present
		case m.states[n] == absent:
			m.states[n] = unknown
		}
	}
	return err
}

// remove deletes blocks and notes the outcome.
func (m *model) remove(e port.BlockEngine, which []int) error {
	err := e.Delete(porttest.CIDsOf(m.pick(which)))
	for _, n := range which {
		switch {
		case err == nil:
			m.states[n] = absent
		case m.states[n] == present:
			m.states[n] = unknown
		}
	}
	return err
}

// check compares the store with the model. What was unknown becomes known:
// from then on the store must stand by what it said.
func (m *model) check(e port.BlockEngine) error {
	var there []messages.CID
	has := e.Has(porttest.CIDsOf(m.blocks))
	for n, b := range m.blocks {
		got, err := e.Get(b.CID, nil, true)
		if has[n] != (err == nil) || err != nil && !errors.Is(err, port.ErrBlockNotFound) {
			return fmt.Errorf("block %d: has %v, but Get says: %w", n, has[n], err)
		}
		switch {
		case m.states[n] == present && !has[n]:
			return fmt.Errorf("block %d was acknowledged and is lost", n)
		case m.states[n] == absent && has[n]:
			return fmt.Errorf("block %d was deleted and has come back", n)
		case err == nil && !bytes.Equal(got, b.Data):
			return fmt.Errorf("block %d has wrong bytes", n)
		}
		m.states[n] = absent
		if has[n] {
			m.states[n] = present
			there = append(there, b.CID)
		}
	}
	slices.SortFunc(there, messages.CID.Compare)
	listed, more := e.List(messages.CID{}, len(m.blocks)+1)
	if more || !slices.Equal(listed, there) {
		return fmt.Errorf("List: %d blocks, more %v, want %d", len(listed), more, len(there))
	}
	if usage := e.Usage(); usage.Blocks != int64(len(there)) {
		return fmt.Errorf("usage: %d blocks, want %d", usage.Blocks, len(there))
	}
	return nil
}

// diskBytes sums the sizes of all files.
func diskBytes(d port.Disk) (int64, error) {
	names, err := d.List()
	if err != nil {
		return 0, err
	}
	var total int64
	for _, name := range names {
		f, err := d.Open(name)
		if err != nil {
			return 0, err
		}
		size, err := f.Size()
		if err = errors.Join(err, f.Close()); err != nil {
			return 0, err
		}
		total += size
	}
	return total, nil
}

// reopen opens a store and checks it against the model, its own damage
// report, and the sizes of its files.
func (m *model) reopen(d *disk.Disk, opts blockstore.Options) (*blockstore.Engine, error) {
	e, err := blockstore.Open(d, opts)
	if err != nil {
		return nil, fmt.Errorf("open: %w", err)
	}
	if err := e.Check(); err != nil {
		return nil, fmt.Errorf("damage that is none: %w", err)
	}
	if err := m.check(e); err != nil {
		return nil, err
	}
	want, err := diskBytes(d)
	if err != nil {
		return nil, err
	}
	if got := e.Usage().DiskBytes; got != want {
		return nil, fmt.Errorf("usage: %d bytes on disk, want %d", got, want)
	}
	return e, nil
}
