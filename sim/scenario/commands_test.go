package scenario_test

import (
	"bytes"
	"math/rand/v2"
	"path"
	"reflect"
	"testing"
	"time"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/format"
	"github.com/noisefs/noisefs/runtime/shell"
	"github.com/noisefs/noisefs/sim/scenario"
)

// everyCommand is all commands that a node takes, from outside or from
// another actor.
var everyCommand = []messages.Command{
	messages.StoreFile{},
	messages.OpenTree{},
	messages.AddEntry{},
	messages.EnterDirectory{},
	messages.LeaveDirectory{},
	messages.FinishTree{},
	messages.AbandonTree{},
	messages.Stat{},
	messages.List{},
	messages.MakeDirectory{},
	messages.Rename{},
	messages.Remove{},
	messages.Share{},
	messages.ListShares{},
	messages.Unshare{},
	messages.Import{},
	messages.BeginWalk{},
	messages.ContinueWalk{},
	messages.EndWalk{},
	messages.HoldImports{},
	messages.OpenStream{},
	messages.WriteChunk{},
	messages.FinishStream{},
	messages.SealBlock{},
	messages.SyncStream{},
	messages.CloseStream{},
	messages.ListInFlight{},
	messages.OpenContent{},
	messages.ReadRange{},
	messages.CloseContent{},
	messages.UnsealBlock{},
	messages.PutBlocks{},
	messages.LoadBlocks{},
	messages.ListStored{},
	messages.StatStore{},
	messages.Collect{},
	messages.VerifyStore{},
	messages.StatJob{},
	messages.ReadBlocks{},
	messages.StatCache{},
	messages.ReserveTuples{},
	messages.CommitTuples{},
	messages.EndStream{},
	messages.AdmitBlocks{},
	messages.BeginCollection{},
	messages.RetireBlocks{},
	messages.EndCollection{},
	messages.StatRandomizer{},
}

func attributes(n int) messages.Attributes {
	return messages.Attributes{Mode: 0o640, ModTime: time.Unix(int64(n), 5).UTC()}
}

func file(text string) *scenario.Item {
	return scenario.NewFile([]byte(text), attributes(len(text)))
}

// library is a tree with small and large files, a symlink and directories.
func library() *scenario.Item {
	root, inner := scenario.NewDirectory(), scenario.NewDirectory()
	for i, size := range []int{0, 10, 100, 400, 600, 5000} {
		data := bytes.Repeat([]byte("abcdefghi\n"), size/10)
		inner.Entries[string(rune('a'+i))] = scenario.NewFile(data, attributes(i))
	}
	root.Entries["empty"] = scenario.NewDirectory()
	root.Entries["inner"] = inner
	root.Entries["link"] = &scenario.Item{
		Type: messages.TypeSymlink, Target: "inner/a", Attr: attributes(9),
	}
	return root
}

// TestScenarioCommands gives a node every command there is, and checks what
// comes of it.
func TestScenarioCommands(t *testing.T) {
	h := newHouse(t, scenario.Options{Seed: 1})
	run(t, h, func(s *scenario.Session) {
		must := func(err *messages.Error) {
			if err != nil {
				s.Broken("%v (%q)", err, err.Code)
			}
		}
		must(s.MakeDirectory("/d/e", true))
		long := scenario.NewFile(bytes.Repeat([]byte("0123456789"), 2000), attributes(1))
		_, err := s.PutFile("long", long, messages.Place{Path: "/d/long"})
		must(err)
		_, err = s.PutFile("short", file("short"), messages.Place{Path: "/d/long", Replace: true})
		must(err)
		wantFile(s, scenario.At("/d/long"), []byte("short"))
		_, err = s.PutFile("long", long, messages.Place{Path: "/d/longer"})
		must(err)

		_, err = s.PutTree("tree", library(), messages.Place{Path: "/tree"})
		must(err)
		wantTree(s, scenario.At("/tree"), library())
		must(s.Rename("/tree/inner", "/d/inner", false))
		must(s.Remove("/tree", true))
		wantTree(s, scenario.At("/d/inner"), library().Entries["inner"])

		link, err := s.Share("/d")
		must(err)
		must(s.Import(link, "/again"))
		wantTree(s, scenario.At("/again/inner"), library().Entries["inner"])
		wantFile(s, scenario.Below(link, "longer"), long.Data)
		packed, err := s.Share("/d/inner/c")
		must(err)
		wantFile(s, scenario.Below(packed, ""), library().Entries["inner"].Entries["c"].Data)
		shares, err := s.Shares()
		must(err)
		if len(shares) != 2 {
			s.Broken("%d links are kept, want 2", len(shares))
		}
		must(s.Remove("/d", true))
		_, err = s.Collect()
		must(err)
		wantFile(s, scenario.Below(link, "longer"), long.Data)
		must(s.Unshare(link))
		must(s.Unshare(packed))
		must(s.Remove("/again", true))
		collected, err := s.Collect()
		must(err)
		if stored := h.Stored(); collected.Needed != 0 || len(stored) != 0 {
			s.Broken("%d blocks are needed and %d stored when all is removed",
				collected.Needed, len(stored))
		}
		direct(s)
		if verified, err := s.Verify(); err != nil || verified.Count > 0 {
			s.Broken("verify: %d problems, %v", verified.Count, err)
		}
	})
	for _, command := range everyCommand {
		if h.Watch.OpenMax(command) == 0 {
			t.Errorf("nobody asked %T", command)
		}
	}
	if asked, replied := h.Client.Counts(); asked != replied {
		t.Errorf("%d commands, %d replies", asked, replied)
	}
	if err := h.Settle(nil); err != nil {
		t.Fatal(err)
	}
}

// direct asks what clients ask, and no other command above leads to.
func direct(s *scenario.Session) {
	noise := make([]byte, scenario.BlockSize)
	_, _ = rand.NewChaCha8([32]byte{7}).Read(noise) // never fails
	foreign := []messages.Block{{CID: format.Name(noise), Data: noise}}
	for _, ask := range []struct {
		role string
		make shell.Make
	}{
		{"store", func(c messages.Call) messages.Command { return messages.StatStore{Call: c} }},
		{"store", func(c messages.Call) messages.Command { return messages.StatJob{Call: c} }},
		{"store", func(c messages.Call) messages.Command {
			return messages.ListStored{Call: c, Limit: 10}
		}},
		{"cache", func(c messages.Call) messages.Command { return messages.StatCache{Call: c} }},
		{"randomizer", func(c messages.Call) messages.Command {
			return messages.StatRandomizer{Call: c}
		}},
		{"store", func(c messages.Call) messages.Command {
			return messages.PutBlocks{Call: c, Blocks: foreign}
		}},
		{"randomizer", func(c messages.Call) messages.Command {
			return messages.AdmitBlocks{Call: c, Blocks: foreign, Origin: messages.NodeID{1}}
		}},
		{"drive", func(c messages.Call) messages.Command {
			return messages.AbandonTree{Call: c, Tree: 99}
		}},
	} {
		if reply, err := s.Ask(ask.role, ask.make); err != nil {
			s.Broken("%v: %v", reflect.TypeOf(reply), err)
		}
	}
}

// wantFile reads a file and compares it.
func wantFile(s *scenario.Session, target messages.Target, want []byte) {
	statted, err := s.Stat(target)
	if err != nil {
		s.Broken("stat: %v", err)
	}
	got, err := s.Read(statted.Content, 0, len(want)+1)
	if err != nil || !bytes.Equal(got, want) {
		s.Broken("read %d bytes, %v; want %d", len(got), err, len(want))
	}
}

// wantTree compares a directory and all below it.
func wantTree(s *scenario.Session, target messages.Target, want *scenario.Item) {
	infos, err := s.List(target, 3)
	if err != nil || len(infos) != len(want.Entries) {
		s.Broken("%d entries, %v; want %d", len(infos), err, len(want.Entries))
	}
	for _, info := range infos {
		item, below := want.Entries[info.Name], target
		below.Path = path.Join(target.Path, info.Name)
		switch {
		case item == nil || item.Type != info.Type || item.Target != info.Target:
			s.Broken("an entry is not what was stored: %s", info.Type)
		case item.Type == messages.TypeDirectory:
			wantTree(s, below, item)
			continue
		case info.Mode != item.Attr.Mode || !info.ModTime.Equal(item.Attr.ModTime):
			s.Broken("attributes are not what was stored")
		case item.Type == messages.TypeFile:
			wantFile(s, below, item.Data)
		}
	}
}
