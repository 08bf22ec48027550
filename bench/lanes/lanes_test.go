package lanes

import (
	"context"
	"os"
	"os/exec"
	"strconv"
	"testing"
)

// This program is the second process, too.
func TestMain(m *testing.M) {
	if blocks, err := strconv.Atoi(os.Getenv("LANES_TEST_HOLDER")); err == nil {
		if err := Hold(blocks, os.Stdin, os.Stdout); err != nil {
			panic(err)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// Every means carries all blocks, and costs something.
func TestMeasure(t *testing.T) {
	holder := exec.Command(os.Args[0])
	holder.Env = append(os.Environ(), "LANES_TEST_HOLDER=100")
	holder.Stderr = os.Stderr
	said := 0
	lanes, err := Measure(context.Background(), Options{
		Blocks: 100, Rounds: 1, Holder: holder, Say: func(string) { said++ },
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(lanes) != 6 || said != 6 {
		t.Errorf("%d means, of which %d were announced; want 6", len(lanes), said)
	}
	for _, lane := range lanes {
		if lane.MBps <= 0 || lane.CPUPerGiB <= 0 {
			t.Errorf("%+v", lane)
		}
	}
}
