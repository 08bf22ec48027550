package shell

import (
	"fmt"

	"github.com/noisefs/noisefs/messages"
)

var _ Ctx = cellCtx{}

// cellCtx is the [Ctx] of one incarnation.
type cellCtx struct {
	cell *cell
	life *Incarnation
}

// use panics when a Ctx was kept and is used after its call, or after its
// incarnation.
func (x cellCtx) use() {
	if !x.life.handling || x.cell.life != x.life {
		panic(fmt.Errorf("shell: %s used its Ctx outside of the call it was passed to", x.cell.role))
	}
}

// Self implements [Ctx].
func (x cellCtx) Self() Ref { return Ref{&x.cell.endpoint} }

// NextCorr implements [Ctx].
func (x cellCtx) NextCorr() messages.Corr {
	x.use()
	x.cell.lastCorr++
	return x.cell.lastCorr
}

// Ask implements [Ctx].
func (x cellCtx) Ask(to Ref, command messages.Command) {
	x.use()
	if corr := command.Correlation(); corr <= x.life.firstCorr || corr > x.cell.lastCorr {
		panic(fmt.Errorf("shell: %T has a Corr that is not from NextCorr", command))
	}
	x.send(to, KindCommand, command)
}

// Tell implements [Ctx].
func (x cellCtx) Tell(to Ref, event any) {
	x.use()
	switch event.(type) {
	case messages.Command, messages.Reply:
		panic(fmt.Errorf("shell: %T is not an event: use Ask or Reply", event))
	}
	x.send(to, KindEvent, event)
}

func (x cellCtx) send(to Ref, kind Kind, msg any) {
	receiver := to.to
	if receiver == nil {
		receiver = x.cell.node.system.nobody
	}
	receiver.sink.accept(envelope{kind: kind, from: &x.cell.endpoint, msg: msg})
}

// Caller implements [Ctx].
func (x cellCtx) Caller() Caller { return x.life.caller }

// Reply implements [Ctx].
func (x cellCtx) Reply(to Caller, reply messages.Reply) {
	x.use()
	if reply.Correlation() != to.Corr {
		panic(fmt.Errorf("shell: %T carries Corr %d, its caller awaits %d",
			reply, reply.Correlation(), to.Corr))
	}
	if !x.life.strike(to) {
		panic(fmt.Errorf("shell: %T answers a command that is not open", reply))
	}
	x.send(to.Ref, KindReply, reply)
}

// Fail implements [Ctx].
func (x cellCtx) Fail(to Caller, err *messages.Error) {
	x.Reply(to, messages.Failed{Answer: to.Answer(), Err: err})
}

// Spawn implements [Ctx].
func (x cellCtx) Spawn(name string, child Child) Ref {
	x.use()
	if _, taken := x.life.children[name]; taken || name == "" {
		panic(fmt.Errorf("shell: %s has no free name for a child", x.cell.role))
	}
	parent := x.cell
	c := newCell(parent.node, parent.path, name, parent.role, child)
	c.policy, c.needs, c.stats = parent.policy, parent.needs, parent.stats
	if x.life.children == nil {
		x.life.children = make(map[string]*cell)
	}
	x.life.children[name] = c
	c.spawn(parent.proto)
	return Ref{&c.endpoint}
}

// StopChild implements [Ctx].
func (x cellCtx) StopChild(child Ref) {
	x.use()
	c, ok := child.to.sink.(*cell)
	if !ok || x.life.children[c.name] != c {
		panic(fmt.Errorf("shell: %s stops what is not a living child of it", x.cell.role))
	}
	delete(x.life.children, c.name)
	x.cell.proto.Stop(c.pid)
}
