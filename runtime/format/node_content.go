package format

import (
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/noisefs/noisefs/messages"
)

// Level implements [Node]: one above the children that are no holes.
func (n *ContentNode) Level() uint8 {
	if len(n.Children) == 0 {
		return 0
	}
	return n.Children[len(n.Children)-1].Level + 1
}

// Child returns child i, the zero ref for a hole.
func (n *ContentNode) Child(i int) messages.BlockRef {
	if i >= len(n.Children) {
		return messages.BlockRef{}
	}
	return n.Children[i]
}

// Locate tells which child of a node covers a chunk, and which chunk of that
// child's it is. level is that of the children: Content.Level at the top of
// a file, then ref.Level-1 of each ref that is followed. At level 0 the
// child is the chunk.
//
//	child, rest := Locate(p, content.Level, chunk)
//	for ref := content.Children[child]; ref.Level > 0; {
//		node := … // read ref, a *ContentNode
//		child, rest = Locate(p, ref.Level-1, rest)
//		ref = node.Child(child)
//	}
func Locate(p Params, level uint8, chunk uint64) (child int, rest uint64) {
	span := p.Span(level)
	return int(chunk / span), chunk % span
}

func (n *ContentNode) number() protowire.Number { return nodeContent }

func (n *ContentNode) check(p Params) error {
	count := len(n.Children)
	if count == 0 || n.Children[count-1] == (messages.BlockRef{}) {
		return fmt.Errorf("%w: a content node that is empty or ends with a hole", ErrMalformed)
	}
	if count > p.Fanout() {
		return fmt.Errorf("%w: more than %d children", ErrTooLarge, p.Fanout())
	}
	level := n.Level() - 1
	if level >= p.LevelMax() {
		return fmt.Errorf("%w: children of level %d, limit %d", ErrTooLarge, level, p.LevelMax()-1)
	}
	for _, ref := range n.Children {
		if ref == (messages.BlockRef{}) {
			continue
		}
		if err := checkLevel(p, ref, level); err != nil {
			return err
		}
	}
	return nil
}

func (n *ContentNode) append(_ *encoder, _ Params, b []byte) ([]byte, error) {
	return appendRuns(b, contentKid, n.Children), nil
}

func (d *decoder) contentNode(buf []byte) (*ContentNode, error) {
	node := new(ContentNode)
	r := newWireReader(buf, contentKid)
	for r.next() {
		if r.num != contentKid {
			r.unknown()
			break
		}
		var err error
		node.Children, err = d.run(node.Children, r.message(), d.p.Fanout())
		if r.err == nil && err != nil {
			return nil, err
		}
	}
	return node, r.err
}
