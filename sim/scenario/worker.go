package scenario

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/noisefs/noisefs/messages"
)

// Link is a link that the node has to keep, and what it opens.
type Link struct {
	Link  messages.Link
	Known bool // false: the reply with the link was lost
	Item  *Item
}

// state is what a worker's part of the node may be.
type state struct {
	root  *Item // the worker's directory
	links []Link
}

func (st *state) clone() *state {
	return &state{root: st.root.clone(), links: slices.Clone(st.links)}
}

// keep adds a link, once.
func (st *state) keep(l Link) {
	for _, other := range st.links {
		if other.Known && l.Known && other.Link == l.Link {
			return
		}
	}
	st.links = append(st.links, l)
}

func (st *state) drop(link messages.Link) {
	st.links = slices.DeleteFunc(st.links, func(l Link) bool { return l.Link == link })
}

// Worker works in a directory of its own and knows what must be there.
type Worker struct {
	Name  string
	Sizes []int // of files, drawn from
	// ItemsMax and LinksMax bound what is kept, more or less, and so what
	// reading everything back costs.
	ItemsMax, LinksMax int

	house *House
	rand  *rand.Rand
	now   *state
	next  *state // what the command under way makes of now; nil: none
	made  int64  // files, for names and times
	// maintain is the probability that a step collects or verifies.
	maintain float64

	Steps, Unclear int // commands done, and those whose outcome was unclear
}

// NewWorker makes a worker. Begin has to run before Work.
func (h *House) NewWorker(number int) *Worker {
	return &Worker{
		Name: fmt.Sprint("w", number), Sizes: defaultSizes(), ItemsMax: 14, LinksMax: 4, house: h,
		rand: rand.New(rand.NewPCG(h.options.Seed, uint64(number)+1)),
		now:  &state{root: NewDirectory()}, maintain: 0.03,
	}
}

// defaultSizes has the places where the way a file is stored changes.
func defaultSizes() []int {
	b := BlockSize
	return []int{
		0, 1, 60, 64, 65, 200, 300, b / 2, b/2 + 1, b - 1, b, b + 1, 2*b - 5, 3 * b, 4*b + 7,
		5 * b, 9*b + 1,
	}
}

func (w *Worker) path(below string) string { return "/" + w.Name + "/" + below }

// attributes are a function of a counter, so that no two files are alike.
func (w *Worker) attributes() messages.Attributes {
	w.made++
	return messages.Attributes{
		Mode:    0o600 + uint32(w.made%8),
		ModTime: time.Unix(1_700_000_000+w.made, w.made%1000).UTC(),
	}
}

const letters = "etaoin shrdlu cmfwyp "

// text makes n bytes of ASCII, with holes of whole blocks now and then.
func (w *Worker) text(n int) []byte {
	p := make([]byte, n)
	for i := 0; i < n; {
		word := w.rand.Uint64()
		for k := 0; k < 12 && i < n; k++ {
			p[i] = letters[(word>>(5*k)&31)%uint64(len(letters))]
			i++
		}
	}
	if n >= 2*BlockSize && w.rand.IntN(4) == 0 {
		hole := w.rand.IntN(n/BlockSize) * BlockSize
		clear(p[hole : hole+BlockSize])
	}
	return p
}

func (w *Worker) file() *Item {
	size := w.Sizes[w.rand.IntN(len(w.Sizes))]
	return NewFile(w.text(size), w.attributes())
}

// tree makes a directory of some small and large files, and one level more.
func (w *Worker) tree(depth int) *Item {
	root := NewDirectory()
	root.Attr = w.attributes()
	for n := w.rand.IntN(4); n >= 0; n-- {
		name := w.freshName()
		switch kind := w.rand.IntN(8); {
		case kind == 0 && depth > 0:
			root.Entries[name] = w.tree(depth - 1)
		case kind == 1:
			root.Entries[name] = &Item{
				Type: messages.TypeSymlink, Target: "../elsewhere", Attr: w.attributes(),
			}
		default:
			root.Entries[name] = w.file()
		}
	}
	return root
}

func (w *Worker) freshName() string {
	w.made++
	return fmt.Sprintf("%s%d", strings.Repeat("n", w.rand.IntN(9)), w.made)
}

// pick returns the path of some item that fits, or "".
func (w *Worker) pick(fits func(*Item) bool) (string, *Item) {
	var paths []string
	var items []*Item
	w.now.root.visit("", func(at string, item *Item) {
		if fits(item) {
			paths, items = append(paths, at), append(items, item)
		}
	})
	if len(paths) == 0 {
		return "", nil
	}
	n := w.rand.IntN(len(paths))
	return paths[n], items[n]
}

func isFile(i *Item) bool   { return i.Type == messages.TypeFile }
func isAny(*Item) bool      { return true }
func isShared(i *Item) bool { return i.Type != messages.TypeSymlink }

// place draws a place for something new: mostly free, sometimes taken.
func (w *Worker) place() string {
	if at, _ := w.pick(isAny); at != "" && w.rand.IntN(8) == 0 {
		return at
	}
	if at, _ := w.pick((*Item).isDir); at != "" && w.rand.IntN(2) == 0 {
		return at + "/" + w.freshName()
	}
	return w.freshName()
}

// Begin makes the worker's directory.
func (w *Worker) Begin(s *Session) {
	if err := s.MakeDirectory("/"+w.Name, true); err != nil {
		s.Broken("%s: make a directory: %v", w.Name, err)
	}
}

// Work does steps at random until it has done n, or for ever if n < 0.
func (w *Worker) Work(s *Session, n int) {
	for ; n != 0; n-- {
		w.Step(s)
		if w.rand.IntN(4) == 0 {
			s.Sleep(time.Duration(w.rand.IntN(3000)) * time.Microsecond)
		}
	}
}
