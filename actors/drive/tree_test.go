package drive

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/format"
)

// workbench holds the work of a tree that is not done yet, and the blocks that
// were sealed.
type workbench struct {
	t      *tree
	packs  []packWork
	seals  []sealWork
	blocks map[messages.CID][]byte
	next   uint64
	most   int // seals at one time
}

func newWorkbench(cfg *Config) *workbench {
	return &workbench{t: newTree(testParams, cfg), blocks: map[messages.CID][]byte{}}
}

func (b *workbench) take(work treeWork, err error) error {
	b.packs = append(b.packs, work.packs...)
	b.seals = append(b.seals, work.seals...)
	b.most = max(b.most, len(b.seals))
	return err
}

func (b *workbench) idle() bool { return len(b.packs)+len(b.seals) == 0 }

// do does the n-th piece of work there is.
func (b *workbench) do(n int) error {
	b.next++
	if n < len(b.packs) {
		work := b.packs[n]
		b.packs = slices.Delete(b.packs, n, n+1)
		var key messages.Secret
		binary.BigEndian.PutUint64(key[:], b.next)
		packed, err := format.SealPacked(testParams, key, work.plaintext)
		if err != nil {
			return err
		}
		return b.take(b.t.packed(work.file, key, packed))
	}
	n -= len(b.packs)
	work := b.seals[n]
	b.seals = slices.Delete(b.seals, n, n+1)
	if len(work.data) == 0 || len(work.data) > testParams.BlockSize ||
		cap(work.data) < testParams.BlockSize {
		return fmt.Errorf("a block of %d bytes, capacity %d", len(work.data), cap(work.data))
	}
	ref := messages.BlockRef{Level: work.level, Length: uint32(len(work.data))}
	for i, cid := range []*messages.CID{&ref.D, &ref.A, &ref.B} {
		binary.BigEndian.PutUint64(cid[:], b.next)
		cid[8] = byte(i + 1)
	}
	ref.Key[0] = 1
	b.blocks[ref.D] = work.data
	return b.take(b.t.sealed(work.job, ref))
}

// node reads a node back.
func (b *workbench) node(ref messages.BlockRef) (format.Node, error) {
	return format.DecodeNode(testParams, ref.Level, b.blocks[ref.D])
}

// flatten lists a directory as path → what is there.
func (b *workbench) flatten(dir messages.Directory, path string, into map[string]string) error {
	if dir.Ref != nil {
		node, err := b.node(*dir.Ref)
		if err != nil {
			return err
		}
		switch n := node.(type) {
		case *format.DirectoryLeaf:
			return b.flatten(messages.Directory{Entries: n.Entries}, path, into)
		case *format.DirectoryInner:
			for _, child := range n.Children {
				if err := b.flatten(messages.Directory{Ref: &child.Ref}, path, into); err != nil {
					return err
				}
			}
			return nil
		}
		return fmt.Errorf("a %T in a directory", node)
	}
	for _, entry := range dir.Entries {
		at := path + "/" + entry.Name
		switch entry.Type {
		case messages.TypeSymlink:
			into[at] = "→" + entry.Target
		case messages.TypeFile:
			data, err := b.bytes(entry.Content)
			if err != nil {
				return err
			}
			into[at] = string(data)
		case messages.TypeDirectory:
			into[at] = "/"
			if entry.Dir != nil {
				if err := b.flatten(*entry.Dir, at, into); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// bytes reads a content back; children are sealed by no test but as lifts.
func (b *workbench) bytes(c messages.Content) ([]byte, error) {
	if c.Pack != nil {
		var chunks [][]byte
		for _, ref := range c.Pack.Chunks {
			chunks = append(chunks, b.blocks[ref.D])
		}
		sealed, err := format.SlicePacked(*c.Pack, chunks...)
		if err != nil {
			return nil, err
		}
		return format.OpenPacked(testParams, *c.Pack, c.Size, sealed)
	}
	if len(c.Children) == 0 {
		return c.Inline, nil
	}
	var all []byte
	for _, ref := range c.Children {
		data, err := b.child(ref)
		if err != nil {
			return nil, err
		}
		all = append(all, data...)
	}
	return all, nil
}

func (b *workbench) child(ref messages.BlockRef) ([]byte, error) {
	if ref.Level == 0 {
		return b.blocks[ref.D], nil
	}
	node, err := b.node(ref)
	if err != nil {
		return nil, err
	}
	var all []byte
	for _, ref := range node.(*format.ContentNode).Children {
		data, err := b.child(ref)
		if err != nil {
			return nil, err
		}
		all = append(all, data...)
	}
	return all, nil
}

// builder tells a random tree.
type builder struct {
	rt   *rapid.T
	b    *workbench
	cfg  *Config
	want map[string]string
}

func (u *builder) must(err error) {
	if err != nil {
		u.rt.Fatalf("%v", err)
	}
}

// wait does random work while the tree is full, and sometimes when it is not.
func (u *builder) wait() {
	for !u.b.idle() && (u.b.t.isFull() || rapid.IntRange(0, 3).Draw(u.rt, "work") == 0) {
		u.must(u.b.do(rapid.IntRange(0, len(u.b.packs)+len(u.b.seals)-1).Draw(u.rt, "which")))
	}
	if u.b.t.isFull() {
		u.rt.Fatalf("the tree is full, and nothing is left to do: %d steps", len(u.b.t.steps))
	}
}

func (u *builder) directory(path string, depth int) {
	names := map[string]bool{}
	for range rapid.IntRange(0, 12).Draw(u.rt, "entries") {
		names[fmt.Sprintf("n%02d", rapid.IntRange(0, 40).Draw(u.rt, "name"))] = true
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		u.wait()
		at := path + "/" + name
		switch kind := rapid.IntRange(0, 5).Draw(u.rt, "kind"); {
		case kind == 0 && depth < 4:
			u.want[at] = "/"
			u.must(u.b.take(u.b.t.enter(name, messages.Attributes{})))
			u.directory(at, depth+1)
			u.wait()
			u.must(u.b.take(u.b.t.leave()))
		case kind == 1:
			u.want[at] = "→" + at
			u.must(u.b.take(u.b.t.add(messages.Entry{
				Name: name, Type: messages.TypeSymlink, Target: at,
			})))
		case kind == 2:
			u.large(name, at)
		default:
			size := rapid.SampledFrom([]int{0, 1, 64, 65, 300, 511, 512}).Draw(u.rt, "size")
			data := rapid.SliceOfN(rapid.Byte(), size, size).Draw(u.rt, "data")
			u.want[at] = string(data)
			u.must(u.b.take(u.b.t.add(messages.Entry{
				Name: name, Type: messages.TypeFile, Content: messages.Content{Inline: data},
			})))
		}
	}
}

// large tells a file of up to as many chunks as a file's own root carries.
func (u *builder) large(name, at string) {
	c := messages.Content{}
	var data []byte
	for i := range rapid.IntRange(1, testParams.Fanout()).Draw(u.rt, "chunks") {
		chunk := bytes.Repeat([]byte{byte(i)}, testParams.BlockSize)
		ref := testRef(byte(len(u.want)), 0)
		ref.D[5], ref.Length = byte(i), uint32(len(chunk))
		u.b.blocks[ref.D] = chunk
		c.Children = append(c.Children, ref)
		data = append(data, chunk...)
	}
	c.Size = uint64(len(data))
	u.want[at] = string(data)
	u.must(u.b.take(u.b.t.add(messages.Entry{Name: name, Type: messages.TypeFile, Content: c})))
}

// TestTreeIsWhatWasTold builds random trees; seals come back in random
// order, and the bounds hold throughout.
func TestTreeIsWhatWasTold(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		cfg := DefaultConfig()
		cfg.PendingEntriesMax = rapid.IntRange(1, 6).Draw(rt, "pending")
		cfg.PackJobsMax = rapid.IntRange(1, 4).Draw(rt, "packs")
		cfg.SealsMax = rapid.IntRange(1, 4).Draw(rt, "seals")
		u := &builder{rt: rt, b: newWorkbench(&cfg), cfg: &cfg, want: map[string]string{}}
		u.directory("", 0)
		u.wait()
		attributes := messages.Attributes{Mode: 0o700}
		u.must(u.b.take(u.b.t.finish("n", attributes)))
		for !u.b.idle() {
			u.must(u.b.do(rapid.IntRange(0, len(u.b.packs)+len(u.b.seals)-1).Draw(rt, "last")))
		}
		if u.b.t.root == nil {
			rt.Fatalf("nothing is left to do, and there is no root: %d steps", len(u.b.t.steps))
		}
		node, err := u.b.node(*u.b.t.root)
		u.must(err)
		root := node.(*format.DirectoryRoot)
		if root.Name != "n" || root.Mode != 0o700 {
			rt.Fatalf("the root has other attributes")
		}
		got := map[string]string{}
		u.must(u.b.flatten(root.Directory, "", got))
		if !maps.Equal(got, u.want) {
			rt.Fatalf("got %d entries, want %d", len(got), len(u.want))
		}
		// One step may want two pack chunks, or a leaf and its parents.
		if limit := cfg.SealsMax + format.DirectoryLevelMax; u.b.most > limit {
			rt.Fatalf("%d seals at one time, at most %d", u.b.most, limit)
		}
	})
}

// TestPackIsFlushedWhenTheQueueIsLong adds one small file and then many
// entries that need no pack.
func TestPackIsFlushedWhenTheQueueIsLong(t *testing.T) {
	cfg := DefaultConfig()
	cfg.PendingEntriesMax = 10
	b := newWorkbench(&cfg)
	add := func(entry messages.Entry) {
		t.Helper()
		if err := b.take(b.t.add(entry)); err != nil {
			t.Fatal(err)
		}
	}
	add(messages.Entry{
		Name: "a", Type: messages.TypeFile, Content: messages.Content{Inline: make([]byte, 200)},
	})
	if err := b.do(0); err != nil {
		t.Fatal(err)
	}
	for i := range 8 {
		add(messages.Entry{Name: fmt.Sprint("b", i), Type: messages.TypeSymlink, Target: "x"})
		if b.t.isFull() || len(b.seals) > 0 {
			t.Fatalf("the tree does not wait for a fuller pack: %d steps", len(b.t.steps))
		}
	}
	add(messages.Entry{Name: "c", Type: messages.TypeSymlink, Target: "x"})
	if !b.t.isFull() || len(b.seals) != 1 {
		t.Fatalf("%d seals at the bound, want the pack's", len(b.seals))
	}
	if err := b.do(0); err != nil {
		t.Fatal(err)
	}
	if b.t.isFull() || len(b.t.steps) != 0 {
		t.Errorf("%d steps are left", len(b.t.steps))
	}
}

func TestTreeRefusals(t *testing.T) {
	cfg := DefaultConfig()
	cfg.PathDepthMax = 2
	b := newWorkbench(&cfg)
	file := func(name string) func() error {
		return func() error {
			return b.take(b.t.add(messages.Entry{Name: name, Type: messages.TypeFile}))
		}
	}
	enter := func(name string) func() error {
		return func() error { return b.take(b.t.enter(name, messages.Attributes{})) }
	}
	leave := func() error { return b.take(b.t.leave()) }
	finish := func() error { return b.take(b.t.finish("", messages.Attributes{})) }
	wrongSize := func() error {
		return b.take(b.t.add(messages.Entry{
			Name: "z1", Type: messages.TypeFile,
			Content: messages.Content{Size: 2, Inline: []byte{1}},
		}))
	}
	tooLarge := func() error {
		return b.take(b.t.add(messages.Entry{
			Name: "z2", Type: messages.TypeFile,
			Content: messages.Content{Inline: make([]byte, testParams.InlineMax()+1)},
		}))
	}
	steps := []struct {
		name string
		do   func() error
		ok   bool
	}{
		{"LeaveTheRoot", leave, false},
		{"AFile", file("b"), true},
		{"AgainTheSame", file("b"), false},
		{"TheOneBefore", file("a"), false},
		{"BadName", file("c/d"), false},
		{"NoName", file(""), false},
		{"Dots", file(".."), false},
		{"Enter", enter("c"), true},
		{"NamesBeginAnew", file("a"), true},
		{"EnterDeeper", enter("d"), true},
		{"TooDeep", enter("e"), false},
		{"FinishInside", finish, false},
		{"Leave", leave, true},
		{"LeaveAgain", leave, true},
		{"AfterTheDirectory", file("bb"), false},
		{"Later", file("d"), true},
		{"WrongSize", wrongSize, false},
		{"TooLarge", tooLarge, false},
		{"Finish", finish, true},
		{"FinishTwice", finish, false},
		{"AddAfter", file("x"), false},
		{"LeaveAfter", leave, false},
	}
	for _, step := range steps {
		err := step.do()
		if (err == nil) != step.ok {
			t.Errorf("%s: got %v", step.name, err)
		}
		if err != nil && !isCode(err, messages.CodeInvalid) {
			t.Errorf("%s: got %v, want CodeInvalid", step.name, err)
		}
	}
}

// BenchmarkTree builds a directory of small files, all blocks sealed at once.
func BenchmarkTree(b *testing.B) {
	cfg := DefaultConfig()
	p := format.Production()
	t := newTree(p, &cfg)
	data := bytes.Repeat([]byte("some text of a file. "), 100)
	next := uint64(0)
	var finish func(work treeWork, err error)
	finish = func(work treeWork, err error) {
		if err != nil {
			b.Fatal(err)
		}
		for _, pack := range work.packs {
			finish(t.packed(pack.file, messages.Secret{1},
				format.Packed{Sealed: bytes.Clone(data)}))
		}
		for _, seal := range work.seals {
			next++
			ref := messages.BlockRef{Level: seal.level, Length: uint32(len(seal.data))}
			binary.BigEndian.PutUint64(ref.D[:], next)
			ref.A[9], ref.B[10], ref.Key[0] = 1, 1, 1
			finish(t.sealed(seal.job, ref))
		}
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		finish(t.add(messages.Entry{
			Name: fmt.Sprintf("%012d", i), Type: messages.TypeFile,
			Content: messages.Content{Inline: data},
		}))
	}
}
