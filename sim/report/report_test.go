package report_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/noisefs/noisefs/sim/report"
)

var update = flag.Bool("update", false, "write the golden files anew")

// newResult returns a result that uses every field.
func newResult() *report.Result {
	draw := rand.New(rand.NewPCG(1, 2))
	figures := report.Figures{}
	values := map[report.Figure]float64{
		report.Reads: 12000, report.ReadFailures: 3, report.Availability: 1 - 3.0/12000,
		report.MeanSeconds: 0.1834, report.P50Seconds: 0.1512, report.P99Seconds: 1.22,
		report.P999Seconds: 4.8, report.BytesMoved: 4.1e9, report.BytesPerUsefulByte: 2.97,
		report.ReplicasMean: 4.25, report.UnderReplicated: 0, report.LoadGini: 0.31,
		report.GossipPerNodeSecond: 212, report.HedgeShare: 0.0213, report.GroupingOdds: 0.0004,
	}
	for figure, value := range values {
		figures.Set(figure, value)
	}
	r := &report.Result{
		Scenario: "sample", Seed: 7, Nodes: 100, Commit: "0123abcd",
		Command:        "noisefs sim run sample --seed 7",
		VirtualSeconds: 120, WallSeconds: 8.25, Events: 1234567, TraceHash: 0xabc,
		InvariantsChecked:  25000,
		InvariantsViolated: []string{"a <wrong> byte was read"},
		Checks:             []report.Check{{Name: "bytes read are those written", Times: 24000}},
		Before:             []string{"1m55s  n0001  crashed"},
		LastEvents:         []string{"119.9s n0001/reader ← RangeRead"},
		Figures:            figures,
		Assertions: []report.Assertion{
			{Metric: report.Availability, Op: ">=", Value: 0.999, Got: new(0.99975), OK: true},
			{Metric: report.P99Seconds, Op: "<=", Value: 1, Got: new(1.22)},
			{Metric: report.Hedges, Op: ">", Value: 0},
		},
		Observers: &report.Observers{
			Nodes: 10, Requests: 54321, GroupingOdds: 0.0004, GroupingChance: 0.0001,
			NamingOdds: 0.021, NamingChance: 0.01,
		},
	}
	latencies := report.NewLatencies()
	for range 5000 {
		took := math.Exp(draw.NormFloat64()*0.7 - 2)
		latencies.Add(time.Duration(took * float64(time.Second)))
	}
	r.ReadLatency = latencies.CDF()
	for i := range 24 {
		r.Samples = append(r.Samples, report.Sample{
			AtSeconds: float64(5 * (i + 1)), NodesAlive: 100 - i/8, Reads: 480 + draw.IntN(40),
			ReadFailures: draw.IntN(10) / 8, P50Seconds: 0.14 + draw.Float64()/50,
			P99Seconds: 1 + draw.Float64(), BlockBytes: 1.5e8 + draw.Float64()*3e7,
			ReplicaBytes: draw.Float64() * 4e7, GossipBytes: 1e6 + draw.Float64()*1e5,
			BytesStored: 3e9 + float64(i)*2e7, ReplicasMean: 3 + float64(i)/20,
			UnderReplicated: max(0, 20-i),
		})
	}
	for i := range 10 {
		r.Deciles = append(r.Deciles, report.Decile{
			Blocks: 80, ReadsPerHour: 0.5 * math.Pow(2, float64(i)), Replicas: 3 + float64(i)/2,
			ReplicasMin: 3, ReplicasMax: 3 + i,
		})
	}
	for range 300 {
		demand := 0.5 * math.Pow(2, draw.Float64()*10)
		r.Blocks = append(r.Blocks, report.BlockPoint{
			ReadsPerHour: demand, Replicas: 3 + int(math.Log2(demand+1)/2+draw.Float64()*2),
		})
	}
	return r
}

func TestGolden(t *testing.T) {
	tests := []struct {
		name  string
		write func(*report.Result, io.Writer) error
	}{
		{"table.txt", (*report.Result).WriteTable},
		{"result.json", (*report.Result).WriteJSON},
		{"page.html", (*report.Result).WriteHTML},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var b bytes.Buffer
			if err := test.write(newResult(), &b); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join("testdata", test.name)
			if *update {
				if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), b.String()); diff != "" {
				t.Errorf("go test ./sim/report -update, if this is meant:\n%s", diff)
			}
		})
	}
}

// The page follows from plan and seed: the wall clock is not in it.
func TestPageHasNoWallClock(t *testing.T) {
	pages := [2]bytes.Buffer{}
	for i := range pages {
		r := newResult()
		r.WallSeconds = 1234.5 * float64(i+1)
		if err := r.WriteHTML(&pages[i]); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(pages[0].Bytes(), pages[1].Bytes()) {
		t.Error("two pages of one seed differ")
	}
}

// A page needs nothing from elsewhere, is well-formed, and obeys no text.
func TestPageIsSelfContained(t *testing.T) {
	var b bytes.Buffer
	if err := newResult().WriteHTML(&b); err != nil {
		t.Fatal(err)
	}
	page := b.String()
	for _, word := range []string{
		"http:", "https:", "<script", "url(", "@import", "src=", "ZgotmplZ",
	} {
		if strings.Contains(page, word) {
			t.Errorf("the page contains %q", word)
		}
	}
	if !strings.Contains(page, "a &lt;wrong&gt; byte was read") {
		t.Error("text is not escaped, or not there")
	}
	for _, part := range strings.Split(page, "<svg")[1:] {
		drawing, _, _ := strings.Cut(part, "</svg>")
		decoder := xml.NewDecoder(strings.NewReader("<svg" + drawing + "</svg>"))
		for {
			if _, err := decoder.Token(); err == io.EOF {
				break
			} else if err != nil {
				t.Fatal(err)
			}
		}
		if strings.Contains(drawing, "NaN") || strings.Contains(drawing, "Inf") {
			t.Error("a drawing has no number where one should be")
		}
	}
}

// A run that measured nothing is written as well.
func TestEmptyResult(t *testing.T) {
	r := &report.Result{Samples: []report.Sample{{}, {AtSeconds: 1}}, Deciles: []report.Decile{{}}}
	for _, write := range []func(io.Writer) error{r.WriteTable, r.WriteJSON, r.WriteHTML} {
		var b bytes.Buffer
		if err := write(&b); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(b.String(), "NaN") || strings.Contains(b.String(), "Inf") {
			t.Errorf("got\n%s", &b)
		}
	}
	var b bytes.Buffer
	if err := new(report.Result).WriteJSON(&b); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(b.String(), "null") {
		t.Errorf("a list or object is null:\n%s", &b)
	}
}

func TestJSONReadsBack(t *testing.T) {
	var b bytes.Buffer
	want := newResult()
	if err := want.WriteJSON(&b); err != nil {
		t.Fatal(err)
	}
	var got report.Result
	if err := json.Unmarshal(b.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, &got); diff != "" {
		t.Error(diff)
	}
}

func TestEventWriter(t *testing.T) {
	var b bytes.Buffer
	w := report.NewEventWriter(&b)
	w.Write(report.Event{AtSeconds: 1.5, Kind: "nodeCrashed", Node: "n0001"})
	w.Write(report.Event{AtSeconds: 2, Kind: "blockRead", Node: "n0002", Bytes: 131072, Seconds: 0.25})
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	want := `{"at":1.5,"kind":"nodeCrashed","node":"n0001"}
{"at":2,"kind":"blockRead","node":"n0002","bytes":131072,"seconds":0.25}
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Error(diff)
	}
	var none *report.EventWriter
	none.Write(report.Event{})
	if err := none.Close(); err != nil {
		t.Error("no log:", err)
	}
	broken := report.NewEventWriter(brokenWriter{})
	broken.Write(report.Event{Text: strings.Repeat("x", 1<<20)})
	broken.Write(report.Event{})
	if err := broken.Close(); !errors.Is(err, io.ErrShortWrite) {
		t.Errorf("got %v, want the writer's error", err)
	}
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, io.ErrShortWrite }

// Student's own example, the sleep gained by two drugs (Biometrika 1908,
// table on page 20), for which R's t.test(paired = TRUE) gives a mean
// difference of 1.58 with the interval 0.7001142 to 2.4598858.
func TestEstimateDifference(t *testing.T) {
	a := []float64{0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0, 2.0}
	b := []float64{1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4}
	got, err := report.EstimateDifference(a, b)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "mean", got.Mean, 1.58, 1e-7)
	near(t, "low", got.Mean-got.Half, 0.7001142, 1e-7)
	near(t, "high", got.Mean+got.Half, 2.4598858, 1e-7)
	if !got.Clear() {
		t.Error("zero is not in the interval")
	}
	if _, err := report.EstimateDifference(a, b[1:]); !errors.Is(err, report.ErrPairs) {
		t.Errorf("got %v, want ErrPairs", err)
	}
}

func TestEstimateMean(t *testing.T) {
	// t(0.975, 4) = 2.776445 in every table; the deviation of 1..5 is √2.5.
	got := report.EstimateMean([]float64{1, 2, 3, 4, 5})
	near(t, "mean", got.Mean, 3, 1e-12)
	near(t, "half", got.Half, 2.776445*math.Sqrt(2.5/5), 1e-5)
	one := report.EstimateMean([]float64{7})
	if one.Mean != 7 || !math.IsInf(one.Half, 1) || one.Clear() {
		t.Errorf("got %+v of one sample", one)
	}
}

// What rounding leaves is no spread, and no difference.
func TestEstimateOfRoundedValues(t *testing.T) {
	a, b := 0.3, 0.1
	b += 0.2
	if a == b {
		t.Fatal("these values are to differ by rounding")
	}
	if got := report.EstimateMean([]float64{a, b, a}); got.Half != 0 {
		t.Errorf("got %+v", got)
	}
	got, err := report.EstimateDifference([]float64{a, a}, []float64{b, b})
	if err != nil || got.Mean != 0 || got.Clear() {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestGini(t *testing.T) {
	tests := []struct {
		loads []float64
		want  float64
	}{
		{[]float64{5, 5, 5}, 0},
		{[]float64{0, 0, 0, 8}, 0.75},
		{[]float64{3, 1, 5, 2, 4}, 4.0 / 15},
	}
	for _, test := range tests {
		before := slices.Clone(test.loads)
		near(t, "gini", report.Gini(test.loads), test.want, 1e-12)
		if !slices.Equal(before, test.loads) {
			t.Error("the loads were changed")
		}
	}
	if got := report.Gini([]float64{0, 0}); !math.IsNaN(got) {
		t.Errorf("got %g of no load", got)
	}
}

func near(t *testing.T, what string, got, want, within float64) {
	t.Helper()
	if math.Abs(got-want) > within {
		t.Errorf("%s: got %g, want %g", what, got, want)
	}
}

func TestLatencies(t *testing.T) {
	draw := rand.New(rand.NewPCG(3, 4))
	all, half := report.NewLatencies(), report.NewLatencies()
	var exact []float64
	for i := range 20000 {
		took := math.Exp(draw.NormFloat64() - 1)
		exact = append(exact, took)
		to := all
		if i%2 == 0 {
			to = half
		}
		to.Add(time.Duration(took * float64(time.Second)))
	}
	all.Merge(half)
	slices.Sort(exact)
	if all.Count() != 20000 {
		t.Errorf("got %d durations", all.Count())
	}
	for _, q := range []float64{0.01, 0.5, 0.99, 0.999} {
		want := exact[int(q*20000)-1]
		near(t, "quantile", all.Quantile(q)/want, 1, 0.011)
	}
	cdf := all.CDF()
	if last := cdf[len(cdf)-1]; last.Share != 1 || len(cdf) > 300 {
		t.Errorf("%d points, the last %+v", len(cdf), last)
	}
	for i := 1; i < len(cdf); i++ {
		if cdf[i].Seconds <= cdf[i-1].Seconds || cdf[i].Share <= cdf[i-1].Share {
			t.Fatalf("the distribution falls from %+v to %+v", cdf[i-1], cdf[i])
		}
	}
	for _, p := range cdf {
		at, _ := slices.BinarySearch(exact, p.Seconds)
		near(t, "share", p.Share, float64(at)/20000, 0.02)
	}
	all.Add(-time.Second)
	all.Add(1000 * time.Hour)
	all.Reset()
	if all.Count() != 0 || !math.IsNaN(all.Quantile(0.5)) || !math.IsNaN(all.Mean()) ||
		all.CDF() != nil {
		t.Error("something is left after Reset")
	}
}

func TestFigures(t *testing.T) {
	f := report.Figures{}
	f.SetShare(report.Availability, 0, 0)
	if _, ok := f[report.Availability]; ok {
		t.Error("the share of nothing was stored")
	}
	defer func() {
		if recover() == nil {
			t.Error("a figure that is not described was stored")
		}
	}()
	f.Set("speed", 1)
}

func TestFormat(t *testing.T) {
	tests := []struct {
		value float64
		unit  report.Unit
		want  string
	}{
		{0, report.UnitCount, "0"},
		{1234567, report.UnitCount, "1,234,567"},
		{999, report.UnitCount, "999"},
		{2.9712, report.UnitRatio, "2.97"},
		{0.00123456, report.UnitRatio, "0.00123"},
		{1, report.UnitShare, "100 %"},
		{0.9999999, report.UnitShare, "99.9999 %"},
		{1.6034108514, report.UnitShare, "160.34 %"},
		{0.9999, report.UnitShare, "99.9900 %"},
		{0.5, report.UnitShare, "50.00 %"},
		{0.00042, report.UnitShare, "0.042 %"},
		{0.000002, report.UnitSeconds, "2 µs"},
		{0.1512, report.UnitSeconds, "151 ms"},
		{12.345, report.UnitSeconds, "12.35 s"},
		{7200, report.UnitSeconds, "120 min"},
		{-1.5, report.UnitSeconds, "-1.5 s"},
		{1 << 20, report.UnitBytes, "1 MiB"},
		{1536, report.UnitRate, "1.5 KiB/s"},
		{math.Inf(1), report.UnitCount, "?"},
	}
	for _, test := range tests {
		if got := report.Format(test.value, test.unit); got != test.want {
			t.Errorf("%g as %s: got %q, want %q", test.value, test.unit, got, test.want)
		}
	}
}
