package main

import (
	"bytes"
	"strings"
	"testing"

	"rsc.io/qr"
)

// What is printed has the modules of the code, and light around them.
func TestPrintQR(t *testing.T) {
	const text = "noisefs-invite:2NEpo7TZRRrLZSi2U"
	var b bytes.Buffer
	if err := printQR(&b, text, 80); err != nil {
		t.Fatal(err)
	}
	code, err := qr.Encode(text, qr.L)
	if err != nil {
		t.Fatal(err)
	}
	dark := map[rune][2]bool{' ': {}, '▀': {true, false}, '▄': {false, true}, '█': {true, true}}
	side := code.Size + 2*qrMargin
	lines := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
	if len(lines) != (side+1)/2 {
		t.Fatalf("%d lines for %d modules", len(lines), side)
	}
	for row, line := range lines {
		line = strings.TrimSuffix(strings.TrimPrefix(line, qrColours), qrPlain)
		modules := []rune(line)
		if len(modules) != side {
			t.Fatalf("line %d has %d modules, want %d", row, len(modules), side)
		}
		for x, module := range modules {
			for half, got := range dark[module] {
				y := 2*row + half
				if want := code.Black(x-qrMargin, y-qrMargin); got != want {
					t.Fatalf("the module at %d, %d is %t, want %t", x, y, got, want)
				}
			}
		}
	}
	if err := printQR(&b, text, side-1); err == nil {
		t.Error("a code is printed that does not fit")
	}
}
