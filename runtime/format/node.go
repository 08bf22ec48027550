package format

import (
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/noisefs/noisefs/messages"
)

// Field numbers of the Node message (1 is the table of pack chunks; exactly
// one of the others is there) and of its members.
const (
	nodeFileRoot      protowire.Number = 2
	nodeDirectoryRoot protowire.Number = 3
	nodeLeaf          protowire.Number = 4
	nodeInner         protowire.Number = 5
	nodeContent       protowire.Number = 6

	rootName    protowire.Number = 1
	rootMode    protowire.Number = 2
	rootSeconds protowire.Number = 3
	rootNanos   protowire.Number = 4
	rootContent protowire.Number = 5 // of a file root
	rootEntry   protowire.Number = 5 // of a directory root
	rootRef     protowire.Number = 6 // of a directory root

	leafEntry  protowire.Number = 1
	innerChild protowire.Number = 1
	contentKid protowire.Number = 1

	childFirst protowire.Number = 1
	childRef   protowire.Number = 2
)

// Node is what a block of messages.KindNode holds: one of *[FileRoot],
// *[DirectoryRoot], *[DirectoryLeaf], *[DirectoryInner] and *[ContentNode].
type Node interface {
	// Level returns the level that the node's block is sealed with and its
	// ref carries: one above what it refers to, and at least 1.
	Level() uint8

	check(p Params) error
	append(e *encoder, p Params, b []byte) ([]byte, error)
	number() protowire.Number
}

// FileRoot is what a link to a file opens.
type FileRoot struct {
	Name string // suggested name, may be empty
	messages.Attributes
	Content messages.Content
}

// DirectoryRoot is what a link to a directory opens. A directory tree has no
// attributes in it, so sharing a directory that is stored already costs this
// one block.
type DirectoryRoot struct {
	Name string // suggested name, may be empty
	messages.Attributes
	Directory messages.Directory
}

// DirectoryLeaf holds entries, at least one, in ascending order of names.
type DirectoryLeaf struct {
	Entries []messages.Entry
}

// DirectoryInner holds the refs of directory nodes of one level, at least
// one, in the order of the names below them.
type DirectoryInner struct {
	Children []DirectoryChild
}

// DirectoryChild is a child of a [DirectoryInner]. All names below it are
// at least First and less than First of the next child.
type DirectoryChild struct {
	First string
	Ref   messages.BlockRef
}

// ContentNode holds the children of a content tree below one ref. Zero refs
// are holes; holes at the end are left out.
type ContentNode struct {
	Children []messages.BlockRef
}

var (
	_ Node = (*FileRoot)(nil)
	_ Node = (*DirectoryRoot)(nil)
	_ Node = (*DirectoryLeaf)(nil)
	_ Node = (*DirectoryInner)(nil)
	_ Node = (*ContentNode)(nil)
)

// EncodeNode returns the payload of a node block: at most BlockSize bytes,
// to be padded with random bytes and sealed with [Node.Level] and its
// length. What is no valid node is an error, and what does not fit into a
// block is ErrTooLarge.
func EncodeNode(p Params, node Node) ([]byte, error) {
	document, err := encodeDocument(p, node)
	if err != nil {
		return nil, err
	}
	payload := deflate(make([]byte, 0, p.BlockSize), document)
	if len(payload) > p.BlockSize {
		return nil, fmt.Errorf("%w: a node does not fit into a block", ErrTooLarge)
	}
	return payload, nil
}

// DecodeNode reads the payload of a node block, which [Open] returned for a
// ref of that level. The node keeps no part of payload. Errors wrap
// ErrMalformed, ErrTooLarge, ErrBadRef, ErrBadName or ErrOrder.
func DecodeNode(p Params, level uint8, payload []byte) (Node, error) {
	if len(payload) > p.BlockSize {
		return nil, fmt.Errorf("%w: a node larger than a block", ErrTooLarge)
	}
	document, err := inflate(payload, p.NodeMax())
	if err != nil {
		return nil, err
	}
	return decodeDocument(p, level, document)
}

// encodeDocument is EncodeNode without compression.
func encodeDocument(p Params, node Node) ([]byte, error) {
	if err := node.check(p); err != nil {
		return nil, err
	}
	var e encoder
	message, err := node.append(&e, p, nil)
	if err != nil {
		return nil, err
	}
	document := e.document(appendMessage(nil, node.number(), message))
	if len(document) > p.NodeMax() {
		return nil, fmt.Errorf("%w: a node above %d bytes before compression", ErrTooLarge, p.NodeMax())
	}
	return document, nil
}

// decodeDocument is DecodeNode without compression.
func decodeDocument(p Params, level uint8, document []byte) (Node, error) {
	d := newDecoder(p)
	r := newWireReader(document, 0)
	var node Node
	for r.next() {
		if node != nil {
			return nil, fmt.Errorf("%w: two nodes in one", ErrMalformed)
		}
		var err error
		switch r.num {
		case documentChunks:
			err = d.readTable(r.bytes(p.NodeMax()))
		case nodeFileRoot:
			node, err = d.fileRoot(r.message())
		case nodeDirectoryRoot:
			node, err = d.directoryRoot(r.message())
		case nodeLeaf:
			node, err = d.leaf(r.message())
		case nodeInner:
			node, err = d.inner(r.message())
		case nodeContent:
			node, err = d.contentNode(r.message())
		default:
			r.unknown()
		}
		if r.err == nil && err != nil {
			return nil, err
		}
	}
	if r.err != nil {
		return nil, r.err
	}
	if node == nil {
		return nil, fmt.Errorf("%w: no node", ErrMalformed)
	}
	if err := d.finish(); err != nil {
		return nil, err
	}
	if err := node.check(p); err != nil {
		return nil, err
	}
	if node.Level() != level {
		return nil, fmt.Errorf("%w: a node of level %d where %d is due",
			ErrBadRef, node.Level(), level)
	}
	return node, nil
}

// EncodeContent returns a Content as a document by itself, for a sealed row
// of the index. The rules are those of a file root.
func EncodeContent(p Params, c messages.Content) ([]byte, error) {
	if err := checkContent(p, &c, inRoot(p)); err != nil {
		return nil, err
	}
	var e encoder
	body := appendBytes(nil, nodeFileRoot, e.content(nil, &c))
	return e.document(body), nil
}

// DecodeContent reads what [EncodeContent] wrote. The result keeps no part
// of b.
func DecodeContent(p Params, b []byte) (messages.Content, error) {
	var c messages.Content
	err := decodeAlone(p, b, func(d *decoder, message []byte) (err error) {
		c, err = d.content(message, inRoot(p))
		return err
	})
	if err != nil {
		return messages.Content{}, err
	}
	return c, nil
}

// EncodeEntry returns an entry as a document by itself, for a sealed row of
// the index.
func EncodeEntry(p Params, entry messages.Entry) ([]byte, error) {
	var e encoder
	message, err := e.entry(p, nil, &entry, 0)
	if err != nil {
		return nil, err
	}
	document := e.document(appendBytes(nil, nodeFileRoot, message))
	if len(document) > p.NodeMax() {
		return nil, fmt.Errorf("%w: an entry above %d bytes", ErrTooLarge, p.NodeMax())
	}
	return document, nil
}

// DecodeEntry reads what [EncodeEntry] wrote. The result keeps no part of b.
func DecodeEntry(p Params, b []byte) (messages.Entry, error) {
	var entry messages.Entry
	found := false
	err := decodeAlone(p, b, func(d *decoder, message []byte) (err error) {
		found = true
		entry, err = d.entry(message, 0)
		return err
	})
	if err == nil && !found {
		err = fmt.Errorf("%w: no entry", ErrMalformed)
	}
	if err != nil {
		return messages.Entry{}, err
	}
	return entry, nil
}

// decodeAlone reads a document whose field 2 is one message.
func decodeAlone(p Params, b []byte, read func(d *decoder, message []byte) error) error {
	if len(b) > p.NodeMax() {
		return fmt.Errorf("%w: a document above %d bytes", ErrTooLarge, p.NodeMax())
	}
	d := newDecoder(p)
	r := newWireReader(b, 0)
	for r.next() {
		var err error
		switch r.num {
		case documentChunks:
			err = d.readTable(r.bytes(p.NodeMax()))
		case nodeFileRoot:
			err = read(d, r.bytes(p.NodeMax()))
		default:
			r.unknown()
		}
		if r.err == nil && err != nil {
			return err
		}
	}
	if r.err != nil {
		return r.err
	}
	return d.finish()
}
