package format

import (
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/noisefs/noisefs/messages"
)

// Level implements [Node]: one above the content's children; 1 when there
// are none.
func (n *FileRoot) Level() uint8 {
	if len(n.Content.Children) > 0 {
		return n.Content.Level + 1
	}
	return 1
}

func (n *FileRoot) number() protowire.Number { return nodeFileRoot }

func (n *FileRoot) check(p Params) error {
	if err := checkRoot(n.Name, n.Attributes); err != nil {
		return err
	}
	return checkContent(p, &n.Content, inRoot(p))
}

func (n *FileRoot) append(e *encoder, _ Params, b []byte) ([]byte, error) {
	b = appendBytes(b, rootName, n.Name)
	b = appendAttributes(b, rootMode, n.Attributes)
	return appendBytes(b, rootContent, e.content(nil, &n.Content)), nil
}

func (d *decoder) fileRoot(buf []byte) (*FileRoot, error) {
	node := new(FileRoot)
	r := newWireReader(buf, 0)
	var attributes attributesReader
	for r.next() {
		switch r.num {
		case rootName:
			node.Name = string(r.bytes(NameMax))
		case rootMode, rootSeconds, rootNanos:
			attributes.read(r, r.num-rootMode)
		case rootContent:
			var err error
			node.Content, err = d.content(r.bytes(d.p.NodeMax()), inRoot(d.p))
			if r.err == nil && err != nil {
				return nil, err
			}
		default:
			r.unknown()
		}
	}
	node.Attributes = attributes.attributes()
	return node, r.err
}

// Level implements [Node]: one above the directory's tree; 1 when its
// entries are inline.
func (n *DirectoryRoot) Level() uint8 {
	if n.Directory.Ref != nil {
		return n.Directory.Ref.Level + 1
	}
	return 1
}

func (n *DirectoryRoot) number() protowire.Number { return nodeDirectoryRoot }

func (n *DirectoryRoot) check(p Params) error {
	if err := checkRoot(n.Name, n.Attributes); err != nil {
		return err
	}
	return checkDirectoryRef(p, &n.Directory)
}

func (n *DirectoryRoot) append(e *encoder, p Params, b []byte) ([]byte, error) {
	b = appendBytes(b, rootName, n.Name)
	b = appendAttributes(b, rootMode, n.Attributes)
	return e.directory(p, b, rootEntry, rootRef, &n.Directory, -1)
}

func (d *decoder) directoryRoot(buf []byte) (*DirectoryRoot, error) {
	node := new(DirectoryRoot)
	r := newWireReader(buf, rootEntry)
	var attributes attributesReader
	for r.next() {
		var err error
		switch r.num {
		case rootName:
			node.Name = string(r.bytes(NameMax))
		case rootMode, rootSeconds, rootNanos:
			attributes.read(r, r.num-rootMode)
		case rootEntry:
			err = d.appendEntry(&node.Directory.Entries, r.message(), 0)
		case rootRef:
			node.Directory.Ref, err = d.ref(r)
		default:
			r.unknown()
		}
		if r.err == nil && err != nil {
			return nil, err
		}
	}
	node.Attributes = attributes.attributes()
	return node, r.err
}

func checkRoot(name string, attributes messages.Attributes) error {
	if name != "" {
		if err := CheckName(name); err != nil {
			return err
		}
	}
	return checkAttributes(attributes)
}
