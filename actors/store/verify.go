package store

import (
	"bytes"
	"time"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/format"
)

// hashCostPerBlock is what hashing one block costs in virtual time.
const hashCostPerBlock = 100 * time.Microsecond

// verifier checks every stored block against its checksum and its CID, then
// opens every ref of every name and share through the reader, which checks
// its tag. Both run with a bounded number of requests under way. What is
// wrong is listed; only what keeps it from going on at all fails it.
type verifier struct {
	cfg Config

	// Hashing.
	listing bool
	listed  bool // no more pages
	after   messages.CID
	cids    []messages.CID // listed, not read yet
	batches int            // being read or hashed

	// Opening refs.
	walk    *messages.WalkID
	walking bool // a ContinueWalk is under way
	walked  bool // the walk is done
	ending  bool // EndWalk was sent
	refs    []messages.NeededRef
	opening int

	err         *messages.Error // why the verification fails
	phase       string
	done, total int64
	result      messages.StoreVerified
}

var _ job = (*verifier)(nil)

func newVerifier(cfg Config) *verifier {
	return &verifier{cfg: cfg, phase: "checking blocks"}
}

// Tags of what a verifier has under way.
type (
	batchTag struct{ cids []messages.CID }
	refTag   struct {
		ref     messages.NeededRef
		retried bool
	}
)

func (v *verifier) progress() (string, int64, int64) { return v.phase, v.done, v.total }

func (v *verifier) cancel() {
	if v.err == nil {
		v.err = canceled()
	}
}

// written is nothing to a verifier: what is put now was hashed just now.
func (v *verifier) written([]messages.CID) {}

func (v *verifier) step(answer, tag any) []effect {
	switch m := answer.(type) {
	case nil:
		return []effect{look{}}
	case messages.BlocksUsage:
		v.total = m.Blocks
	case messages.BlocksListed:
		v.onListed(m)
	case messages.BlocksGot:
		return v.onGot(m, tag.(batchTag).cids)
	case messages.WorkDone:
		v.onHashed(m, tag.(batchTag).cids)
	case messages.WalkBegun:
		v.walk, v.walking = &m.Walk, false
	case messages.WalkContinued:
		v.onWalked(m)
	case messages.WalkEnded:
		return v.finish()
	case messages.BlockUnsealed:
		v.opened()
	case messages.Failed:
		return v.onFailed(m.Err, tag)
	}
	return v.next()
}

// next returns what can be started now.
func (v *verifier) next() []effect {
	switch {
	case v.err != nil:
		return v.giveUp()
	case !v.hashed():
		return v.nextBatches()
	case v.walk == nil && !v.walking:
		v.walking = true
		v.phase, v.done, v.total = "reading refs", 0, 0
		return []effect{ask{to: "drive", command: func(call messages.Call) messages.Command {
			return messages.BeginWalk{Call: call}
		}}}
	case v.walk == nil:
		return nil
	}
	return v.nextRefs()
}

// giveUp waits for what is under way, ends the walk, and answers the error.
func (v *verifier) giveUp() []effect {
	switch {
	case v.listing || v.batches > 0 || v.walking || v.opening > 0:
		return nil
	case v.walk != nil:
		return v.endWalk()
	}
	return v.finish()
}

func (v *verifier) hashed() bool {
	return v.listed && len(v.cids) == 0 && v.batches == 0
}

func (v *verifier) nextBatches() []effect {
	var out []effect
	for v.batches < v.cfg.VerifyBatches && len(v.cids) > 0 {
		n := min(len(v.cids), v.cfg.VerifyBatchBlocks)
		cids := v.cids[:n:n]
		v.cids = v.cids[n:]
		v.batches++
		out = append(out, get{cids: cids, tag: batchTag{cids}})
	}
	if len(v.cids) == 0 && !v.listed && !v.listing {
		v.listing = true
		out = append(out, list{after: v.after})
	}
	return out
}

func (v *verifier) onListed(page messages.BlocksListed) {
	v.listing = false
	v.cids = page.CIDs
	v.listed = !page.More || len(page.CIDs) == 0
	if n := len(page.CIDs); n > 0 {
		v.after = page.CIDs[n-1]
	}
}

func (v *verifier) onGot(got messages.BlocksGot, cids []messages.CID) []effect {
	blocks := make([]messages.Block, 0, len(cids))
	for i, cid := range cids {
		if got.Errs != nil && got.Errs[i] != nil {
			v.problem(cid, failure("the block cannot be read", got.Errs[i]).Error())
			continue
		}
		blocks = append(blocks, messages.Block{CID: cid, Data: got.Blocks[i].Data})
	}
	return []effect{work{
		cost: time.Duration(len(blocks)) * hashCostPerBlock,
		run:  func() any { return misnamed(blocks) },
		tag:  batchTag{cids},
	}}
}

// misnamed returns the CIDs of blocks whose bytes do not hash to them. It
// runs off the actor.
func misnamed(blocks []messages.Block) []messages.CID {
	var wrong []messages.CID
	for _, b := range blocks {
		if name := format.Name(b.Data); !bytes.Equal(name[:], b.CID[:]) {
			wrong = append(wrong, b.CID)
		}
	}
	return wrong
}

func (v *verifier) onHashed(done messages.WorkDone, cids []messages.CID) {
	v.batches--
	v.done += int64(len(cids))
	v.result.Blocks += int64(len(cids))
	if done.Err != nil {
		v.err = &messages.Error{
			Code: messages.CodeInternal, Text: "hashing blocks failed", Err: done.Err,
		}
		return
	}
	for _, cid := range done.Result.([]messages.CID) {
		v.problem(cid, "the block's bytes do not hash to its CID")
	}
}

func (v *verifier) onWalked(batch messages.WalkContinued) {
	v.walking = false
	v.walked = batch.Done
	v.refs = append(v.refs, batch.Refs...)
	for _, p := range batch.Broken {
		v.problem(p.Block, p.Reason)
	}
}

func (v *verifier) nextRefs() []effect {
	var out []effect
	for v.opening < v.cfg.VerifyRefs && len(v.refs) > 0 {
		out = append(out, v.open(refTag{ref: v.refs[0]}))
		v.refs = v.refs[1:]
	}
	switch {
	case len(v.refs) > 0:
	case !v.walked && !v.walking:
		v.walking = true
		walk := *v.walk
		out = append(out, ask{to: "drive", command: func(call messages.Call) messages.Command {
			return messages.ContinueWalk{Call: call, Walk: walk}
		}})
	case v.walked && v.opening == 0:
		out = append(out, v.endWalk()...)
	}
	return out
}

func (v *verifier) open(tag refTag) effect {
	v.opening++
	return ask{to: "reader", tag: tag, command: func(call messages.Call) messages.Command {
		return messages.UnsealBlock{Call: call, Ref: tag.ref.Ref, Kind: tag.ref.Kind}
	}}
}

// opened counts a ref that was read, or could not be.
func (v *verifier) opened() {
	v.opening--
	v.done++
	v.result.Refs++
}

func (v *verifier) onFailed(err *messages.Error, tag any) []effect {
	ref, isRef := tag.(refTag)
	switch {
	case v.ending:
		return v.finish() // the drive restarted: there is no walk to end
	case !isRef:
		v.walking = false
		if v.err == nil {
			v.err = err
		}
	case !ref.retried && (err.Code == messages.CodeRestarted || err.Code == messages.CodeOverload):
		v.opening--
		return []effect{v.open(refTag{ref: ref.ref, retried: true})}
	default:
		v.opened()
		v.problem(ref.ref.Ref.D, err.Error())
	}
	return v.next()
}

func (v *verifier) endWalk() []effect {
	v.ending = true
	walk := *v.walk
	v.walk = nil
	return []effect{ask{to: "drive", command: func(call messages.Call) messages.Command {
		return messages.EndWalk{Call: call, Walk: walk}
	}}}
}

func (v *verifier) finish() []effect {
	if v.err != nil {
		return []effect{finish{err: v.err}}
	}
	return []effect{finish{reply: func(answer messages.Answer) messages.Reply {
		v.result.Answer = answer
		return v.result
	}}}
}

func (v *verifier) problem(block messages.CID, reason string) {
	v.result.Count++
	if len(v.result.Problems) < messages.ProblemsMax {
		v.result.Problems = append(v.result.Problems, messages.Problem{Block: block, Reason: reason})
	}
}
