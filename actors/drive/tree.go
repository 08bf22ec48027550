package drive

import (
	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/format"
)

// tree builds a directory tree from entries told depth first. It is pure: it
// says what is to be sealed, and is told what came of it.
//
// Entries whose refs are not known yet wait in a queue of steps, which are
// done strictly in order; so the builders of directories see names in order,
// and at most one leaf per open directory is in memory.
type tree struct {
	p   format.Params
	cfg *Config

	input  []string // the last name told in each open directory
	steps  []step   // not done yet, in order
	frames []*frame // the directories that steps have entered
	pack   packer

	files    map[uint64]*smallFile // begun and not sealed yet
	jobs     map[uint64]sealDone   // seals under way
	lastJob  uint64
	finished bool
	root     *messages.BlockRef
}

// sealDone takes the ref of a sealed block, and may want more sealed.
type sealDone func(ref messages.BlockRef, work *treeWork) error

// stepKind is what a step does.
type stepKind uint8

const (
	stepAdd stepKind = iota + 1
	stepEnter
	stepLeave
	stepFinish
)

// step is one command, waiting.
type step struct {
	kind  stepKind
	entry messages.Entry // stepEnter and stepFinish: name and attributes
	small *smallFile     // the entry's content comes from a pack
	lift  *sealing       // the entry's content moves to a block of its own,

	// lifted is the content then, but for the ref. Until then the entry
	// keeps its children, so that a walk that begins meanwhile finds them.
	lifted messages.Content
}

// frame is a directory whose entries are being added.
type frame struct {
	messages.Entry // its name and attributes
	builder        *format.DirectoryBuilder
	leaving        bool

	// What the builder holds: a walk must find it.
	leaf  []messages.Entry            // of the leaf being filled
	nodes map[uint64][]messages.Entry // leaves being sealed, by pending id
	held  []messages.BlockRef         // sealed nodes without a sealed parent
}

// treeWork is what a tree wants done.
type treeWork struct {
	packs []packWork
	seals []sealWork
}

// packWork asks for a small file to be sealed under a fresh key.
type packWork struct {
	file      uint64
	plaintext []byte
}

// sealWork asks the splitter for a block.
type sealWork struct {
	job   uint64
	kind  messages.BlockKind
	level uint8
	data  []byte // capacity: a block; passes to the splitter
}

func newTree(p format.Params, cfg *Config) *tree {
	return &tree{
		p: p, cfg: cfg,
		input:  []string{""},
		frames: []*frame{newFrame(p, messages.Entry{})},
		pack:   newPacker(p.BlockSize),
		files:  make(map[uint64]*smallFile),
		jobs:   make(map[uint64]sealDone),
	}
}

func newFrame(p format.Params, entry messages.Entry) *frame {
	return &frame{
		Entry:   entry,
		builder: format.NewDirectoryBuilder(p),
		nodes:   make(map[uint64][]messages.Entry),
	}
}

// isFull reports whether the next command should wait: memory is bounded by
// what may be under way.
func (t *tree) isFull() bool {
	return len(t.steps) >= t.cfg.PendingEntriesMax || t.pack.jobs() >= t.cfg.PackJobsMax ||
		len(t.jobs) >= t.cfg.SealsMax
}

// accept checks the name of the next entry of the current directory.
func (t *tree) accept(name string) *messages.Error {
	if t.finished {
		return messages.Errorf(messages.CodeInvalid, "the tree is finished")
	}
	if err := format.CheckName(name); err != nil {
		return invalid(err)
	}
	last := &t.input[len(t.input)-1]
	if name <= *last {
		return messages.Errorf(messages.CodeInvalid, "names are not in ascending order")
	}
	*last = name
	return nil
}

// add adds a file, a symlink, or a directory as it was stored before.
func (t *tree) add(entry messages.Entry) (treeWork, error) {
	var work treeWork
	if err := t.accept(entry.Name); err != nil {
		return work, err
	}
	s := step{kind: stepAdd, entry: entry}
	if entry.Type == messages.TypeFile {
		if err := t.addContent(&s, &work); err != nil {
			return work, err
		}
	}
	return t.push(s, work)
}

// addContent decides where a file's bytes go. In an entry, larger content
// than a few bytes or refs has no room, and moves to a block.
func (t *tree) addContent(s *step, work *treeWork) error {
	c := &s.entry.Content
	if len(c.Inline) > 0 && c.Size == 0 {
		c.Size = uint64(len(c.Inline))
	}
	switch {
	case uint64(len(c.Inline)) != c.Size && len(c.Inline) > 0, len(c.Inline) > t.p.InlineMax(),
		len(c.Children) > t.p.Fanout():
		return messages.Errorf(messages.CodeInvalid, "content that is too large or of another size")
	case len(c.Inline) > t.p.PackMax():
		s.lift, s.lifted = new(sealing), messages.Content{Size: c.Size}
		data := append(make([]byte, 0, t.p.BlockSize), c.Inline...)
		t.seal(work, messages.KindChunk, 0, data, s.lift.set)
		c.Inline = nil
	case len(c.Inline) > t.p.EntryInlineMax():
		s.small = &smallFile{size: c.Size}
		file := t.pack.begin()
		t.files[file] = s.small
		work.packs = append(work.packs, packWork{file, c.Inline})
		c.Inline = nil
	case len(c.Children) > t.p.EntryChildrenMax():
		return t.liftChildren(s, work)
	}
	return nil
}

// liftChildren puts the many children of a file's own root below one node.
func (t *tree) liftChildren(s *step, work *treeWork) error {
	c := &s.entry.Content
	children := c.Children
	for len(children) > 0 && children[len(children)-1].IsZero() {
		children = children[:len(children)-1]
	}
	lifted := messages.Content{Size: c.Size, Level: c.Level + 1}
	if len(children) == 0 {
		lifted.Children = make([]messages.BlockRef, 1)
		*c = lifted
		return nil
	}
	node := &format.ContentNode{Children: children}
	payload, err := format.EncodeNode(t.p, node)
	if err != nil {
		return err
	}
	s.lift, s.lifted = new(sealing), lifted
	t.seal(work, messages.KindNode, node.Level(), payload, s.lift.set)
	return nil
}

func (s *sealing) set(ref messages.BlockRef, _ *treeWork) error {
	s.ref, s.done = ref, true
	return nil
}

// enter begins a directory inside the current one.
func (t *tree) enter(name string, attributes messages.Attributes) (treeWork, error) {
	if len(t.input) > t.cfg.PathDepthMax {
		return treeWork{}, messages.Errorf(messages.CodeInvalid,
			"more than %d directories inside each other", t.cfg.PathDepthMax)
	}
	if err := t.accept(name); err != nil {
		return treeWork{}, err
	}
	t.input = append(t.input, "")
	entry := messages.Entry{Name: name, Type: messages.TypeDirectory, Attributes: attributes}
	return t.push(step{kind: stepEnter, entry: entry}, treeWork{})
}

// leave ends the current directory.
func (t *tree) leave() (treeWork, error) {
	if len(t.input) == 1 || t.finished {
		return treeWork{}, messages.Errorf(messages.CodeInvalid, "there is no directory to leave")
	}
	t.input = t.input[:len(t.input)-1]
	return t.push(step{kind: stepLeave}, treeWork{})
}

// finish ends the root directory: root is set in the end.
func (t *tree) finish(name string, attributes messages.Attributes) (treeWork, error) {
	if len(t.input) != 1 || t.finished {
		return treeWork{}, messages.Errorf(messages.CodeInvalid, "a directory was not left")
	}
	t.finished = true
	entry := messages.Entry{Name: name, Type: messages.TypeDirectory, Attributes: attributes}
	return t.push(step{kind: stepFinish, entry: entry}, treeWork{})
}

// packed tells of a small file that was sealed.
func (t *tree) packed(file uint64, key messages.Secret, packed format.Packed) (treeWork, error) {
	var work treeWork
	small, ok := t.files[file]
	if !ok {
		panic("drive: a packed file that no tree waits for")
	}
	delete(t.files, file)
	small.key, small.packed = key, packed
	t.sealChunks(&work, t.pack.lay(file, small))
	return t.advance(work)
}

// sealed tells of a block that was sealed.
func (t *tree) sealed(job uint64, ref messages.BlockRef) (treeWork, error) {
	done, ok := t.jobs[job]
	if !ok {
		panic("drive: a sealed block that no tree waits for")
	}
	delete(t.jobs, job)
	var work treeWork
	if err := done(ref, &work); err != nil {
		return work, err
	}
	return t.advance(work)
}

func (t *tree) push(s step, work treeWork) (treeWork, error) {
	t.steps = append(t.steps, s)
	return t.advance(work)
}

func (t *tree) seal(
	work *treeWork, kind messages.BlockKind, level uint8, data []byte,
	done sealDone,
) {
	t.lastJob++
	t.jobs[t.lastJob] = done
	work.seals = append(work.seals, sealWork{t.lastJob, kind, level, withCapacity(data, t.p)})
}

// withCapacity makes room for a block behind data, which is never longer.
func withCapacity(data []byte, p format.Params) []byte {
	if cap(data) >= p.BlockSize {
		return data
	}
	return append(make([]byte, 0, p.BlockSize), data...)
}

func (t *tree) sealChunks(work *treeWork, full []fullChunk) {
	for _, chunk := range full {
		t.seal(work, messages.KindChunk, 0, chunk.data, chunk.sealing.set)
	}
}
