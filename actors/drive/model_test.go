package drive_test

import (
	"maps"
	"slices"
	"strings"

	"github.com/noisefs/noisefs/messages"
)

// item is a file, directory or symlink of the model.
type item struct {
	kind    messages.FileType
	data    []byte
	target  string
	mode    uint32
	entries map[string]*item
}

func newDirectory(mode uint32) *item {
	return &item{kind: messages.TypeDirectory, mode: mode, entries: map[string]*item{}}
}

func (i *item) isDir() bool { return i.kind == messages.TypeDirectory }

// clone copies an item and all below it.
func (i *item) clone() *item {
	c := *i
	if i.isDir() {
		c.entries = make(map[string]*item, len(i.entries))
		for name, entry := range i.entries {
			c.entries[name] = entry.clone()
		}
	}
	return &c
}

func (i *item) names() []string { return slices.Sorted(maps.Keys(i.entries)) }

// paths returns the paths of an item and of all below it, each with a slash
// at its end, in order.
func (i *item) paths(path string) []string {
	all := []string{path}
	for _, name := range i.names() {
		all = append(all, i.entries[name].paths(path+name+"/")...)
	}
	return all
}

// count returns the files and bytes at and below an item.
func (i *item) count() (files, size uint64) {
	if i.kind == messages.TypeFile {
		return 1, uint64(len(i.data))
	}
	for _, entry := range i.entries {
		f, s := entry.count()
		files, size = files+f, size+s
	}
	return files, size
}

// model is what the namespace should be: plain maps.
type model struct{ root *item }

func newModel() *model { return &model{newDirectory(0o755)} }

func splitNames(path string) []string {
	return strings.FieldsFunc(path, func(r rune) bool { return r == '/' })
}

// find returns what is at a path, or a code.
func (m *model) find(names []string) (*item, messages.Code) {
	at := m.root
	for _, name := range names {
		if !at.isDir() {
			return nil, messages.CodeNotDirectory
		}
		next := at.entries[name]
		if next == nil {
			return nil, messages.CodeNotFound
		}
		at = next
	}
	return at, 0
}

// parent returns the directory of a path's last name.
func (m *model) parent(names []string) (*item, string, messages.Code) {
	dir, code := m.find(names[:len(names)-1])
	if code == 0 && !dir.isDir() {
		code = messages.CodeNotDirectory
	}
	return dir, names[len(names)-1], code
}

// place puts an item at a path, as StoreFile, FinishTree, Import and the
// second half of Rename do.
func (m *model) place(path string, i *item, replace bool) messages.Code {
	names := splitNames(path)
	if len(names) == 0 {
		return messages.CodeExists
	}
	dir, name, code := m.parent(names)
	if code != 0 {
		return code
	}
	if there := dir.entries[name]; there != nil && (!replace || there.isDir() || i.isDir()) {
		return messages.CodeExists
	}
	dir.entries[name] = i
	return 0
}

func (m *model) mkdir(path string, parents bool) messages.Code {
	names := splitNames(path)
	at := m.root
	if len(names) == 0 && !parents {
		return messages.CodeExists
	}
	for i, name := range names {
		if !at.isDir() {
			return messages.CodeNotDirectory
		}
		last := i == len(names)-1
		next := at.entries[name]
		switch {
		case next == nil && !last && !parents:
			return messages.CodeNotFound
		case next == nil:
			next = newDirectory(0o755)
			at.entries[name] = next
		case last && (!parents || !next.isDir()):
			return messages.CodeExists
		}
		at = next
	}
	return 0
}

func (m *model) rename(from, to string, replace bool) messages.Code {
	source, target := splitNames(from), splitNames(to)
	if len(source) == 0 {
		return messages.CodeInvalid
	}
	dir, name, code := m.parent(source)
	if code != 0 {
		return code
	}
	moved := dir.entries[name]
	if moved == nil {
		return messages.CodeNotFound
	}
	if len(target) >= len(source) && slices.Equal(source, target[:len(source)]) {
		switch {
		case len(target) == len(source):
			return 0
		case !moved.isDir():
			return messages.CodeNotDirectory
		}
		return messages.CodeInvalid
	}
	if code := m.supersede(to, moved, replace); code != 0 {
		return code
	}
	delete(dir.entries, name)
	return 0
}

// supersede is place, but that a directory may replace an empty one.
func (m *model) supersede(path string, i *item, replace bool) messages.Code {
	names := splitNames(path)
	if len(names) > 0 && replace && i.isDir() {
		dir, name, code := m.parent(names)
		if code != 0 {
			return code
		}
		if there := dir.entries[name]; there != nil && there.isDir() {
			if len(there.entries) > 0 {
				return messages.CodeNotEmpty
			}
			delete(dir.entries, name)
		}
	}
	return m.place(path, i, replace)
}

func (m *model) remove(path string, recursive bool) messages.Code {
	names := splitNames(path)
	if len(names) == 0 {
		return messages.CodeInvalid
	}
	dir, name, code := m.parent(names)
	if code != 0 {
		return code
	}
	there := dir.entries[name]
	switch {
	case there == nil:
		return messages.CodeNotFound
	case there.isDir() && len(there.entries) > 0 && !recursive:
		return messages.CodeNotEmpty
	}
	delete(dir.entries, name)
	return 0
}
