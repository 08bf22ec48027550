package reader

import (
	"errors"
	"strings"
	"time"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/format"
)

// openCostPerBlock is what opening one block costs in virtual time.
const openCostPerBlock = 100 * time.Microsecond

// blockKey says what is opened, and how. All of the ref counts: a ref with
// the right blocks and another key must not be served from what somebody
// else could open.
type blockKey struct {
	ref    messages.BlockRef
	kind   messages.BlockKind
	decode bool // as a content node; the plaintext is not kept then
}

// opened is a block that was opened, or why it was not.
type opened struct {
	data []byte
	node *format.ContentNode // of a key with decode
	err  *messages.Error
	bad  []messages.CID // stored blocks that are not what their CID says
}

// open decodes a block from the stored blocks of its tuple. It runs off the
// actor, owns nothing of it, and makes the buffer that it returns.
func open(p format.Params, key blockKey, tuple [tupleSize][]byte) opened {
	data, err := format.Open(p, key.kind, key.ref, tuple[0], tuple[1], tuple[2], p.NewBuffer())
	if err != nil {
		return notOpened(key, tuple, err)
	}
	if !key.decode {
		return opened{data: data}
	}
	node, err := format.DecodeNode(p, key.ref.Level, data)
	if err != nil {
		return opened{err: &messages.Error{
			Code: messages.CodeCorrupt, Text: "a node of a file cannot be read", Err: err,
		}}
	}
	content, ok := node.(*format.ContentNode)
	if !ok {
		return opened{err: messages.Errorf(messages.CodeCorrupt,
			"a node of a file is of another kind")}
	}
	return opened{node: content}
}

// notOpened finds out whose fault it is that a block did not open.
func notOpened(key blockKey, tuple [tupleSize][]byte, err error) opened {
	if !errors.Is(err, format.ErrTag) {
		code := messages.CodeInvalid
		if errors.Is(err, format.ErrBlockSize) {
			code = messages.CodeCorrupt
		}
		return opened{err: &messages.Error{Code: code, Text: "a block cannot be opened", Err: err}}
	}
	var bad []messages.CID
	var names []string
	for i, cid := range key.ref.Tuple() {
		if format.Name(tuple[i]) != cid {
			bad = append(bad, cid)
			names = append(names, cid.String())
		}
	}
	if len(bad) == 0 {
		return opened{err: messages.Errorf(messages.CodeCorrupt,
			"block %v does not open: its stored blocks are whole, but the ref is not theirs",
			key.ref.D)}
	}
	return opened{bad: bad, err: messages.Errorf(messages.CodeCorrupt,
		"stored block %s is damaged: its bytes do not hash to its CID",
		strings.Join(names, " and "))}
}

// openPacked cuts a packed file out of its opened chunks and decodes it. It
// runs off the actor.
func openPacked(p format.Params, content messages.Content, chunks [][]byte) opened {
	sealed, err := format.SlicePacked(*content.Pack, chunks...)
	if err != nil {
		return corrupt("a packed file is not where its ref says", err)
	}
	data, err := format.OpenPacked(p, *content.Pack, content.Size, sealed)
	if err != nil {
		return corrupt("a packed file does not open", err)
	}
	return opened{data: data}
}

func corrupt(text string, err error) opened {
	return opened{err: &messages.Error{Code: messages.CodeCorrupt, Text: text, Err: err}}
}
