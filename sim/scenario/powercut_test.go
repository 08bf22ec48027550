package scenario_test

import (
	"fmt"
	"testing"

	"github.com/noisefs/noisefs/sim/scenario"
)

func TestSmoke(t *testing.T) {
	for seed := range uint64(30) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			h, err := scenario.New(scenario.Options{Seed: seed})
			if err != nil {
				t.Fatal(err)
			}
			var workers []*scenario.Worker
			for i := range 3 {
				w := h.NewWorker(i)
				workers = append(workers, w)
				h.Client.Go(func(s *scenario.Session) { w.Begin(s); w.Work(s, 200) })
			}
			if err := h.Settle(workers); err != nil {
				t.Fatalf("%.500s", err.Error())
			}
			a, r := h.Client.Counts()
			t.Log(a, r, h.World.Deliveries(), h.World.Elapsed(), len(h.Stored()))
		})
	}
}
