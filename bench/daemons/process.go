package daemons

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// clockTicks is the unit of CPU time in /proc, per second: USER_HZ, which is
// 100 on every Linux (man 5 proc).
const clockTicks = 100

// cpuSeconds is the CPU time that a process has used, user and system.
func cpuSeconds(pid int) (float64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	// The command's name, in brackets, may have spaces; utime and stime are
	// fields 14 and 15, and the state, which follows the name, is field 3.
	_, rest, _ := bytes.Cut(text[bytes.LastIndexByte(text, ')')+1:], []byte(" "))
	fields := strings.Fields(string(rest))
	if len(fields) < 13 {
		return 0, fmt.Errorf("%w: /proc/%d/stat", ErrDaemon, pid)
	}
	total := 0.0
	for _, field := range fields[11:13] {
		ticks, err := strconv.ParseFloat(field, 64)
		if err != nil {
			return 0, err
		}
		total += ticks / clockTicks
	}
	return total, nil
}

// memoryMiB reads a line of /proc/PID/status: VmRSS, or VmHWM for the peak.
func memoryMiB(pid int, line string) (float64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for row := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(row, line+":"); ok {
			kib, err := strconv.ParseFloat(strings.Fields(value)[0], 64)
			return kib / 1024, err
		}
	}
	return 0, fmt.Errorf("%w: /proc/%d/status has no %s", ErrDaemon, pid, line)
}
