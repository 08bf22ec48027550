package scenario

import (
	"github.com/noisefs/noisefs/messages"
)

// Step does one thing at random.
func (w *Worker) Step(s *Session) {
	w.Steps++
	if w.rand.Float64() < w.maintain {
		w.maintenance(s)
		return
	}
	crowded := w.now.root.count() > w.ItemsMax || len(w.now.links) > w.LinksMax
	switch n := w.rand.IntN(100); {
	case crowded && n < 60:
		w.lessen(s)
	case n < 24:
		w.putFile(s)
	case n < 34:
		w.putTree(s)
	case n < 60:
		w.read(s)
	case n < 66:
		w.makeDirectory(s)
	case n < 76:
		w.rename(s)
	case n < 82:
		w.share(s)
	case n < 86:
		w.importLink(s)
	case n < 92:
		w.lessen(s)
	default:
		w.list(s)
	}
}

// acts does a command that makes next of the state, or that is refused with
// want, and finds out what became of it.
func (w *Worker) acts(s *Session, next *state, want messages.Code, act func() *messages.Error) {
	if want != 0 {
		next = w.now
	}
	w.next = next
	err := act()
	switch {
	case err == nil && want == 0:
		w.now = next
	case err == nil:
		s.Broken("%s: a command was done that had to be refused as %q", w.Name, want)
	case want != 0 && err.Code == want:
	case !w.house.tolerates(err):
		s.Broken("%s: %v (%q), want %q", w.Name, err, err.Code, want)
	case w.house.options.Faults:
		w.Unclear++
		panic(errEnded) // what became of it is read back after the next boot
	default:
		w.Unclear++
		w.Resolve(s)
	}
	w.next = nil
}

func (w *Worker) putFile(s *Session) {
	file, next := w.file(), w.now.clone()
	if w.rand.IntN(5) == 0 {
		w.acts(s, next, 0, func() *messages.Error {
			next.keep(Link{Item: file})
			link, err := s.PutFile(w.Name, file, messages.Place{})
			next.links[len(next.links)-1].Link = link
			next.links[len(next.links)-1].Known = err == nil
			return err
		})
		return
	}
	at, replace := w.place(), w.rand.IntN(2) == 0
	w.acts(s, next, next.root.place(at, file, replace), func() *messages.Error {
		_, err := s.PutFile("name", file, messages.Place{Path: w.path(at), Replace: replace})
		return err
	})
}

func (w *Worker) putTree(s *Session) {
	tree, next := w.tree(2), w.now.clone()
	if w.rand.IntN(5) == 0 {
		w.acts(s, next, 0, func() *messages.Error {
			next.keep(Link{Item: tree})
			link, err := s.PutTree(w.Name, tree, messages.Place{})
			next.links[len(next.links)-1].Link = link
			next.links[len(next.links)-1].Known = err == nil
			return err
		})
		return
	}
	at := w.place()
	w.acts(s, next, next.root.place(at, tree.clone(), false), func() *messages.Error {
		_, err := s.PutTree("name", tree, messages.Place{Path: w.path(at)})
		return err
	})
}

func (w *Worker) makeDirectory(s *Session) {
	at, next := w.place(), w.now.clone()
	code := next.root.place(at, NewDirectory(), false)
	w.acts(s, next, code, func() *messages.Error { return s.MakeDirectory(w.path(at), false) })
}

func (w *Worker) rename(s *Session) {
	from, _ := w.pick(isAny)
	if from == "" {
		return
	}
	to, replace, next := w.place(), w.rand.IntN(2) == 0, w.now.clone()
	w.acts(s, next, next.root.rename(from, to, replace), func() *messages.Error {
		return s.Rename(w.path(from), w.path(to), replace)
	})
}

// lessen removes something, or ends the keeping of a link.
func (w *Worker) lessen(s *Session) {
	next := w.now.clone()
	if len(w.now.links) > 0 && w.rand.IntN(3) == 0 {
		link := w.now.links[w.rand.IntN(len(w.now.links))].Link
		next.drop(link)
		w.acts(s, next, 0, func() *messages.Error { return s.Unshare(link) })
		return
	}
	at, _ := w.pick(isAny)
	if at == "" {
		return
	}
	recursive := w.rand.IntN(4) > 0
	w.acts(s, next, next.root.remove(at, recursive), func() *messages.Error {
		return s.Remove(w.path(at), recursive)
	})
}

func (w *Worker) share(s *Session) {
	at, item := w.pick(isShared)
	if at == "" {
		return
	}
	next := w.now.clone()
	w.acts(s, next, 0, func() *messages.Error {
		next.keep(Link{Item: item.clone()})
		link, err := s.Share(w.path(at))
		next.links = next.links[:len(next.links)-1]
		next.keep(Link{Link: link, Known: err == nil, Item: item.clone()})
		return err
	})
}

func (w *Worker) importLink(s *Session) {
	if len(w.now.links) == 0 {
		return
	}
	l := w.now.links[w.rand.IntN(len(w.now.links))]
	at, next := w.place(), w.now.clone()
	code := next.root.place(at, l.Item.clone(), false)
	w.acts(s, next, code, func() *messages.Error { return s.Import(l.Link, w.path(at)) })
}

// read reads a range of a file, by its path or below a link.
func (w *Worker) read(s *Session) {
	if len(w.now.links) > 0 && w.rand.IntN(4) == 0 {
		l := w.now.links[w.rand.IntN(len(w.now.links))]
		w.readSome(s, Below(l.Link, ""), l.Item)
		return
	}
	if at, item := w.pick(isFile); at != "" {
		w.readSome(s, At(w.path(at)), item)
	}
}

func (w *Worker) readSome(s *Session, target messages.Target, item *Item) {
	if item.isDir() {
		names := item.names()
		if len(names) == 0 {
			return
		}
		target.Path, item = names[0], item.Entries[names[0]]
		if item.Type != messages.TypeFile {
			return
		}
	}
	offset := w.rand.IntN(len(item.Data) + 2)
	length := 1 + w.rand.IntN(3*BlockSize)
	if err := w.readRange(s, target, item, offset, length); err != nil &&
		!w.house.tolerates(err) {
		s.Broken("%s: read: %v (%q)", w.Name, err, err.Code)
	}
}

func (w *Worker) list(s *Session) {
	if err := w.compareDirectory(s, At("/"+w.Name), w.now.root); err != nil {
		if !w.house.tolerates(err) {
			s.Broken("%s: list: %v (%q)", w.Name, err, err.Code)
		}
	}
}

// maintenance collects or verifies; one of the two runs at a time.
func (w *Worker) maintenance(s *Session) {
	var err *messages.Error
	if w.rand.IntN(3) > 0 {
		_, err = s.Collect()
	} else {
		var verified messages.StoreVerified
		verified, err = s.Verify()
		if err == nil && verified.Count > 0 && !w.house.options.Faults {
			s.Broken("verification found %d problems: %s of %s",
				verified.Count, verified.Problems[0].Reason, verified.Problems[0].Block.Short())
		}
	}
	if err != nil && err.Code != messages.CodeOverload && !w.house.toleratesJob(err) {
		s.Broken("%s: maintenance: %v (%q)", w.Name, err, err.Code)
	}
}

// PutFile stores a new file of size bytes, and returns why that is refused.
func (w *Worker) PutFile(s *Session, size int) (refused *messages.Error) {
	file, next, at := NewFile(w.text(size), w.attributes()), w.now.clone(), w.freshName()
	next.root.place(at, file, false)
	w.next = next
	_, err := s.PutFile("name", file, messages.Place{Path: w.path(at)})
	if err == nil {
		w.now, w.next = next, nil
	}
	return err
}

// RemoveAll removes all names and ends the keeping of all links.
func (w *Worker) RemoveAll(s *Session) {
	for _, name := range w.now.root.names() {
		next := w.now.clone()
		next.root.remove(name, true)
		w.acts(s, next, 0, func() *messages.Error { return s.Remove(w.path(name), true) })
	}
	for _, l := range w.now.links {
		next := w.now.clone()
		next.drop(l.Link)
		w.acts(s, next, 0, func() *messages.Error { return s.Unshare(l.Link) })
	}
}
