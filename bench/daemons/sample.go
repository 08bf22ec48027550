package daemons

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Sample is what a daemon has and has used at a moment.
type Sample struct {
	Seconds     float64 `json:"seconds"` // since the measurement began
	CPUSeconds  float64 `json:"cpuSeconds"`
	MemoryMiB   float64 `json:"memoryMiB"` // resident, without pages of files
	Goroutines  float64 `json:"goroutines"`
	Files       float64 `json:"files"` // open, sockets included
	Streams     float64 `json:"streams"`
	Connections float64 `json:"connections"`
	BytesIn     float64 `json:"bytesIn"`
	BytesOut    float64 `json:"bytesOut"`
}

// metricsAt is where a daemon says that it serves its metrics.
var metricsAt = regexp.MustCompile(`Metrics are served" address=(\S+)`)

// metricsMax bounds what is read of a daemon's metrics, in bytes.
const metricsMax = 1 << 20

// measured has a daemon serve its metrics.
var measured = []string{"--metrics", "127.0.0.1:0"}

// sample asks the daemon, which was started with measured, how it is.
func (d *daemon) sample(ctx context.Context, since time.Time) (Sample, error) {
	values, err := d.metrics(ctx)
	if err != nil {
		return Sample{}, fmt.Errorf("daemons: metrics: %w", err)
	}
	return Sample{
		Seconds:     time.Since(since).Seconds(),
		CPUSeconds:  values["process_cpu_seconds_total"],
		MemoryMiB:   values["process_resident_memory_anon_bytes"] / (1 << 20),
		Goroutines:  values["go_goroutines"],
		Files:       values["process_open_fds"],
		Streams:     values["noisefs_network_streams"],
		Connections: values["noisefs_network_connections"],
		BytesIn:     values["noisefs_network_received_bytes_total"],
		BytesOut:    values["noisefs_network_sent_bytes_total"],
	}, nil
}

// metrics reads the metrics that have no labels.
func (d *daemon) metrics(ctx context.Context) (map[string]float64, error) {
	if d.metricsAt == "" {
		found := metricsAt.FindStringSubmatch(d.said.String())
		if found == nil {
			return nil, fmt.Errorf("%w: it serves no metrics", ErrDaemon)
		}
		d.metricsAt = found[1]
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet,
		"http://"+d.metricsAt+"/metrics", nil)
	if err != nil {
		return nil, err
	}
	// A connection that stays open would be one of the files that are counted.
	request.Close = true
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	values := make(map[string]float64)
	lines := bufio.NewScanner(io.LimitReader(response.Body, metricsMax))
	for lines.Scan() {
		name, text, ok := strings.Cut(lines.Text(), " ")
		if !ok || strings.Contains(name, "{") {
			continue
		}
		if value, err := strconv.ParseFloat(text, 64); err == nil {
			values[name] = value
		}
	}
	return values, lines.Err()
}
