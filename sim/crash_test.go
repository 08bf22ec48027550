package sim_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/port"
	"github.com/noisefs/noisefs/runtime/port/porttest"
	"github.com/noisefs/noisefs/runtime/shell"
	"github.com/noisefs/noisefs/runtime/tree"
	"github.com/noisefs/noisefs/sim"
	"github.com/noisefs/noisefs/sim/memindex"
)

// save asks the keeper for one block and one row; saved tells that both are
// durable.
type (
	save struct {
		messages.Call
		N int
	}
	saved struct{ messages.Answer }
)

func makeSave(n int) shell.Make {
	return func(call messages.Call) messages.Command { return save{call, n} }
}

// keeper writes a block, and when it is durable a row that names it.
type keeper struct {
	env   *shell.Env
	under map[messages.Corr]keeping
}

type keeping struct {
	caller shell.Caller
	n      int
}

func newKeeper(env *shell.Env) shell.Behaviour {
	return &keeper{env: env, under: make(map[messages.Corr]keeping)}
}

func block(n int) messages.Block {
	return porttest.RandomBlocks(uint64(n), 1, testBlockSize)[0]
}

func rowOf(n int) port.RowKey {
	return port.RowKey{Table: port.TableRoots, Key: fmt.Append(nil, n)}
}

func (k *keeper) Start(shell.Ctx) {}

func (k *keeper) Receive(ctx shell.Ctx, msg any) {
	switch m := msg.(type) {
	case save:
		corr := ctx.NextCorr()
		k.under[corr] = keeping{ctx.Caller(), m.N}
		k.env.Blocks.Put(corr, []messages.Block{block(m.N)})
	case messages.BlocksPut:
		job := k.under[m.Corr]
		delete(k.under, m.Corr)
		if m.Err != nil {
			ctx.Fail(job.caller, messages.Errorf(messages.CodeIO, "blocks"))
			return
		}
		corr := ctx.NextCorr()
		k.under[corr] = job
		cid := block(job.n).CID
		k.env.Index.Commit(corr, port.Txn{Durable: true, Changes: []port.Change{
			{Op: port.OpPut, Row: rowOf(job.n), Value: cid[:]},
		}})
	case messages.IndexCommitted:
		job := k.under[m.Corr]
		delete(k.under, m.Corr)
		if m.Err != nil {
			ctx.Fail(job.caller, messages.Errorf(messages.CodeIO, "index"))
			return
		}
		ctx.Reply(job.caller, saved{job.caller.Answer()})
	}
}

func (k *keeper) Due(shell.Ctx, any) {}

// A hundred power cuts, some between operations of the disk and some in the
// middle of one: what was acknowledged is there, and every row has its block.
func TestAcknowledgedSurvivesPowerCuts(t *testing.T) {
	world := sim.NewWorld(sim.Options{Seed: 1})
	m := sim.NewMachine(sim.MachineOptions{
		Seed: 1, BlockSize: testBlockSize, SegmentBytes: 16 << 10,
		Disk: sim.SSD(1), Index: memindex.DefaultCosts(),
	})
	node := world.AddNode(t, sim.NodeConfig{
		Name: "n1", Open: m.Open, PowerCut: m.PowerCut,
		Spec: tree.Spec{Children: []tree.ChildSpec{{
			Role: "keeper", Doc: "keeps", New: newKeeper,
		}}},
	})
	client := world.Client(t, node)
	acknowledged := make(map[int]bool)
	next, inTheMiddle, lost := 0, 0, 0
	for cut := range 100 {
		commands := make(map[int]*sim.Pending)
		for range 10 {
			commands[next] = client.Start("keeper", makeSave(next))
			next++
		}
		switch cut % 3 {
		case 0:
			m.Disk().CutAt(int64(1 + cut%50))
		case 1:
			m.Index().CutPowerAt(cut % 20)
		}
		pass(t, world, time.Duration(cut%20)*2*time.Millisecond)
		if !node.Running() {
			inTheMiddle++
		}
		for n, c := range commands {
			if c.Done() {
				acknowledged[n] = true
			} else {
				lost++
			}
		}
		node.Crash()
		if err := node.Boot(); err != nil {
			t.Fatal(err)
		}
		checkKept(t, m, acknowledged, next)
	}
	t.Logf("%d acknowledged, %d not, %d cuts in the middle of an operation",
		len(acknowledged), lost, inTheMiddle)
	if len(acknowledged) < 100 || lost < 100 || inTheMiddle < 10 {
		t.Error("the cuts did not come at interesting times")
	}
}

func checkKept(t *testing.T, m *sim.Machine, acknowledged map[int]bool, next int) {
	t.Helper()
	for n := range next {
		values, err := m.Index().Get([]port.RowKey{rowOf(n)})
		if err != nil {
			t.Fatal(err)
		}
		if values[0] == nil {
			if acknowledged[n] {
				t.Fatalf("save %d was acknowledged, and its row is gone", n)
			}
			continue
		}
		cid := messages.CID(values[0])
		data, err := m.Blocks().Get(cid, nil, true)
		if err != nil || sha256.Sum256(data) != cid {
			t.Fatalf("the block of row %d: %v", n, err)
		}
	}
}

func TestStopClosesTheEnginesAndBootsAgain(t *testing.T) {
	world := sim.NewWorld(sim.Options{})
	m := machine(t)
	node := world.AddNode(t, sim.NodeConfig{Name: "n1", Open: m.Open, Spec: tree.Spec{
		Children: []tree.ChildSpec{{Role: "keeper", Doc: "keeps", New: newKeeper}},
	}})
	client := world.Client(t, node)
	client.Must("keeper", makeSave(1))
	engine := m.Blocks()
	if err := node.Stop(); err != nil {
		t.Fatal(err)
	}
	if _, err := engine.Get(block(1).CID, nil, false); !errors.Is(err, port.ErrEngineClosed) {
		t.Errorf("the engine of a stopped node says %v", err)
	}
	if err := node.Boot(); err != nil {
		t.Fatal(err)
	}
	checkKept(t, m, map[int]bool{1: true}, 2)
	if err := node.Boot(); err == nil {
		t.Error("a running node could boot")
	}
	if node.Boots() != 2 {
		t.Errorf("%d boots, want 2", node.Boots())
	}
}
