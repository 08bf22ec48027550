package main

import (
	"fmt"
	"io"
	"strings"

	"golang.org/x/term"
	"rsc.io/qr"
)

// qrMargin is how many light modules are around a QR code: four, by ISO/IEC
// 18004, or it is not found.
const qrMargin = 4

// Colours of a QR code: they are set, since a reader wants dark on light, and
// nobody knows which the terminal has.
const (
	qrColours = "\x1b[30;107m" // black on bright white
	qrPlain   = "\x1b[0m"
)

// printQR draws text as a QR code, two modules in one character. columns is how
// wide the terminal is; a code that is wider is refused, since a broken one is of
// no use.
func printQR(w io.Writer, text string, columns int) error {
	code, err := qr.Encode(text, qr.L)
	if err != nil {
		return fmt.Errorf("QR code: %w", err)
	}
	if wide := code.Size + 2*qrMargin; wide > columns {
		return fmt.Errorf("QR code: it takes %d columns, and the terminal has %d", wide, columns)
	}
	var b strings.Builder
	for y := -qrMargin; y < code.Size+qrMargin; y += 2 {
		b.WriteString(qrColours)
		for x := -qrMargin; x < code.Size+qrMargin; x++ {
			upper, lower := code.Black(x, y), code.Black(x, y+1)
			switch {
			case upper && lower:
				b.WriteString("█")
			case upper:
				b.WriteString("▀")
			case lower:
				b.WriteString("▄")
			default:
				b.WriteString(" ")
			}
		}
		b.WriteString(qrPlain + "\n")
	}
	_, err = io.WriteString(w, b.String())
	return err
}

// qrColumnsOtherwise is how wide a QR code may be that does not go to a terminal.
const qrColumnsOtherwise = 200

// columns is how wide the terminal is that w is.
func columns(w any) int {
	if f, ok := w.(interface{ Fd() uintptr }); ok {
		if wide, _, err := term.GetSize(int(f.Fd())); err == nil {
			return wide
		}
	}
	return qrColumnsOtherwise
}
