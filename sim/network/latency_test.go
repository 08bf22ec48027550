package network_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/noisefs/noisefs/sim/network"
)

func TestReadMatrix(t *testing.T) {
	const text = "0\t10\t0\n20.5\t0\t0\n\n0\t0\t2\t\n"
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	_, _ = z.Write([]byte(text))
	_ = z.Close()
	for name, input := range map[string]string{"Plain": text, "Gzip": zipped.String()} {
		t.Run(name, func(t *testing.T) {
			m, err := network.ReadMatrix(strings.NewReader(input))
			if err != nil || m.Places() != 3 {
				t.Fatalf("%d places, %v", m.Places(), err)
			}
			for _, want := range []struct {
				from, to int
				latency  time.Duration
			}{
				{0, 1, 5000}, {1, 0, 10250}, // as measured
				{0, 2, 10250}, {2, 1, 10250}, // not measured: the median
				{0, 0, 0}, {2, 2, 1000},
			} {
				if got := m.OneWay(want.from, want.to); got != want.latency*time.Microsecond {
					t.Errorf("%d → %d: %s", want.from, want.to, got)
				}
			}
		})
	}
	m := matrixOf(t, []float64{0, 8, 2}, []float64{0, 0, 2}, []float64{2, 2, 0})
	if got := m.OneWay(1, 0); got != 4*time.Millisecond {
		t.Errorf("not measured one way: got %s, want that of the other", got)
	}
}

func TestReadMatrixRefuses(t *testing.T) {
	for _, test := range []struct{ name, text, want string }{
		{"Empty", "", "0 places"},
		{"Word", "0\t1\nx\t0\n", `line 2: column 1: "x"`},
		{"Negative", "0\t-1\n1\t0\n", "line 1: column 2"},
		{"NaN", "NaN\n", "line 1: column 1"},
		{"TooLong", "0\t60001\n1\t0\n", "line 1: column 2"},
		{"Ragged", "0\t1\n\n1\n", "line 3: 1 columns, want 2"},
		{"TooFewRows", "0\t1\n", "row 1 has 2 places, want 1"},
		{"TooManyRows", "0\n1\n", "line 2: more rows"},
		{"TooManyColumns", strings.Repeat("0\t", network.PlacesMax) + "0\n", "line 1: 4097 columns"},
		{"LongLine", strings.Repeat("0", 2<<20), "line 1: "},
		{"CutGzip", "\x1f\x8b\x08\x00", "bad latency matrix"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := network.ReadMatrix(strings.NewReader(test.text))
			if !errors.Is(err, network.ErrMatrix) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want ErrMatrix with %q", err, test.want)
			}
		})
	}
}

func FuzzReadMatrix(f *testing.F) {
	f.Add([]byte("0\t1\n2\t0\n"))
	f.Add([]byte("\x1f\x8b"))
	f.Fuzz(func(t *testing.T, input []byte) {
		m, err := network.ReadMatrix(bytes.NewReader(input))
		if err != nil {
			if !errors.Is(err, network.ErrMatrix) {
				t.Errorf("got %v, want ErrMatrix", err)
			}
			return
		}
		for from := range m.Places() {
			for to := range m.Places() {
				if d := m.OneWay(from, to); d < 0 || d > network.RoundTripMax/2 {
					t.Errorf("%d → %d: %s", from, to, d)
				}
			}
		}
	})
}

// The measured matrix is not part of the project; see NOISEFS_TEST_DATA.
func TestPlanetLabMatrix(t *testing.T) {
	dir := os.Getenv("NOISEFS_TEST_DATA")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "data")
	}
	file, err := os.Open(filepath.Join(dir, "planetlab490_slice1.tsv.gz"))
	if err != nil {
		t.Skipf("no measured matrix: %v", err)
	}
	defer func() { _ = file.Close() }()
	m, err := network.ReadMatrix(file)
	if err != nil {
		t.Fatal(err)
	}
	p, _ := network.PresetNamed("planetlab")
	p = p.WithMatrix(m)
	w := newWorld(t, p.Options)
	var peers []network.Peer
	for i := range 1000 {
		peers = append(peers, w.add(p.Link(1, i))...)
	}
	var sum time.Duration
	for i := range 999 {
		sum += w.net.OneWay(peers[i], peers[i+1])
	}
	// The median round trip is 135 ms, and the mean somewhat above.
	mean := sum / 999
	if m.Places() != 490 || mean < 60*time.Millisecond || mean > 100*time.Millisecond {
		t.Errorf("%d places, mean latency %s", m.Places(), mean)
	}
}

func TestPresets(t *testing.T) {
	names := map[string]bool{}
	for _, p := range network.Presets() {
		if err := p.Options.Validate(); err != nil {
			t.Errorf("%s: %v", p.Name, err)
		}
		names[p.Name] = true
		shares, undialable, hubs := 0.0, 0, 0
		for _, r := range p.Regions {
			shares += r.Share
		}
		if math.Abs(shares-1) > 1e-9 {
			t.Errorf("%s: the shares of its regions add up to %v", p.Name, shares)
		}
		w := newWorld(t, p.Options)
		const nodes = 2000
		for i := range nodes {
			link := p.Link(1, i)
			if link != p.Link(1, i) {
				t.Fatalf("%s: two draws of one node differ", p.Name)
			}
			w.add(link) // fails if it is not valid
			if link.Undialable {
				undialable++
			}
			if link.Hub {
				hubs++
			}
			if link.Up <= 0 || link.Down < link.Up || link.Delay < p.DelayMin || link.Delay > p.DelayMax {
				t.Fatalf("%s: %+v", p.Name, link)
			}
		}
		if want := p.Undialable * (1 - p.Hubs) * nodes; math.Abs(float64(undialable)-want) > 100 ||
			math.Abs(float64(hubs)-p.Hubs*nodes) > 60 {
			t.Errorf("%s: %d cannot be dialled, %d hubs", p.Name, undialable, hubs)
		}
	}
	for _, name := range []string{"lan", "planetlab", "internet", "ipfs-2022", "stable-servers"} {
		if !names[name] {
			t.Errorf("no preset %s", name)
		}
	}
	if _, ok := network.PresetNamed("moon"); ok {
		t.Error("there is a preset called moon")
	}
}

// Where one direction has the same rate everywhere, the other still differs
// from node to node.
func TestEvenDirection(t *testing.T) {
	even, ok := network.PresetNamed("internet")
	if !ok {
		t.Fatal("there is no preset for the internet")
	}
	spread := even
	even.EvenDown = true
	for i := range 50 {
		got, want := even.Link(1, i), spread.Link(1, i)
		if got.Up != want.Up || got.Down != even.Regions[got.Place].Down {
			t.Errorf("node %d has %d up and %d down, want %d and %d",
				i, got.Up, got.Down, want.Up, even.Regions[got.Place].Down)
		}
	}
}
