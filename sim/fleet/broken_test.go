package fleet_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"time"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/messages/wire"
	"github.com/noisefs/noisefs/runtime/port"
	"github.com/noisefs/noisefs/runtime/shell"
	"github.com/noisefs/noisefs/runtime/tree"
)

// maker is what makes an actor, as in a tree.ChildSpec.
type maker = func(*shell.Env) shell.Behaviour

// inRole changes one actor of a tree.
func inRole(role string, change func(maker) maker) func(tree.Spec) tree.Spec {
	return func(spec tree.Spec) tree.Spec {
		for i, child := range spec.Children {
			if child.Role == role {
				spec.Children[i].New = change(child.New)
			}
		}
		return spec
	}
}

// broken is an actor that breaks a rule: it is the one that ships, and what
// it hears and says is changed.
type broken struct {
	shell.Behaviour
	// receive sees messages and timers first: false keeps one from the actor.
	receive func(ctx shell.Ctx, msg any) bool
	// reply changes replies. It sends what it returns, in order.
	reply func(ctx shell.Ctx, reply messages.Reply) []messages.Reply
	// ask changes commands.
	ask func(command messages.Command) messages.Command
}

func (b broken) Start(ctx shell.Ctx) { b.Behaviour.Start(brokenCtx{ctx, b}) }

func (b broken) Receive(ctx shell.Ctx, msg any) {
	if b.receive == nil || b.receive(ctx, msg) {
		b.Behaviour.Receive(brokenCtx{ctx, b}, msg)
	}
}

func (b broken) Due(ctx shell.Ctx, due any) {
	if b.receive == nil || b.receive(ctx, due) {
		b.Behaviour.Due(brokenCtx{ctx, b}, due)
	}
}

type brokenCtx struct {
	shell.Ctx
	broken broken
}

func (c brokenCtx) Ask(to shell.Ref, command messages.Command) {
	if c.broken.ask != nil {
		command = c.broken.ask(command)
	}
	c.Ctx.Ask(to, command)
}

func (c brokenCtx) Reply(to shell.Caller, reply messages.Reply) {
	if c.broken.reply == nil {
		c.Ctx.Reply(to, reply)
		return
	}
	for _, r := range c.broken.reply(c.Ctx, reply) {
		c.Ctx.Reply(to, r)
	}
}

// replying makes an actor whose replies of one type are changed.
func replying[R messages.Reply](
	role string, change func(ctx shell.Ctx, reply R) []messages.Reply,
) func(tree.Spec) tree.Spec {
	return inRole(role, func(make maker) maker {
		return func(env *shell.Env) shell.Behaviour {
			return broken{
				Behaviour: make(env),
				reply: func(ctx shell.Ctx, reply messages.Reply) []messages.Reply {
					if r, ok := reply.(R); ok {
						return change(ctx, r)
					}
					return []messages.Reply{reply}
				},
			}
		}
	})
}

// sameTuple reserves again what was reserved before, as again has it.
func sameTuple(again func(last, next messages.ReservedTuple) messages.ReservedTuple) func(
	tree.Spec) tree.Spec {
	return inRole("randomizer", func(make maker) maker {
		return func(env *shell.Env) shell.Behaviour {
			var last *messages.ReservedTuple
			return broken{
				Behaviour: make(env),
				reply: func(_ shell.Ctx, reply messages.Reply) []messages.Reply {
					if m, ok := reply.(messages.TuplesReserved); ok && len(m.Tuples) > 0 {
						if last != nil {
							m.Tuples[0] = again(*last, m.Tuples[0])
						}
						tuple := m.Tuples[len(m.Tuples)-1]
						last = &tuple
					}
					return []messages.Reply{reply}
				},
			}
		}
	})
}

// structuredRandomizer generates a block that anybody can guess.
func structuredRandomizer() func(tree.Spec) tree.Spec {
	return replying("randomizer", func(_ shell.Ctx, m messages.TuplesReserved) []messages.Reply {
		for i := range m.Tuples {
			if a := &m.Tuples[i].A; a.Data != nil {
				clear(a.Data)
				a.Data[0] = byte(i)
				a.CID = sha256.Sum256(a.Data)
			}
		}
		return []messages.Reply{m}
	})
}

// plaintextBlock stores a chunk as it came.
func plaintextBlock() func(tree.Spec) tree.Spec {
	return inRole("splitter", func(make maker) maker {
		return func(env *shell.Env) shell.Behaviour {
			var chunk []byte
			return broken{
				Behaviour: make(env),
				receive: func(_ shell.Ctx, msg any) bool {
					if m, ok := msg.(messages.WriteChunk); ok {
						chunk = bytes.Clone(m.Data)
					}
					return true
				},
				ask: func(command messages.Command) messages.Command {
					if m, ok := command.(messages.PutBlocks); ok && len(m.Blocks) > 0 && chunk != nil {
						m.Blocks = slices.Clone(m.Blocks)
						m.Blocks[0].Data = chunk
						return m
					}
					return command
				},
			}
		}
	})
}

// trusting takes any bytes for the block that was asked for.
func trusting() func(tree.Spec) tree.Spec {
	return inRole("fetcher", func(make maker) maker {
		return func(env *shell.Env) shell.Behaviour {
			env.Workers = approving{env.Workers}
			return make(env)
		}
	})
}

type approving struct{ port.Workers }

func (w approving) Do(corr messages.Corr, cost time.Duration, f func() any) {
	w.Workers.Do(corr, cost, func() any { f(); return true })
}

// forgetful says that it holds replicas, and does not store them.
func forgetful() func(tree.Spec) tree.Spec {
	return inRole("store", func(make maker) maker {
		return func(env *shell.Env) shell.Behaviour {
			pushed := map[messages.CID]bool{}
			env.Blocks = leaky{env.Blocks, pushed}
			return broken{Behaviour: make(env), receive: func(_ shell.Ctx, msg any) bool {
				if m, ok := msg.(messages.HoldReplicas); ok {
					for _, b := range m.Blocks {
						pushed[b.CID] = true
					}
				}
				return true
			}}
		}
	})
}

type leaky struct {
	port.Blocks
	lost map[messages.CID]bool
}

func (l leaky) Put(corr messages.Corr, blocks []messages.Block) {
	l.Blocks.Put(corr, slices.DeleteFunc(slices.Clone(blocks), func(b messages.Block) bool {
		return l.lost[b.CID]
	}))
}

// deleted is the timer of a store that deletes what it has said to keep.
type deleted struct{ cids []messages.CID }

// deleting deletes blocks some time after it has told that they are stored or
// held. Once that is so, it answers for them from memory no more.
func deleting(
	of func(msg any) []messages.CID, from, after time.Duration,
) func(tree.Spec) tree.Spec {
	return inRole("store", func(make maker) maker {
		return func(env *shell.Env) shell.Behaviour {
			own := map[messages.Corr]bool{}
			return broken{Behaviour: make(env), receive: func(ctx shell.Ctx, msg any) bool {
				switch m := msg.(type) {
				case deleted:
					corr := ctx.NextCorr()
					own[corr] = true
					env.Blocks.Delete(corr, m.cids)
					return false
				case messages.BlocksDeleted:
					return !own[m.Corr]
				}
				cids := of(msg)
				if len(cids) > 0 && env.Clock.Now().Sub(worldStart) >= from {
					env.Clock.After(after, deleted{cids})
				}
				return true
			}}
		}
	})
}

// worldStart is when simulated worlds begin.
var worldStart = time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)

// hasty answers before what it wrote of its promises is durable.
func hasty() func(tree.Spec) tree.Spec {
	return inRole("store", func(make maker) maker {
		return func(env *shell.Env) shell.Behaviour {
			env.Index = unsynced{env.Index}
			return make(env)
		}
	})
}

type unsynced struct{ port.Index }

func (x unsynced) Commit(corr messages.Corr, txn port.Txn) {
	for _, change := range txn.Changes {
		if change.Row.Table == port.TableKept {
			txn.Durable = false
		}
	}
	x.Index.Commit(corr, txn)
}

// serving serves blocks that it does not hold for the network.
func serving(of func(msg any) []messages.Block) func(tree.Spec) tree.Spec {
	return inRole("store", func(make maker) maker {
		return func(env *shell.Env) shell.Behaviour {
			has := map[messages.CID][]byte{}
			return broken{Behaviour: make(env), receive: func(_ shell.Ctx, msg any) bool {
				for _, b := range of(msg) {
					has[b.CID] = b.Data
				}
				m, ok := msg.(messages.PacketReceived)
				if !ok {
					return true
				}
				request, err := wire.DecodeBlockRequest(m.Packet.Head)
				data, known := has[request.CID]
				if err != nil || !known {
					return true
				}
				env.Net.Respond(m.Exchange, messages.Packet{
					Head: wire.BlockResponse{Status: wire.BlockServed}.Append(nil), Blocks: [][]byte{data},
				})
				return false
			}}
		}
	})
}

// twofold counts each summary of demand twice: under its author's name, and
// under another one that it takes for a member.
func twofold() func(tree.Spec) tree.Spec {
	return inRole("popularity", func(make maker) maker {
		return func(env *shell.Env) shell.Behaviour {
			inner := make(env)
			ghost := func(id messages.NodeID) messages.NodeID { id[0] ^= 0x80; return id }
			return broken{Behaviour: inner, receive: func(ctx shell.Ctx, msg any) bool {
				switch m := msg.(type) {
				case messages.GossipReceived:
					inner.Receive(ctx, m)
					m.Author = ghost(m.Author)
					inner.Receive(ctx, m)
					return false
				case messages.ViewChanged:
					members := slices.Clone(m.View.Members)
					for _, member := range m.View.Members {
						double := *member
						double.ID = ghost(double.ID)
						members = append(members, &double)
					}
					slices.SortFunc(members, func(a, b *messages.Member) int {
						return bytes.Compare(a.ID[:], b.ID[:])
					})
					inner.Receive(ctx, messages.ViewChanged{View: messages.NewView(
						m.View.Self, m.View.Version, m.View.Placement, members, nil)})
					return false
				}
				return true
			}}
		}
	})
}

// greedy asks the fetcher for blocks that nobody has, with every read.
func greedy(asks int) func(tree.Spec) tree.Spec {
	return inRole("cache", func(make maker) maker {
		return func(env *shell.Env) shell.Behaviour {
			own := map[messages.Corr]bool{}
			return broken{Behaviour: make(env), receive: func(ctx shell.Ctx, msg any) bool {
				switch m := msg.(type) {
				case messages.ReadBlocks:
					for range asks {
						var cid messages.CID
						binary.LittleEndian.PutUint64(cid[:], env.Rand.Uint64())
						corr := ctx.NextCorr()
						own[corr] = true
						ctx.Ask(env.Sibling("fetcher"), messages.FetchBlocks{
							Call: messages.Call{Corr: corr}, CIDs: []messages.CID{cid},
						})
					}
				case messages.Reply:
					return !own[m.Correlation()]
				}
				return true
			}}
		}
	})
}

// again is what an actor that never ends tells itself.
type again struct{}

// endless tells itself something for ever.
func endless() func(tree.Spec) tree.Spec {
	return inRole("scorer", func(make maker) maker {
		return func(env *shell.Env) shell.Behaviour {
			return broken{Behaviour: make(env), receive: func(ctx shell.Ctx, msg any) bool {
				switch msg.(type) {
				case again:
					ctx.Tell(ctx.Self(), again{})
					return false
				case messages.ViewChanged:
					ctx.Tell(ctx.Self(), again{})
				}
				return true
			}}
		}
	})
}

// idle spreads nothing any more from some time on.
func idle(from time.Duration) func(tree.Spec) tree.Spec {
	return inRole("replication", func(make maker) maker {
		return func(env *shell.Env) shell.Behaviour {
			env.Net = mute{env.Net, env.Clock, from}
			return make(env)
		}
	})
}

type mute struct {
	port.Net
	clock port.Clock
	from  time.Duration
}

func (n mute) Request(corr messages.Corr, to messages.NodeID, protocol messages.Protocol,
	packet messages.Packet, timeout time.Duration,
) {
	if n.clock.Now().Sub(worldStart) >= n.from {
		packet = messages.Packet{Head: []byte{0xff}} // nobody understands it
	}
	n.Net.Request(corr, to, protocol, packet, timeout)
}
