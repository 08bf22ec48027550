package scenario_test

import (
	"testing"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/sim/scenario"
)

// TestScenarioRefusals gives a node what it has to refuse, and checks the
// code and that nothing was changed.
func TestScenarioRefusals(t *testing.T) {
	type call = messages.Call
	type command = messages.Command
	for _, test := range []struct {
		name, role string
		want       messages.Code
		make       func(c call) command
	}{
		{"StatNothing", "drive", messages.CodeNotFound, func(c call) command {
			return messages.Stat{Call: c, Target: scenario.At("/none")}
		}},
		{"StatBelowAFile", "drive", messages.CodeNotDirectory, func(c call) command {
			return messages.Stat{Call: c, Target: scenario.At("/file/x")}
		}},
		{"StatDotDot", "drive", messages.CodeInvalid, func(c call) command {
			return messages.Stat{Call: c, Target: scenario.At("/d/../file")}
		}},
		{"ListAFile", "drive", messages.CodeNotDirectory, func(c call) command {
			return messages.List{Call: c, Target: scenario.At("/file"), Limit: 1}
		}},
		{"ListTooMany", "drive", messages.CodeInvalid, func(c call) command {
			return messages.List{Call: c, Target: scenario.At("/"), Limit: messages.ListMax + 1}
		}},
		{"MakeWhatIsThere", "drive", messages.CodeExists, func(c call) command {
			return messages.MakeDirectory{Call: c, Path: "/d"}
		}},
		{"MakeBelowNothing", "drive", messages.CodeNotFound, func(c call) command {
			return messages.MakeDirectory{Call: c, Path: "/none/x"}
		}},
		{"RemoveNothing", "drive", messages.CodeNotFound, func(c call) command {
			return messages.Remove{Call: c, Path: "/none"}
		}},
		{"RemoveWhatIsNotEmpty", "drive", messages.CodeNotEmpty, func(c call) command {
			return messages.Remove{Call: c, Path: "/d"}
		}},
		{"RemoveTheRoot", "drive", messages.CodeInvalid, func(c call) command {
			return messages.Remove{Call: c, Path: "/", Recursive: true}
		}},
		{"RenameNothing", "drive", messages.CodeNotFound, func(c call) command {
			return messages.Rename{Call: c, From: "/none", To: "/x"}
		}},
		{"RenameBelowItself", "drive", messages.CodeInvalid, func(c call) command {
			return messages.Rename{Call: c, From: "/d", To: "/d/x"}
		}},
		{"RenameOntoAFile", "drive", messages.CodeExists, func(c call) command {
			return messages.Rename{Call: c, From: "/d/inside", To: "/file"}
		}},
		{"RenameOntoADirectory", "drive", messages.CodeExists, func(c call) command {
			return messages.Rename{Call: c, From: "/file", To: "/d", Replace: true}
		}},
		{"ShareNothing", "drive", messages.CodeNotFound, func(c call) command {
			return messages.Share{Call: c, Path: "/none"}
		}},
		{"UnshareWhatIsNotKept", "drive", messages.CodeNotFound, func(c call) command {
			return messages.Unshare{Call: c, Link: deadLink()}
		}},
		{"ImportWhatIsNotThere", "drive", messages.CodeNotFound, func(c call) command {
			return messages.Import{Call: c, Link: deadLink(), Path: "/x"}
		}},
		{"AddToNoTree", "drive", messages.CodeNotFound, func(c call) command {
			return messages.AddEntry{Call: c, Tree: 77}
		}},
		{"LeaveNoTree", "drive", messages.CodeNotFound, func(c call) command {
			return messages.LeaveDirectory{Call: c, Tree: 77}
		}},
		{"FinishNoTree", "drive", messages.CodeNotFound, func(c call) command {
			return messages.FinishTree{Call: c, Tree: 77}
		}},
		{"ContinueNoWalk", "drive", messages.CodeNotFound, func(c call) command {
			return messages.ContinueWalk{Call: c, Walk: 77}
		}},
		{"WriteToNoStream", "splitter", messages.CodeNotFound, func(c call) command {
			return messages.WriteChunk{Call: c, Stream: 77, Data: make([]byte, scenario.BlockSize)}
		}},
		{"FinishNoStream", "splitter", messages.CodeNotFound, func(c call) command {
			return messages.FinishStream{Call: c, Stream: 77}
		}},
		{"OpenWithoutChildren", "splitter", messages.CodeInvalid, func(c call) command {
			return messages.OpenStream{Call: c}
		}},
		{"ReadNoHandle", "reader", messages.CodeNotFound, func(c call) command {
			return messages.ReadRange{Call: c, Handle: 77, Length: 1}
		}},
		{"OpenNonsense", "reader", messages.CodeInvalid, func(c call) command {
			return messages.OpenContent{Call: c, Content: messages.Content{Size: 9}}
		}},
		{"UnsealWhatIsNotThere", "reader", messages.CodeNotFound, func(c call) command {
			return messages.UnsealBlock{Call: c, Ref: deadLink().Root, Kind: messages.KindNode}
		}},
		{"PutASmallBlock", "store", messages.CodeInvalid, func(c call) command {
			return messages.PutBlocks{Call: c, Blocks: []messages.Block{{Data: []byte("x")}}}
		}},
		{"ListNoBlocks", "store", messages.CodeInvalid, func(c call) command {
			return messages.ListStored{Call: c}
		}},
		{"ReadBlocksThatAreNotThere", "cache", messages.CodeNotFound, func(c call) command {
			return messages.ReadBlocks{Call: c, CIDs: []messages.CID{{1}}}
		}},
		{"ReserveNothing", "randomizer", messages.CodeInvalid, func(c call) command {
			return messages.ReserveTuples{Call: c, Stream: 1}
		}},
		{"RetireWithoutACollection", "randomizer", messages.CodeInvalid, func(c call) command {
			return messages.RetireBlocks{Call: c, CIDs: []messages.CID{{1}}}
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := newHouse(t, scenario.Options{Seed: 1})
			run(t, h, func(s *scenario.Session) {
				put := func(path string) {
					if _, err := s.PutFile("n", file("content"), messages.Place{Path: path}); err != nil {
						s.Broken("put: %v", err)
					}
				}
				if err := s.MakeDirectory("/d", false); err != nil {
					s.Broken("make a directory: %v", err)
				}
				put("/d/inside")
				put("/file")
				reply, err := s.Ask(test.role, test.make)
				if err == nil || err.Code != test.want {
					s.Broken("%T, %v; want %q", reply, err, test.want)
				}
				wantFile(s, scenario.At("/file"), []byte("content"))
				wantFile(s, scenario.At("/d/inside"), []byte("content"))
				if all, err := s.List(scenario.At("/"), 9); err != nil || len(all) != 2 {
					s.Broken("%d names in the root, %v; want 2", len(all), err)
				}
			})
			if err := h.Settle(nil); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// deadLink opens nothing: its blocks were never stored.
func deadLink() messages.Link {
	return messages.Link{Kind: messages.LinkFile, Root: messages.BlockRef{
		D: messages.CID{1}, A: messages.CID{2}, B: messages.CID{3},
		Key: messages.Secret{4}, Level: 1, Length: 100,
	}}
}
