package node

import (
	"context"
	"slices"
	"time"

	"github.com/noisefs/noisefs/messages"
)

// BlockReplicas is what is known of the holders of a block.
type BlockReplicas struct {
	CID messages.CID `json:"cid"`
	// Watched tells whether this node looks after the block: it does for what
	// its drive needs and what it holds for others. The rest is zero otherwise.
	Watched bool              `json:"watched"`
	Factor  int               `json:"factor"` // how many holders it should have; 0: not known yet
	Here    bool              `json:"here"`   // this node holds it for the network
	Others  []messages.NodeID `json:"others"` // other nodes that hold it
	Looked  time.Time         `json:"looked"` // when they were asked last; zero: not yet
}

// The pace of Spread: how often it is looked whether blocks have arrived, and
// how often those that have not are asked for again.
const (
	spreadPoll  = 500 * time.Millisecond
	spreadAgain = 30 * time.Second
)

// distinctMax bounds the blocks of which it is remembered that they were
// seen, at about 50 bytes each. Beyond it, a block may come again.
const distinctMax = 1 << 20

// Replicas implements [Client].
func (l *Local) Replicas(
	ctx context.Context, target messages.Target, each func(BlockReplicas) error,
) error {
	if _, err := l.edge(); err != nil {
		return err
	}
	return l.eachBatch(ctx, target, func(cids []messages.CID) error {
		states, err := l.describe(ctx, cids)
		if err != nil {
			return err
		}
		for i, s := range states {
			err := each(BlockReplicas{cids[i], s.Watched, s.Factor, s.Here, s.Others, s.Looked})
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// Spread implements [Client]. The first walk asks for everything, the second
// waits, so that nothing has to be kept in memory.
func (l *Local) Spread(
	ctx context.Context, target messages.Target, others int, progress func(Progress),
) error {
	if _, err := l.edge(); err != nil {
		return err
	}
	if others < 1 {
		return messages.Errorf(messages.CodeInvalid, "%d other holders are wanted, want 1 or more", others)
	}
	if err := l.enough(ctx, others); err != nil {
		return err
	}
	at := Progress{Phase: "asking others to hold the blocks"}
	tell := func(more int) {
		at.Done += int64(more)
		if progress != nil {
			progress(at)
		}
	}
	err := l.eachBatch(ctx, target, func(cids []messages.CID) error {
		at.Total += int64(len(cids))
		tell(0)
		return l.require(ctx, cids, others)
	})
	if err != nil {
		return err
	}
	at.Phase = "waiting for holders"
	return l.eachBatch(ctx, target, func(cids []messages.CID) error {
		return l.await(ctx, cids, others, tell)
	})
}

// enough reports an error when the network has fewer others that offer room.
func (l *Local) enough(ctx context.Context, others int) error {
	listed, err := ask[messages.MembersListed](ctx, l, roleMembership,
		func(call messages.Call) messages.Command { return messages.ListMembers{Call: call} })
	if err != nil {
		return err
	}
	there := 0
	for _, m := range listed.View.Members {
		if m.ID != listed.View.Self && m.CapacityBlocks > 0 {
			there++
		}
	}
	if others > there {
		return messages.Errorf(messages.CodeUnavailable,
			"%d other nodes are to hold the blocks, and the network has %d that offer room",
			others, there)
	}
	return nil
}

// await waits until that many others hold each of the blocks.
func (l *Local) await(
	ctx context.Context, cids []messages.CID, others int, tell func(more int),
) error {
	ticker := time.NewTicker(spreadPoll)
	defer ticker.Stop()
	asked := time.Now()
	for {
		states, err := l.describe(ctx, cids)
		if err != nil {
			return err
		}
		var missing []messages.CID
		for i, s := range states {
			if len(s.Others) < others {
				missing = append(missing, cids[i])
			}
		}
		tell(len(cids) - len(missing))
		if len(missing) == 0 {
			return nil
		}
		cids = missing
		select {
		case <-ctx.Done():
			return canceled(ctx)
		case <-ticker.C:
		}
		if time.Since(asked) > spreadAgain {
			asked = time.Now()
			if err := l.enough(ctx, others); err != nil {
				return err
			}
			if err := l.require(ctx, cids, others); err != nil {
				return err
			}
		}
	}
}

// require asks that so many others hold blocks.
func (l *Local) require(ctx context.Context, cids []messages.CID, others int) error {
	_, err := ask[messages.ReplicasRequired](ctx, l, roleReplication,
		func(call messages.Call) messages.Command {
			return messages.RequireReplicas{Call: call, CIDs: cids, Others: others}
		})
	return err
}

func (l *Local) describe(
	ctx context.Context, cids []messages.CID,
) ([]messages.ReplicaState, error) {
	described, err := ask[messages.ReplicasDescribed](ctx, l, roleReplication,
		func(call messages.Call) messages.Command {
			return messages.DescribeReplicas{Call: call, CIDs: cids}
		})
	return described.Blocks, err
}

// eachBatch calls do with the blocks that a target needs, all slots of all
// tuples, up to ReplicasMax at a time.
func (l *Local) eachBatch(
	ctx context.Context, target messages.Target, do func([]messages.CID) error,
) error {
	begin := messages.BeginWalk{Only: target.Path}
	if target.Link != nil {
		if target.Path != "" {
			return messages.Errorf(messages.CodeInvalid, "name the link alone, without a path below it")
		}
		begin.Root = &messages.NeededRef{Ref: target.Link.Root, Kind: messages.KindNode}
	}
	begun, err := askToOpen[messages.WalkBegun](ctx, l, roleDrive,
		func(call messages.Call) messages.Command {
			begin.Call = call
			return begin
		})
	if err != nil {
		return err
	}
	defer l.tidy(roleDrive, func(call messages.Call) messages.Command {
		return messages.EndWalk{Call: call, Walk: begun.Walk}
	})
	seen := make(map[messages.CID]bool)
	for {
		walked, err := ask[messages.WalkContinued](ctx, l, roleDrive,
			func(call messages.Call) messages.Command {
				return messages.ContinueWalk{Call: call, Walk: begun.Walk}
			})
		switch {
		case err != nil:
			return err
		case len(walked.Broken) > 0:
			return messages.Errorf(messages.CodeCorrupt, "%s", walked.Broken[0].Reason)
		}
		for cids := range slices.Chunk(distinct(walked.Refs, seen), messages.ReplicasMax) {
			if err := do(cids); err != nil {
				return err
			}
		}
		if walked.Done {
			return nil
		}
	}
}

// distinct returns the blocks of tuples that were not seen before.
func distinct(refs []messages.NeededRef, seen map[messages.CID]bool) []messages.CID {
	var cids []messages.CID
	for _, needed := range refs {
		for _, cid := range []messages.CID{needed.Ref.D, needed.Ref.A, needed.Ref.B} {
			if seen[cid] {
				continue
			}
			if len(seen) < distinctMax {
				seen[cid] = true
			}
			cids = append(cids, cid)
		}
	}
	return cids
}
